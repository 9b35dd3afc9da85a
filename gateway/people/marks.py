"""Marks of rows: what the log says of the tables that an auditor reads.

Visits, trucks, seals, partners and the like are rows of people.db, which one SQL statement changes.
So the record of each act holds, for every row that the act wrote, the mark of the row before and
after it:

    "rows": {"visit/12": ["", "5f1c..."]}      "" where there was no row, or is none any more

An act that writes many rows of a table of which a list writes as many as there are people
(`Table.many`) has the change of the sum of their marks instead, as one number:

    "sums": {"requirement": "71d0..."}         after minus before, modulo 2**128

So the log grows by one number and not by 250,000 marks; what differs is then found by table.

A mark is a keyed BLAKE2b of the row's columns (16 bytes, hex).  The key is a random secret in
people.db, so that nobody who reads records can guess a badge number or a document from a mark.

`watch` sets triggers of its own connection, which note each row before it is written; `taken` gives
the marks of what was written since.  A program that opens the file by itself has no such triggers,
so what it writes is in no record, and gateway/people/audit.py finds it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Rows = dict[str, tuple[str, str]]
"""By ``table/key``: the mark before and the mark after."""
MANY = 600
"""So many rows of a table with `Table.many` have a mark each in the record of one act."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows have marks.  `keys` are the columns that name a row; `without` are those
    that the program derives anew from the others, and that say nothing of their own.  Of the keys
    the first alone may hold a slash.  `many`: a list may write a row for each person."""

    name: str
    keys: tuple[str, ...] = ("id",)
    without: tuple[str, ...] = ()
    many: bool = False

    def key(self, row: str) -> str:
        """SQL: the key of `row` (a table, NEW or OLD) as text."""
        return " || '/' || ".join(f"{row}.{name}" for name in self.keys) + " || ''"

    def where(self) -> str:
        return " AND ".join(f"{name} = ?" for name in self.keys)

    def values(self, key: str) -> list[str]:
        """The columns' values of a key as text."""
        return key.rsplit("/", len(self.keys) - 1)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("visit"),
        Table("regular_visitor", ("key",), ("key",)),
        Table("freight", ("id",), ("words", "status")),
        Table("seal", ("number",)),
        Table("seal_batch"),
        Table("partner", ("key",), ("key",)),
        Table("partner_history", ("key", "version"), ("key",)),
        Table("list_version", ("number",)),
        Table("revocation", ("person_id",)),
        Table("lost_badge"),
        Table("access_loss"),
        Table("face_consent", ("person_id",)),
        Table("temporary_grant"),
        Table("escort", ("person_id",)),
        # The key of a requirement is in its mark, because a sum knows no keys.
        Table("requirement", ("key", "subject_kind", "kind"), many=True),
        Table("visit_badge", ("visit_id",)),  # its own key is the badge's number
        Table("pin", ("person_id",), many=True),
        Table("person_key", ("person_id",), many=True),
        Table("template", many=True),
        Table("portrait", ("person_id",), many=True),
        Table("operator", ("name",)),
    )
}


@dataclass(slots=True)
class Taken:
    """What was written: marks by row, and for tables of which many rows were, the change of the
    sum of their marks (32 hex digits)."""

    rows: Rows = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.sums)


def number(mark: str) -> int:
    """A mark or a sum as a number; 0 for "" and for what is neither."""
    try:
        return int(mark or "0", 16)
    except ValueError:
        return 0


def as_sum(value: int) -> str:
    """A sum as records hold it."""
    return f"{value % 2**128:032x}"


# The columns by name, so that one which a later version adds changes no mark.
_PEOPLE = (
    "SELECT json_array(id, name, company, role, valid_from, valid_until, status, access_levels) "
    "FROM person ORDER BY id"
)
_BADGES = "SELECT json_array(key, person_id) FROM credential ORDER BY key"
_HISTORY = (
    "SELECT json_array(person_id, op, fields, before) FROM person_history WHERE version = ? "
    "ORDER BY person_id"
)
_BYTES = {("person_key", "wrapped"), ("template", "sealed"), ("portrait", "sealed")}
_CHUNK = 5000


def watch(db: sqlite3.Connection) -> None:
    """Note from now on which marked rows this connection writes."""
    ready(db)
    db.execute("PRAGMA recursive_triggers = ON")  # or OR REPLACE deletes a row unnoticed
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS touched "
        "(tab TEXT, key TEXT, was TEXT, PRIMARY KEY (tab, key)) WITHOUT ROWID"
    )
    for table in TABLES.values():
        name, old = table.name, _mark(db, table, "OLD")
        for event, row, was in (
            ("AFTER INSERT", "NEW", "''"),
            ("BEFORE UPDATE", "OLD", old),
            ("BEFORE DELETE", "OLD", old),
        ):
            # Not OR IGNORE: the statement that fires a trigger decides what a conflict does in it.
            db.execute(
                f"CREATE TEMP TRIGGER IF NOT EXISTS {event.replace(' ', '_')}_{name} "  # noqa: S608
                f"{event} ON main.{name} BEGIN INSERT INTO touched "
                f"SELECT '{name}', {table.key(row)}, {was} WHERE NOT EXISTS "
                f"(SELECT 1 FROM touched WHERE tab = '{name}' AND key = {table.key(row)}); END"
            )


