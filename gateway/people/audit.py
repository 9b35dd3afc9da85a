"""Holds the tables that an auditor reads against the log: which rows are not as the records say.

`Trail` follows the records in order and keeps the last mark of each row.  `compare` reads the
tables and names every row that differs:

    changed      it is not as the last record left it
    missing      it is gone, and no record says so
    unrecorded   no record says that it was made
    meanwhile    it was as no record says when a later act wrote it

Rows that are older than the marks have the marks that they had when an update, or a new log, first
wrote them down (`tables.marked`): what was changed before that can't be seen.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.ledger.event import Event, EventType
from gateway.locale import N_, _, worded
from gateway.people import marks
from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable

WORDS: Mapping[str, str] = {
    "changed": N_("{row} in people.db is not as this record left it"),
    "missing": N_("{row} is gone from people.db, and no record says so"),
    "unrecorded": N_("{row} in people.db is in no record"),
    "meanwhile": N_("{row} in people.db was changed before this record, and no record says so"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A row on which people.db and the log disagree; `seq` is the record to look at, 0 for none."""

    row: str
    what: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A difference that an operator accepted (``tables.accepted``), and the record of that."""

    difference: Difference
    seq: int


@dataclass(slots=True)
class Trail:
    """What the records say of the rows.

    `rows` has the last mark of each row and its record; `sums` has, for tables of which an act
    wrote many rows, the sum of the marks of those that are not in `rows`, and the record.  `lists`
    has the marks of the list and of the history by version, and the record; `newest` is the version
    recorded last, which is not the largest after people.db came back from a backup.  `since` is the
    first record with marks.
    """

    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    sums: dict[str, tuple[int, int]] = field(default_factory=dict)
    lists: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    newest: int = 0
    meanwhile: list[Difference] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    since: Event | None = None
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    def follow(self, event: Event) -> None:
        """The next record; one that is not in its form says nothing."""
        if self.take(event.seq, event.type, event.data):
            self.since = self.since or event
            self.recent.append(event.id)

    def take(self, seq: int, kind: str, data: Mapping[str, Any]) -> bool:
        """An act on record (or, with `seq` 0, on its way there); False if it has no marks."""
        told = kind in (EventType.TABLES_MARKED, EventType.TABLES_ACCEPTED)
        for row, pair in _items(data, "rows"):
            if isinstance(pair, list) and len(pair) == 2:
                self._take_row(seq, row, str(pair[0]), str(pair[1]), told=told)
        for table, change in _items(data, "sums"):
            loose = self._loosened(table) + self.sums.get(table, (0, 0))[0]
            self.sums[table] = (loose + marks.number(str(change)), seq)
        for table, value in _items(data, "whole"):
            self._loosened(table)
            self.sums[table] = (marks.number(str(value)), seq)
        number = data.get("version")
        if isinstance(number, int) and isinstance(mark := data.get("list_mark"), str):
            before = self.lists.get(self.newest)
            if before and data.get("list_was", before[0]) != before[0]:
                self.meanwhile.append(Difference(f"list/{self.newest}", "meanwhile", seq))
            self.lists[number] = (mark, str(data.get("history_mark", "")), seq)
            self.newest = number
        if kind == EventType.TABLES_ACCEPTED:
            self._accept(seq, data)
        return any(isinstance(data.get(key), dict) for key in ("rows", "sums"))

    def _take_row(self, seq: int, row: str, was: str, now: str, *, told: bool) -> None:
        known, table = self.rows.get(row), row.partition("/")[0]
        if known is None and table in self.sums:
            loose, last = self.sums[table]
            self.sums[table] = (loose - marks.number(was), last)
        elif known and known[0] != was and not told:
            self.meanwhile.append(Difference(row, "meanwhile", seq))
        self.rows[row] = (now, seq)

    def _loosened(self, table: str) -> int:
        """Keep the rows of `table` by their sum from now on; returns it."""
        names = [row for row in self.rows if row.partition("/")[0] == table]
        return sum(marks.number(self.rows.pop(row)[0]) for row in names)

    def _accept(self, seq: int, data: Mapping[str, Any]) -> None:
        for number, mark in _items(data, "lists"):
            if number.isdigit() and int(number) in self.lists:
                self.lists[int(number)] = (str(mark), self.lists[int(number)][1], seq)
        for number, mark in _items(data, "histories"):
            if number.isdigit() and int(number) in self.lists:
                held = self.lists[int(number)]
                self.lists[int(number)] = (held[0], str(mark), held[2])
        for row, how in _items(data, "accepted"):
            for item in how if isinstance(how, list) else ():
                if isinstance(item, list) and len(item) == 2 and item[0] in WORDS:
                    at = item[1] if isinstance(item[1], int) else 0
                    self.accepted.append(Accepted(Difference(row, item[0], at), seq))
            self.meanwhile = [item for item in self.meanwhile if item.row != row]

    def with_waiting(self, db: sqlite3.Connection) -> Trail:
        """A copy that also has the acts in the outbox of people.db."""
        found = replace(
            self,
            rows=dict(self.rows),
            sums=dict(self.sums),
            lists=dict(self.lists),
            meanwhile=list(self.meanwhile),
            accepted=list(self.accepted),
        )
        for key, kind, data in db.execute("SELECT id, type, data FROM outbox ORDER BY rowid"):
            if key not in self.recent:
                found.take(0, kind, json.loads(data))
        return found


def _items(data: Mapping[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    found = data.get(key)
    return found.items() if isinstance(found, dict) else ()


def sentence(item: Difference) -> str:
    """A difference for a person."""
    what = _(WORDS[item.what]).format(row=item.row)
    return _("event {seq}: {what}").format(seq=item.seq or "-", what=what)


def told(found: Iterable[Difference]) -> dict[str, list[tuple[str, int]]]:
    """How rows differ, as ``tables.accepted`` says it: by row, (how, record)."""
    said: dict[str, list[tuple[str, int]]] = {}
    for item in found:
        said.setdefault(item.row, []).append((item.what, item.seq))
    return said


def as_they_are(
    db: sqlite3.Connection, known: Trail, found: Iterable[Difference]
) -> tuple[marks.Rows, dict[str, dict[str, str]]]:
    """What makes the records say what is there: the marks (on record, now) of the rows that differ,
    and what else differs: sums of tables (`whole`), marks of the list and its history."""
    names = {item.row for item in found}
    rows: marks.Rows = {}
    first: dict[str, dict[str, str]] = {}
    loose = {table: 0 for table in names if table in known.sums}
    for row, mark in marks.present(db):
        if row in names and row.partition("/")[0] not in loose:
            rows[row] = (known.rows.get(row, ("", 0))[0], mark)
        table = row.partition("/")[0]
        if table in loose:
            loose[table] += marks.number(mark)
    if loose:
        first["whole"] = {table: marks.as_sum(value) for table, value in loose.items()}
    for name in names:
        table, _slash, key = name.partition("/")
        if table == "list":
            first.setdefault("lists", {})[key] = marks.of_list(db)
        elif table == "history":
            first.setdefault("histories", {})[key] = marks.of_history(db, int(key))
        elif name not in rows and table not in loose:
            rows[name] = (known.rows[name][0], "")
    return rows, first


def compare(people: Path, trail: Trail) -> list[Difference]:
    """Where people.db and the records differ, by row.

    Empty if the file is of an earlier version, which has no marks.  Raises RosterUnavailable if it
    can't be read.
    """
    if not people.exists():
        return list(_gone({row: held for row, held in trail.rows.items() if held[0]}))
    try:
        uri = f"{people.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
            db.execute("BEGIN")  # all tables as of one moment
            if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                return []
            return differences(db, trail.with_waiting(db))
    except (sqlite3.Error, ValueError) as error:
        raise RosterUnavailable(worded("{path}: {error}", path=people, error=error)) from error


def differences(db: sqlite3.Connection, known: Trail) -> list[Difference]:
    """Where the tables of `db` and the records (with those in the outbox) differ, by row."""
    marks.ready(db)
    return [*known.meanwhile, *_rows(db, known), *_lists(db, known)]


def _rows(db: sqlite3.Connection, known: Trail) -> Iterator[Difference]:
    left = {row: held for row, held in known.rows.items() if held[0]}
    loose = {table: held[0] for table, held in known.sums.items()}
    for row, mark in marks.present(db):
        held = left.pop(row, None)
        if held is not None:
            if held[0] != mark:
                yield Difference(row, "changed", held[1])
        elif row not in known.rows and (table := row.partition("/")[0]) in loose:
            loose[table] -= marks.number(mark)
        else:
            yield Difference(row, "unrecorded", known.rows.get(row, ("", 0))[1])
    yield from _gone(left)
    for table, rest in loose.items():
        if rest % 2**128:
            yield Difference(table, "changed", known.sums[table][1])


def _gone(left: Mapping[str, tuple[str, int]]) -> Iterator[Difference]:
    for row, (_mark, seq) in left.items():
        yield Difference(row, "missing", seq)


def _lists(db: sqlite3.Connection, known: Trail) -> Iterator[Difference]:
    """The list in force, and what the history keeps of each version."""
    if not known.lists:
        return
    newest = known.newest
    mark, _history, seq = known.lists[newest]
    if marks.of_list(db) != mark:
        yield Difference(f"list/{newest}", "changed", seq)
    kept = {number for (number,) in db.execute("SELECT number FROM version_detail WHERE kept")}
    for number, (_list, history, seq) in known.lists.items():
        if number in kept and history and marks.of_history(db, number) != history:
            yield Difference(f"history/{number}", "changed", seq)
