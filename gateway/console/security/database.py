"""console.db: what the console keeps of its own, in one SQLite file for its account alone.

Nothing in it is the only copy of a record: sessions and credentials may be thrown away, and
everybody then gets a new one-time code.  So a damaged file is put aside and a new one begins, at
the start and while the console works: nobody has a session or a password in it, so nobody gets in
by it.  Secrets that were handed out (tokens of sessions, codes) stand here as digests, so a copy of
the file signs nobody in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gateway.locale import worded
from gateway.vault.copies import keep_copy
from gateway.vault.databases import SIDES, damage_of, identity, is_damage
from gateway.vault.files import new_file
from gateway.vault.statefile import Damage, put_aside

VERSION = 2
"""Of the tables.  A file of version 1 is brought up; one of a newer program is refused."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS credential (
    operator TEXT PRIMARY KEY,
    password TEXT NOT NULL DEFAULT '',
    totp BLOB NOT NULL DEFAULT x'',
    totp_step INTEGER NOT NULL DEFAULT 0,
    language TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS passkey (
    id TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    label TEXT NOT NULL,
    added REAL NOT NULL,
    used REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS code (
    operator TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    ends REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    csrf TEXT NOT NULL,
    began REAL NOT NULL,
    seen REAL NOT NULL,
    how TEXT NOT NULL,
    stage TEXT NOT NULL,
    roles TEXT NOT NULL,
    stepped REAL NOT NULL DEFAULT 0,
    challenge TEXT NOT NULL DEFAULT '',
    browser TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS session_operator ON session (operator);
CREATE TABLE IF NOT EXISTS known (
    token TEXT NOT NULL,
    operator TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (token, operator)
) STRICT;
CREATE TABLE IF NOT EXISTS screen (
    token TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    by TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS note (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
"""

# Version 1 had neither second factors nor bound sessions.  Everybody signs in anew.
_FROM_1 = """
ALTER TABLE credential ADD COLUMN totp BLOB NOT NULL DEFAULT x'';
ALTER TABLE credential ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
DROP TABLE session;
"""


class Database:
    """The file at `path`, made if it is missing or damaged.  Any thread may use it; every call
    blocks for a moment.  Raises OSError or sqlite3.Error.

    `begun` says that there was one before: then one that is missing is told as well.
    """

    def __init__(self, path: Path, *, begun: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.damages: list[Damage] = []
        """What was found damaged and is not on record yet."""
        self._lock = threading.RLock()
        self._begun = begun
        self._open()

    def _open(self) -> None:
        """Open the file, or a new one in the place of one that is damaged or missing."""
        if (self._begun or os.path.lexists(self.path)) and (why := damage_of(self.path)):
            self._put_aside(why)
        self._begun = True
        with (
            contextlib.suppress(FileExistsError),
            new_file(self.path, mode=0o600) as part,
            closing(sqlite3.connect(part, isolation_level=None)) as db,
        ):
            _bring_up(db, part)
        self._file = identity(self.path)
        self._db = sqlite3.connect(
            self.path, check_same_thread=False, isolation_level=None, timeout=10
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA secure_delete = ON")
        try:
            _bring_up(self._db, self.path)
        except BaseException:
            self._db.close()
            raise

    def _put_aside(self, why: str) -> None:
        aside = put_aside(self.path, *SIDES)
        self._begun = False  # it is told
        self.damages.append(Damage(self.path.name, why, "sign_in_anew", aside))

    def _again(self, why: str) -> None:
        """The file is damaged, or is another one: go on with what is there now, or with a new one.
        It is put aside before it is closed, because SQLite removes side files by their name."""
        self._file = (0, 0)  # if this fails, the next one tries again
        if why:
            self._put_aside(why)
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._open()

    @property
    def _within(self) -> bool:
        try:
            return self._db.in_transaction
        except sqlite3.ProgrammingError:  # it is closed
            return False

    def _ask(self, sql: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        if self._within:
            return self._db.execute(sql, values)
        if identity(self.path) != self._file:
            self._again("")
        try:
            return self._db.execute(sql, values)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._again(f"{self.path.name} is damaged: {error}")
            return self._db.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing."""
        with self._lock:
            self._ask("BEGIN IMMEDIATE", ())
            try:
                yield
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if is_damage(error):
                    self._again(f"{self.path.name} is damaged: {error}")
                raise
            self._db.execute("COMMIT")

    def one(self, sql: str, *values: object) -> Any:
        """The first row, as a tuple; None if there is none."""
        with self._lock:
            return self._ask(sql, values).fetchone()

    def all(self, sql: str, *values: object) -> list[Any]:
        """All rows."""
        with self._lock:
            return self._ask(sql, values).fetchall()

    def do(self, sql: str, *values: object) -> int:
        """Change something; returns how many rows."""
        with self._lock:
            return self._ask(sql, values).rowcount

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def _bring_up(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or those of an older file into these: whole or not at all, and after a
    copy of the older ones."""
    db.execute("BEGIN IMMEDIATE")
    try:
        found = int(db.execute("PRAGMA user_version").fetchone()[0])
        if found > VERSION:
            raise sqlite3.DatabaseError(
                worded("{name} was made by a newer version of this program", name=path.name)
            )
        columns = {row[1] for row in db.execute("PRAGMA table_info(credential)")}
        if columns and "totp" not in columns:
            keep_copy(path, found)
            for statement in _FROM_1.strip().splitlines():
                db.execute(statement)
        if found < VERSION:
            for statement in SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def new_token() -> str:
    """A secret of 256 bits, as text that a cookie holds."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a secret that has as many bits: its SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
