"""The newest head of each log that a witness cosigned, in SQLite.

The file is made once, with the witness's key.  One that is lost or damaged is never begun anew by
itself: a witness that forgot what it cosigned would cosign a log that was cut or written anew.  Its
owner says so (`garita witness anew`).

One transaction reaches from the look at what is held to the new head on the disk (BEGIN IMMEDIATE:
SQLite lets one writer in at a time, of all threads and processes).  Otherwise two requests at once
could each be right and take the witness back together (c2sp.org/tlog-witness, add-checkpoint).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.locale import GaritaError, worded
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.note import Note, NoteError
from gateway.vault.databases import damage_of
from gateway.vault.files import new_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (
    origin TEXT PRIMARY KEY,
    note   TEXT NOT NULL,      -- the checkpoint with the log's signature and ours
    time   INTEGER NOT NULL    -- Unix seconds of our cosignature
) WITHOUT ROWID;
"""
_APPLICATION = 0x47415277  # "GARw": whose file this is
BUSY_MS = 5000
MOST_HEADS = 100_000
"""Whoever has a log's key can begin new origins, and must not fill the disk with them."""


class StoreError(GaritaError):
    """The heads can't be read or written: nothing is cosigned meanwhile."""


@dataclass(frozen=True, slots=True)
class Held:
    """The newest head of a log, cosigned at `time` (Unix seconds)."""

    checkpoint: Checkpoint
    note: Note
    time: int


class Store:
    """The file at `path`, which `begin` made.  May be used from several threads.

    Every method raises StoreError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        if why := damage_of(path):
            raise StoreError(
                worded(
                    "{why}: what this witness cosigned is lost, so it cosigns nothing.  Put the "
                    "file back as it was last, or say `garita witness anew` (docs/witness.md)",
                    why=why,
                )
            )
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            if self._db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                raise StoreError(f"{path}: it is not the file of a witness")
            # No -wal: SQLite passes over what is damaged there, and would go back to older heads.
            self._db.execute("PRAGMA journal_mode = DELETE")
            self._db.execute("PRAGMA synchronous = EXTRA")
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error

    @staticmethod
    def begin(path: Path) -> None:
        """Make the file of a witness that cosigned nothing yet.  Raises StoreError, also if there
        is anything of that name."""
        try:
            with new_file(path, mode=0o600) as part, closing(sqlite3.connect(part)) as db:
                db.executescript(f"PRAGMA application_id = {_APPLICATION}; {_SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from error

    def advance(self, origin: str, step: Callable[[Held | None, int], Held]) -> Held:
        """Have `step` make the next head of a log out of the present one, and keep it; returns it
        when it is on the disk.

        `step` also gets the newest time in the file (0: none).  What it raises leaves all as it
        is, and is raised here.
        """
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                newest = db.execute("SELECT coalesce(max(time), 0) FROM heads").fetchone()[0]
                held = self._held(db, origin)
                if held is None and _count(db) >= MOST_HEADS:
                    raise StoreError(f"{self._path}: there are {MOST_HEADS} logs in it already")
                made = step(held, int(newest))
                row = (origin, made.note.write(), made.time)
                db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", row)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return made

    def held(self, origin: str) -> Held | None:
        """The newest head of a log; None if nothing of it was cosigned."""
        with self._reading() as db:
            return self._held(db, origin)

    def named(self, digest: str, hashed: Callable[[str], str]) -> Held | None:
        """The newest head of the log whose name has the hash `digest`."""
        with self._reading() as db:
            origins = [name for (name,) in db.execute("SELECT origin FROM heads")]
            found = next((name for name in origins if hashed(name) == digest), None)
            return self._held(db, found) if found is not None else None

    def all(self) -> list[Held]:
        """The newest heads of all logs, by name."""
        with self._reading() as db:
            origins = db.execute("SELECT origin FROM heads ORDER BY origin").fetchall()
            found = [self._held(db, origin) for (origin,) in origins]
        return [one for one in found if one is not None]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._db
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    def _held(self, db: sqlite3.Connection, origin: str) -> Held | None:
        row = db.execute("SELECT note, time FROM heads WHERE origin = ?", (origin,)).fetchone()
        if row is None:
            return None
        try:
            held = note.parse(str(row[0]))
            return Held(Checkpoint.parse(held.text), held, int(row[1]))
        except (NoteError, ValueError) as error:
            # Without what was cosigned nobody can say what may be: the witness stops for this log.
            raise StoreError(f"{self._path}: the head of {origin} is damaged: {error}") from error


def _count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM heads").fetchone()[0])
