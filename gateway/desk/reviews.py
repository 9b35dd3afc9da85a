"""Reviews that people do and the gate can only remember: who looked at what, and what they found.

The kinds are data (reviews.toml): the log, footage, access rights, the risk assessment in its five
steps, the programme, and more.  A review is a record of the log; it says which days somebody
looked at, what they found, what was done, and when it falls due again.
"""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.act import writing
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.fromlog import day, numbers, outbox, text, who
from gateway.desk.text import clean
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_, Message, worded
from gateway.people.schema import put_event

HERE = Path(__file__).parent / "reviews.toml"
MOST_RECORDS = 100
MOST_TEXT = 1000
SOON = timedelta(days=30)
_AGAIN = 5000
"""So far back a second tap on the same button is looked for, in records."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of review.  `title`, `asks` and the words of `steps` are by language; `every` is how
    many days later it falls due again, 0 for never; `starts` says whether it is due although
    nobody ever did it."""

    key: str
    title: Mapping[str, str]
    asks: Mapping[str, str]
    every: int
    starts: bool
    steps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A review as the log has it.  `first` and `last` are ISO days, `steps` what was written for
    each step; `at` is the record's time and `record` its number, 0 while it is in the outbox."""

    kind: str
    first: str
    last: str
    found: str
    action: str
    next_due: str
    records: tuple[int, ...]
    steps: Mapping[str, str]
    by: str
    at: str
    record: int


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of a review.  `next_due` None takes the day of the kind."""

    kind: str
    first: date
    last: date
    found: str
    action: str = ""
    next_due: date | None = None
    records: tuple[int, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)


class Stand(StrEnum):
    """Whether a review is due."""

    DONE = "done"
    SOON = "soon"  # within 30 days
    OVERDUE = "overdue"
    NEVER = "never"  # it was never done, and should be
    OPTIONAL = "optional"  # it was never done; it is done when there is cause


STANDS: Mapping[Stand, Message] = {
    Stand.DONE: worded("it is done"),
    Stand.SOON: worded("it is due soon"),
    Stand.OVERDUE: worded("it is late"),
    Stand.NEVER: worded("it was never recorded"),
    Stand.OPTIONAL: worded("when there is cause"),
}
"""What a stand means."""


@dataclass(frozen=True, slots=True)
class Due:
    """A kind with its newest review (None: never) and the day on which it is due ("" for none)."""

    kind: Kind
    newest: Recorded | None
    due: str
    stand: Stand


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by key, in the order of the file."""
    tables = tomllib.loads(HERE.read_text("utf-8"))
    return {
        key: Kind(
            key,
            one["title"],
            one["asks"],
            one["every"],
            one["starts"],
            {step["key"]: {"en": step["en"], "es": step["es"]} for step in one.get("steps", ())},
        )
        for key, one in tables.items()
    }


def record(
    db: sqlite3.Connection, ledger: LedgerReader, told: Told, *, by: Operator, today: date
) -> Recorded:
    """Record a review; returns it.  The same one a second time (a double tap) is the first one.

    `today` is the site's day.  Raises NotFound for an unknown kind, DeskError for days to come or
    in the wrong order, for a step without words, for records that are not there and for text that
    can't be taken; LedgerUnavailable.
    """
    kind = kinds().get(told.kind)
    if kind is None:
        known = ", ".join(kinds())
        raise NotFound("no_review_kind", "no kind of review is called {kind}; there are: {known}",
                       kind=told.kind[:40], known=known)  # fmt: skip
    _check_days(told, today)
    data: dict[str, Any] = {
        "kind": kind.key,
        "first": told.first.isoformat(),
        "last": told.last.isoformat(),
        "found": _written(told.found, N_("what was found")),
        "action": _written(told.action, N_("what was done"), needed=False),
        "next_due": _next(kind, told, today),
        "records": list(_records(told.records, ledger.last_seq)),
        "by": by,
    }
    if kind.steps or told.steps:
        data["steps"] = _steps(kind, told.steps)
    with writing(db):
        waiting = outbox(db, [EventType.REVIEW_RECORDED])
        for event in (*waiting, *ledger.back(EventType.REVIEW_RECORDED, most=_AGAIN)):
            if all(event.data.get(key) == value for key, value in data.items()):
                found = of(event)
                assert found is not None
                return found
        put_event(db, EventType.REVIEW_RECORDED, kind.key, data)
        made = of(outbox(db, [EventType.REVIEW_RECORDED])[-1])
        assert made is not None
        return made


