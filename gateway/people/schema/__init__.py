"""The tables of people.db, and how an older file becomes a current one.

Each schema version is a file of SQL beside this one: ``001_people.sql`` makes the tables of
version 1, ``002_pins.sql`` turns version 1 into version 2, and so on.  A comment at the top of
each file says what the tables are for.  A file is never changed after its release; a new version
is a new file and a larger `SCHEMA_VERSION` (gateway/people/lookup.py).

Commands call `open_admin`, the daemon calls `migrate` when it starts.  The standard library is
enough for both: docs/decisions/0008-people.md says why sqlite-utils is not used.
"""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gateway.ledger.event import EventType
from gateway.ledger.operator import with_person
from gateway.locale import worded
from gateway.people import marks
from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable, compare_names
from gateway.vault.copies import keep_copy
from gateway.vault.files import adopt

FOLDER = Path(__file__).parent
MARKED = EventType.TABLES_MARKED
ROWS_PER_EVENT = 60
"""So many marks in one event: some 6 KB, which every broker takes."""
_MARKS_SINCE = 10
_MORE_MARKS_SINCE = 12
_MORE = ("requirement", "visit_badge", "pin", "person_key", "template")  # marked since then


class Admin(sqlite3.Connection):
    """A connection for changes: what an act wrote after its event is told in an event of its own
    before it is committed, so that no row is written without a record."""

    def commit(self) -> None:
        self._tell()
        super().commit()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Literal[False]:
        if kind is None:
            try:
                self._tell()
            except BaseException:
                self.rollback()
                raise
        return super().__exit__(kind, error, trace)

    def _tell(self) -> None:
        if self.in_transaction and (taken := marks.taken(self)):
            _put_marks(self, taken, why="act")


def open_admin(path: Path) -> sqlite3.Connection:
    """Open people.db for changes.

    Makes the file if it is missing and brings an older one up to the present version.  Close the
    connection after use.  Raises RosterUnavailable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Guards and HR, who are in the gateway's group, write it by their own accounts.  They
            # can't replace it, because the folder is the gateway's.  SQLite gives its side files
            # the same mode, whatever the umask.
            handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o660)
            os.fchmod(handle, 0o660)
            os.close(handle)
            adopt(path)
        connection = compare_names(sqlite3.connect(path, timeout=10, factory=Admin))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # SQLite overwrites deleted rows with zeros, so that nobody can find deleted keys,
        # templates and hashes in the file.
        connection.execute("PRAGMA secure_delete = ON")
        _bring_up(connection, path, create=True)
        marks.watch(connection)
        return connection
    except (sqlite3.Error, OSError) as error:
        if path.exists() and not os.access(path.parent, os.W_OK):
            # The group writes through the side files that the running gateway holds open.
            raise RosterUnavailable(
                worded("{path}: while the gateway is stopped, only root may change it", path=path)
            ) from error
        raise RosterUnavailable(f"{path}: {error}") from error


def migrate(path: Path, *, keep: bool = True) -> None:
    """Bring an older people.db up to this program's version, whole or not at all.

    The list as it is before is kept in the folder ``before-upgrade`` (gateway/vault/copies.py), but
    for a file that is a copy itself (`keep` False).  A migration that is killed leaves the older
    version, and the next one begins anew.

    The daemon calls this when it starts after an update: its `Roster` reads the present version
    only, and nobody should have to run a command before the gate opens again.  Does nothing if
    there is no list yet or the list is current.  Waits up to 10 s for a command that is writing.
    Raises RosterUnavailable if the file can't be migrated.
    """
    try:
        if not path.exists():
            return
        # Mode rw never makes a file: the first sync does that, with the right owner and mode.
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            compare_names(connection)
            connection.execute("PRAGMA synchronous = FULL")
            _bring_up(connection, path, create=False, keep=keep)
    except (sqlite3.Error, OSError) as error:
        raise RosterUnavailable(f"{path}: {error}") from error


def now_text() -> str:
    """The present time as rows hold it: RFC 3339, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def put_event(db: sqlite3.Connection, kind: str, subject: str, data: Mapping[str, Any]) -> str:
    """Put the event of an administrator's act into the outbox; returns the event's id.

    Call it inside the transaction of the act, so that the act and its event are written together.
    The event gets the marks of the rows that were written since the last one
    (gateway/people/marks.py); if they are many, events of their own follow with them.
    If `by` is an operator with a person, the person stands beside it in the record.
    """
    taken = marks.taken(db)
    few = len(taken.rows) <= ROWS_PER_EVENT
    if few and taken.rows:
        data = {**data, "rows": taken.rows}
    if few and taken.sums:
        data = {**data, "sums": taken.sums}
    event_id = _put(db, kind, subject, data)
    if not few:
        _put_marks(db, taken, why=kind)
    return event_id


