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
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded
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


@dataclass(slots=True)
class Trail:
    """What the records say of the rows.

    `rows` has the last mark of each row and its record; `lists` has the marks of the list and of
    the history by version, and the record.  `since` is the first record with marks.
    """

    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    lists: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    meanwhile: list[Difference] = field(default_factory=list)
    since: Event | None = None
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    def follow(self, event: Event) -> None:
        """The next record; one that is not in its form says nothing."""
        if self.take(event.seq, event.type, event.data):
            self.since = self.since or event
            self.recent.append(event.id)

    def take(self, seq: int, kind: str, data: Mapping[str, Any]) -> bool:
        """An act on record (or, with `seq` 0, on its way there); False if it has no marks."""
        rows, number = data.get("rows"), data.get("version")
        for row, pair in rows.items() if isinstance(rows, dict) else ():
            if isinstance(pair, list) and len(pair) == 2:
                known = self.rows.get(row)
                if known and known[0] != pair[0] and kind != EventType.TABLES_MARKED:
                    self.meanwhile.append(Difference(row, "meanwhile", seq))
                self.rows[row] = (str(pair[1]), seq)
        if isinstance(number, int) and isinstance(mark := data.get("list_mark"), str):
            self.lists[number] = (mark, str(data.get("history_mark", "")), seq)
        return isinstance(rows, dict)

    def with_waiting(self, db: sqlite3.Connection) -> Trail:
        """A copy that also has the acts in the outbox of people.db."""
        found = Trail(dict(self.rows), dict(self.lists), list(self.meanwhile), self.since)
        for key, kind, data in db.execute("SELECT id, type, data FROM outbox ORDER BY rowid"):
            if key not in self.recent:
                found.take(0, kind, json.loads(data))
        return found


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
            marks.ready(db)
            known = trail.with_waiting(db)
            return [*known.meanwhile, *_rows(db, known), *_lists(db, known)]
    except (sqlite3.Error, ValueError) as error:
        raise RosterUnavailable(worded("{path}: {error}", path=people, error=error)) from error


def _rows(db: sqlite3.Connection, known: Trail) -> Iterator[Difference]:
    left = {row: held for row, held in known.rows.items() if held[0]}
    for row, mark in marks.present(db):
        held = left.pop(row, None)
        if held is None:
            yield Difference(row, "unrecorded", known.rows.get(row, ("", 0))[1])
        elif held[0] != mark:
            yield Difference(row, "changed", held[1])
    yield from _gone(left)


def _gone(left: Mapping[str, tuple[str, int]]) -> Iterator[Difference]:
    for row, (_, seq) in left.items():
        yield Difference(row, "missing", seq)


def _lists(db: sqlite3.Connection, known: Trail) -> Iterator[Difference]:
    """The list in force, and what the history keeps of each version."""
    if not known.lists:
        return
    newest = max(known.lists)
    mark, _, seq = known.lists[newest]
    if marks.of_list(db) != mark:
        yield Difference(f"list/{newest}", "changed", seq)
    kept = {number for (number,) in db.execute("SELECT number FROM version_detail WHERE kept")}
    for number, (_, history, seq) in known.lists.items():
        if number in kept and history and marks.of_history(db, number) != history:
            yield Difference(f"history/{number}", "changed", seq)
