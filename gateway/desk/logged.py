"""The visitor log and the pickup log are made of records, because one SQL statement changes a
table of people.db and no statement changes a record of the log.

`read` goes once through the records, newest first, and puts together what they say of each arrival.
Records of earlier versions lack some facts.  Those come from the table, and the row names the
columns.  A fact that a record has is never taken from the table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

from gateway.desk import text
from gateway.desk.act import day_bounds, parse, stamp
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, _, ngettext

Facts = dict[str, Any]
FROM_TABLE = N_("From the table, not from the record")
_SLACK = timedelta(days=1)  # a record may be older than its act's time, after a clock's step


@dataclass(frozen=True, slots=True)
class Kind:
    """What a log shows, and where the facts are.

    `key` is the table's name, and the name of the number in the data of a record.  `columns` are
    the keys of a row with their heads.  `arrived` and `left` are the facts that a row needs at an
    arrival and after a departure, each with the columns that show it; `arrived_at` and
    `departed_at` are texts as rows hold times.  `take` adds to the facts those of a record, unless
    a newer record had them.  `table` gives the facts that the table has, or {}.
    """

    key: str
    columns: Mapping[str, str]
    arrival: EventType
    leaving: Set[EventType]
    others: Set[EventType]
    arrived: Mapping[str, tuple[str, ...]]
    left: Mapping[str, tuple[str, ...]]
    take: Callable[[Facts, Event], None]
    table: Callable[[sqlite3.Connection, int], Facts]


@dataclass(frozen=True, slots=True)
class Row:
    """One arrival, with the columns that an older record lacks and the table gave.  `number` is
    that of the visit or truck."""

    cells: Mapping[str, str]
    from_table: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """The rows in order of arrival.

    `waiting` counts acts in the outbox that are not on record yet, and `unrecorded` the arrivals of
    these days that stand in the table only.  Neither is among the rows.
    """

    columns: Mapping[str, str]
    rows: list[Row]
    waiting: int = 0
    unrecorded: int = 0

    @property
    def completed(self) -> bool:
        """Whether any cell comes from the table."""
        return any(row.from_table for row in self.rows)

    def public(self) -> list[dict[str, object]]:
        """The rows for JSON; a row with cells from the table has their keys in `from_table`."""
        return [
            {**row.cells, **({"from_table": list(row.from_table)} if row.from_table else {})}
            for row in self.rows
        ]

    def notes(self) -> list[str]:
        """What a reader has to know of it, as sentences."""
        found = []
        if self.completed:
            found.append(
                _(
                    "note: an earlier version recorded less; the cells that a row names at its end "
                    "come from the table in people.db and not from the record"
                )
            )
        if self.waiting:
            found.append(
                ngettext(
                    "note: {count} act is not recorded yet, so it is missing here",
                    "note: {count} acts are not recorded yet, so they are missing here",
                    self.waiting,
                ).format(count=self.waiting)
            )
        if self.unrecorded:
            found.append(
                ngettext(
                    "note: the table in people.db has {count} more arrival on these days, "
                    "without a record",
                    "note: the table in people.db has {count} more arrivals on these days, "
                    "without a record",
                    self.unrecorded,
                ).format(count=self.unrecorded)
            )
        return found

    def write_csv(self, file: IO[str]) -> None:
        """Write the log as CSV; no cell is a formula.  If cells come from the table, one column
        more names them."""
        more = [FROM_TABLE] if self.completed else []
        rows = ([*row.cells.values(), *([named(self, row)] if more else [])] for row in self.rows)
        text.write_csv(file, [*self.columns.values(), *more], rows)


def named(log: Log, row: Row) -> str:
    """The heads of the cells that come from the table, in the language in use."""
    return ", ".join(_(log.columns[name]) for name in row.from_table)


@dataclass(slots=True)
class _Entry:
    """What the records say of one arrival; `times` are those of the records themselves."""

    facts: Facts = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)


def read(
    kind: Kind,
    ledger: LedgerReader,
    db: sqlite3.Connection,
    days: tuple[date, date],
    zone: ZoneInfo,
    cells: Callable[[Facts], Mapping[str, str]],
) -> Log:
    """The log of those who arrived on the local days from the first to the last of `days`.

    `cells` makes the shown texts of the facts.  Raises LedgerUnavailable, and sqlite3.Error for
    people.db.
    """
    begin, end = map(parse, day_bounds(*days, zone))
    # Before the records are read: an act that is recorded meanwhile is shown, and not counted.
    waiting = _waiting(db, kind)
    found: list[tuple[datetime, int, int, Row]] = []
    entries: dict[int, _Entry] = {}
    seen: set[int] = set()
    types = (kind.arrival, *kind.leaving, *kind.others)
    for event in ledger.back(*types, since=stamp(begin - _SLACK)):
        waiting.pop(event.id, None)
        number = event.data.get(kind.key)
        if not isinstance(number, int):
            continue
        entry = entries.setdefault(number, _Entry())
        kind.take(entry.facts, event)
        if event.type in kind.leaving:
            entry.times.setdefault("departed_at", event.time)
        if event.type != kind.arrival:
            continue
        del entries[number]
        entry.times["arrived_at"] = event.time
        # A number is used again if its row was deleted; the row is then that of the newest arrival.
        completed = _complete(kind, entry, {} if number in seen else kind.table(db, number))
        seen.add(number)
        came = [parse(entry.facts["arrived_at"])]
        if "arrived_at" in completed:  # the table alone can't move a row out of sight
            came.append(parse(event.time))
        if any(begin <= at < end for at in came):
            needed = {**kind.arrived, **kind.left}
            shown = {column for name in completed for column in needed[name]}
            of_table = tuple(name for name in kind.columns if name in shown)
            row = Row(cells(entry.facts), of_table, number)
            found.append((came[0], number, event.seq, row))
    found.sort(key=lambda item: item[:3])
    told = seen | {int(subject) for subject in waiting.values() if subject.isdecimal()}
    unrecorded = len(_in_table(db, kind, begin, end) - told)
    return Log(kind.columns, [row for *_at, row in found], len(waiting), unrecorded)


def _complete(kind: Kind, entry: _Entry, table: Facts) -> list[str]:
    """Add the facts that the records lack; returns those that came from the table.

    A time that neither has is that at which the act was recorded.
    """
    needed = [*kind.arrived, *(kind.left if "departed_at" in entry.times else ())]
    missing = [name for name in needed if name not in entry.facts]
    completed = [name for name in missing if table.get(name) is not None]
    entry.facts.update({name: table[name] for name in completed})
    for name, time in entry.times.items():
        entry.facts.setdefault(name, time)
    return completed


def _waiting(db: sqlite3.Connection, kind: Kind) -> dict[str, str]:
    """Acts of this log in the outbox, with the number of the visit or truck."""
    types = {kind.arrival, *kind.leaving, *kind.others}
    rows = db.execute("SELECT id, type, subject FROM outbox")
    return {key: subject.rpartition("-")[2] for key, name, subject in rows if name in types}


def _in_table(db: sqlite3.Connection, kind: Kind, begin: datetime, end: datetime) -> set[int]:
    rows = db.execute(
        f"SELECT id FROM {kind.key} WHERE arrived_at >= ? AND arrived_at < ?",  # noqa: S608
        (stamp(begin), stamp(end)),
    )
    return {number for (number,) in rows}


def time_in(value: object) -> str | None:
    """A time of a row, or None if it is not one."""
    try:
        return value if isinstance(value, str) and parse(value).tzinfo is not None else None
    except ValueError:
        return None


def keep(facts: Facts, event: Event, *names: str) -> None:
    """Take these facts of a record, as `Kind.take` does."""
    for name in names:
        if name in event.data:
            facts.setdefault(name, event.data[name])