def mark_all(
    db: sqlite3.Connection, *, why: str, tables: Iterable[str] = tuple(marks.TABLES)
) -> None:
    """Put the marks of all rows of `tables` as they are into the outbox, in the caller's
    transaction, but for those that an act in the outbox has already."""
    marks.ready(db)
    waiting: set[str] = set()
    for (data,) in db.execute("SELECT data FROM outbox"):
        told = json.loads(data)
        waiting.update(told.get("rows") or (), told.get("sums") or ())
    rows, whole = {}, {}
    for name in tables:
        count = db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - our names
        found = marks.present(db, [name])
        if marks.TABLES[name].many and (count > marks.MANY or name in waiting):
            whole[name] = marks.as_sum(sum(marks.number(mark) for _, mark in found))
        else:
            rows.update({row: ("", mark) for row, mark in found if row not in waiting})
    if rows or whole:
        put_marks(db, MARKED, {"why": why}, rows, {"whole": whole} if whole else {})


def mark_anew(path: Path) -> None:
    """Put the marks of all rows into the outbox, because a new log has begun and knows none.

    Does nothing if there is no list, or it is of an earlier version.  Raises RosterUnavailable.
    """
    try:
        if not path.exists():
            return
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection, path) == SCHEMA_VERSION:
                mark_all(connection, why="new log")
    except sqlite3.Error as error:
        raise RosterUnavailable(f"{path}: {error}") from error


def _put(db: sqlite3.Connection, kind: str, subject: str, data: Mapping[str, Any]) -> str:
    event_id = str(uuid.uuid4())
    text = json.dumps(with_person(data), ensure_ascii=False)
    db.execute(
        "INSERT INTO outbox (id, created_at, type, subject, data) VALUES (?, ?, ?, ?, ?)",
        (event_id, now_text(), kind, subject, text),
    )
    return event_id


def _put_marks(db: sqlite3.Connection, taken: marks.Taken, *, why: str) -> None:
    sums = {"sums": taken.sums} if taken.sums else {}
    put_marks(db, MARKED, {"why": why}, taken.rows, sums)


def put_marks(
    db: sqlite3.Connection,
    kind: str,
    about: Mapping[str, Any],
    rows: marks.Rows,
    first: Mapping[str, Any],
    accepted: Mapping[str, Any] | None = None,
) -> None:
    """Put marks into the outbox, in events of at most `ROWS_PER_EVENT`; each has `about`, the first
    one alone has `first`.  `accepted` says of names how they differed, rows or not."""
    told = accepted or {}
    names = [*rows, *(name for name in told if name not in rows)]
    parts = max(1, -(-len(names) // ROWS_PER_EVENT))
    for part in range(parts):
        some = names[part * ROWS_PER_EVENT : (part + 1) * ROWS_PER_EVENT]
        data = {**about, "part": part + 1, "parts": parts, **(first if part == 0 else {})}
        if told:
            data["accepted"] = {name: told[name] for name in some}
        data["rows"] = {name: rows[name] for name in some if name in rows}
        _put(db, kind, "people.db", data)


def steps(version: int) -> list[Path]:
    """The files that turn a file of `version` (0: without tables) into one of the present
    version, in order."""
    found = sorted(FOLDER.glob("[0-9][0-9][0-9]_*.sql"))
    return [file for file in found if version < int(file.name[:3]) <= SCHEMA_VERSION]


def statements(script: str) -> Iterator[str]:
    """The statements of a file of SQL.

    `sqlite3.Connection.executescript` would commit the caller's transaction before it begins.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise sqlite3.ProgrammingError(worded("a schema file ends inside a statement"))


def _bring_up(
    connection: sqlite3.Connection, path: Path, *, create: bool, keep: bool = True
) -> None:
    """Migrate in one transaction.  A file without tables is left as it is unless `create`."""
    version = _version(connection, path)
    if version == SCHEMA_VERSION or (version == 0 and not create):
        return  # without the writer's lock, which a long sync may hold
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection, path)  # another process may have migrated it meanwhile
        if keep and 0 < version < SCHEMA_VERSION:
            # Nobody else writes now, so the copy holds every act of before.
            keep_copy(path, version)
        for file in steps(version):
            for statement in statements(file.read_text("utf-8")):
                connection.execute(statement)
        if 0 < version < _MARKS_SINCE:
            mark_all(connection, why="update")
        elif 0 < version < _MORE_MARKS_SINCE:
            mark_all(connection, why="update", tables=_MORE)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise RosterUnavailable(
            worded("{name} was made by a newer version of this program", name=path.name)
        )
    return version