def all_of(ledger: LedgerReader, db: sqlite3.Connection | None = None) -> list[Recorded]:
    """The reviews by the whole log, oldest first; with `db` (people.db) also those that are not on
    record yet.  Raises LedgerUnavailable."""
    waiting = outbox(db, [EventType.REVIEW_RECORDED]) if db is not None else []
    events = list(ledger.back(EventType.REVIEW_RECORDED))
    known = {event.id for event in events}
    events = [*reversed(events), *(one for one in waiting if one.id not in known)]
    return [found for event in events if (found := of(event)) is not None]


def of(event: Event) -> Recorded | None:
    """The review of a record; None if the record has another form."""
    data = event.data
    kind, first, last = text(data.get("kind")), day(data.get("first")), day(data.get("last"))
    if not (kind and first and last):
        return None
    steps = data.get("steps")
    return Recorded(
        kind=kind,
        first=first,
        last=last,
        found=text(data.get("found")),
        action=text(data.get("action")),
        next_due=day(data.get("next_due")),
        records=numbers(data.get("records")),
        steps={str(key): text(value) for key, value in steps.items()}
        if isinstance(steps, dict)
        else {},
        by=who(event),
        at=event.time,
        record=event.seq,
    )


def local_day(at: str, zone: ZoneInfo) -> date:
    """The site's day of a record's time; the first day there is for a text that is no time."""
    try:
        return datetime.fromisoformat(at).astimezone(zone).date()
    except (ValueError, OverflowError):
        return date.min


def due(done: Iterable[Recorded], today: date) -> list[Due]:
    """Every kind with its newest review and whether it is due, in the order of the file.  Of two
    of a kind the one that was recorded later counts."""
    newest = {one.kind: one for one in done}
    return [_due(kind, newest.get(kind.key), today) for kind in kinds().values()]


def _due(kind: Kind, newest: Recorded | None, today: date) -> Due:
    if newest is None:
        return Due(kind, None, "", Stand.NEVER if kind.starts else Stand.OPTIONAL)
    if not newest.next_due:
        return Due(kind, newest, "", Stand.DONE)
    if newest.next_due < today.isoformat():
        return Due(kind, newest, newest.next_due, Stand.OVERDUE)
    soon = newest.next_due <= (today + min(SOON, timedelta(days=kind.every // 4))).isoformat()
    return Due(kind, newest, newest.next_due, Stand.SOON if soon else Stand.DONE)


def _written(value: str, field: str, *, needed: bool = True) -> str:
    """What somebody wrote, perhaps on several lines, as one; raises DeskError."""
    lines = value.replace("\r", "\n").replace("\t", "\n").replace("\n", " ")
    return clean(lines, field, most=MOST_TEXT, needed=needed)


def _check_days(told: Told, today: date) -> None:
    if told.last < told.first:
        raise DeskError("days_in_order", "the last day is not before the first")
    if told.last > today:
        raise DeskError("day_to_come", "{day} is still to come", day=told.last.isoformat())


def _next(kind: Kind, told: Told, today: date) -> str:
    if told.next_due is None:
        try:
            return (told.last + timedelta(days=kind.every)).isoformat() if kind.every else ""
        except OverflowError as error:
            raise DeskError("bad_due_day", "a review falls due within ten years") from error
    if not today <= told.next_due or (told.next_due - today).days > 3700:
        raise DeskError("bad_due_day", "a review falls due within ten years")
    return told.next_due.isoformat()


def _records(asked: tuple[int, ...], last: int) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(asked))
    if len(found) > MOST_RECORDS:
        raise DeskError("too_many_records", "at most {most} records", most=MOST_RECORDS)
    for seq in found:
        if not 1 <= seq <= last:
            raise NotFound("no_record", "the log has no record {number}", number=seq)
    return found


def _steps(kind: Kind, told: Mapping[str, str]) -> dict[str, str]:
    if unknown := set(told) - set(kind.steps):
        raise DeskError(
            "no_step_of_review",
            "{kind} has no step {step}",
            kind=kind.key,
            step=min(unknown)[:40],
        )
    made = {}
    for key in kind.steps:
        made[key] = _written(told.get(key, ""), key, needed=False)
        if not made[key]:
            raise DeskError("step_missing", "step {step}: nothing is written", step=key)
    return made