def ready(db: sqlite3.Connection) -> None:
    """Give the connection the SQL functions that make marks."""
    found = db.execute("SELECT key FROM mark_key").fetchone()
    secret = bytes(found[0]) if found else bytes(32)

    def mark(table: str, columns: str) -> str:
        held = {name: value for name, value in json.loads(columns).items() if value}
        text = json.dumps([table, held], sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16, key=secret).hexdigest()

    def text_mark(text: str) -> str:
        return hashlib.blake2b(text.encode(), digest_size=16, key=secret).hexdigest()

    db.create_function("garita_mark", 2, mark, deterministic=True)
    db.create_function("garita_text_mark", 1, text_mark, deterministic=True)


def taken(db: sqlite3.Connection) -> Taken:
    """The marks of the rows that this connection has written since the last call, in the caller's
    transaction.  Empty for a connection that does not watch."""
    found = Taken()
    watching = "SELECT 1 FROM sqlite_temp_master WHERE name = 'touched'"
    if db.execute(watching).fetchone() is None:
        return found
    counts = dict(db.execute("SELECT tab, count(*) FROM touched GROUP BY tab"))
    for name, count in counts.items():
        if TABLES[name].many and count > MANY:
            if change := _change(db, TABLES[name]):
                found.sums[name] = as_sum(change)
        else:
            found.rows |= _each(db, TABLES[name])
    if counts:
        db.execute("DELETE FROM touched")
    return found


def _each(db: sqlite3.Connection, table: Table) -> Rows:
    found: Rows = {}
    select = f"{_select(db, table)} WHERE {table.where()}"
    for key, was in db.execute("SELECT key, was FROM touched WHERE tab = ?", (table.name,)):
        row = db.execute(select, table.values(key)).fetchone()
        now = row[1] if row else ""
        if now != was:
            found[f"{table.name}/{key}"] = (was, now)
    return found


def _change(db: sqlite3.Connection, table: Table) -> int:
    """The sum of the marks of the rows that were written, less that of what they were before."""
    rows = db.execute(
        f"{_select(db, table)} WHERE EXISTS "  # noqa: S608 - our own names
        f"(SELECT 1 FROM touched WHERE tab = ? AND key = {table.key(table.name)})",
        (table.name,),
    )
    now = sum(number(mark) for _, mark in rows)
    before = db.execute("SELECT was FROM touched WHERE tab = ? AND was <> ''", (table.name,))
    return now - sum(number(mark) for (mark,) in before)


def present(
    db: sqlite3.Connection, tables: Iterable[str] = tuple(TABLES)
) -> Iterator[tuple[str, str]]:
    """(``table/key``, mark) of every row as it is; `ready` comes first."""
    for table in map(TABLES.__getitem__, tables):
        for key, mark in db.execute(_select(db, table)):
            yield f"{table.name}/{key}", mark


def of_list(db: sqlite3.Connection) -> str:
    """The mark of the whole list in force: everybody on it, with their badges."""
    return _digest(db, [(_PEOPLE, ()), (_BADGES, ())])


def of_history(db: sqlite3.Connection, version: int) -> str:
    """The mark of what the history holds of one version of the list."""
    return _digest(db, [(_HISTORY, (version,))])


def _digest(db: sqlite3.Connection, queries: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    secret = db.execute("SELECT key FROM mark_key").fetchone()
    state = hashlib.blake2b(digest_size=16, key=bytes(secret[0]) if secret else b"")
    for sql, values in queries:
        cursor = db.execute(sql, values)
        while rows := cursor.fetchmany(_CHUNK):
            state.update("".join(f"{row}\n" for (row,) in rows).encode())
        state.update(b"\n")
    return state.hexdigest()


def _select(db: sqlite3.Connection, table: Table) -> str:
    name = table.name
    return f"SELECT {table.key(name)}, {_mark(db, table, name)} FROM main.{name}"  # noqa: S608


def _mark(db: sqlite3.Connection, table: Table, row: str) -> str:
    """SQL: the mark of `row`.  Where many rows are written, SQLite makes the text, because the
    parsing and writing of JSON is most of the time that a mark takes."""
    columns = [item[1] for item in db.execute(f"PRAGMA main.table_info({table.name})")]
    names = [name for name in columns if name not in table.without]
    if not table.many:
        pairs = ", ".join(f"'{name}', {row}.{name}" for name in names)
        return f"garita_mark('{table.name}', json_object({pairs}))"
    text = f"'{table.name}'"
    for name in sorted(names):
        # JSON can't hold bytes.  An empty column is no part of the mark.
        value = f"hex({row}.{name})" if (table.name, name) in _BYTES else f"{row}.{name}"
        empty = f"coalesce({value}, '') IN ('', 0)"
        text += f" || CASE WHEN {empty} THEN '' ELSE ',{name}:' || json_quote({value}) END"
    return f"garita_text_mark({text})"
