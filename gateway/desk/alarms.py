"""What people do about alarms: they see one, tick its steps, say what became of it, shelve a
source.

Each act is a record.  An act is checked against the alarms as they are at that moment: those of the
log, with the acts that still wait in the outbox of people.db.  The check and the record are one
transaction, so of two people who press at once one is told what the other did.

Every function raises DeskError with the reason if it refuses.  Whoever may not see an alarm is told
that there is none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.config.alarms import AlarmsTable
from gateway.desk.act import stamp, writing
from gateway.desk.errors import Conflict, DeskError, NotFound
from gateway.desk.fromlog import outbox
from gateway.desk.second import SUPERVISOR
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_, _, language
from gateway.people.schema import put_event
from gateway.state.alarms.book import ACTS, Book
from gateway.state.alarms.kinds import KINDS, OUTCOMES
from gateway.state.alarms.model import Alarm
from gateway.state.alarms.who import sees_secret

SHORTEST_SHELF = timedelta(minutes=1)
Books = Callable[[], Book]
"""Gives the book as the log has it now (`AlarmLog.now_book`)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the site says.  `named`: it names its operators, so that roles count."""

    table: AlarmsTable
    named: bool

    def supervises(self, by: Operator) -> bool:
        """Whether this operator may do what only a supervisor may."""
        return not self.named or not by.roles.isdisjoint({SUPERVISOR, "administrator"})

    def sees_secret(self, by: Operator) -> bool:
        """Whether this operator sees duress alarms."""
        return sees_secret(by.roles, self.table) or not self.named


@dataclass(frozen=True, slots=True)
class Step:
    """One step of what to do about an alarm.  `key` is its English, as records hold it."""

    key: str
    text: str


def steps_of(alarm: Alarm, table: AlarmsTable) -> tuple[list[Step], bool]:
    """What to do about an alarm in the language in use, and whether every step is required: the
    site's own instructions, or ours where it has none."""
    own = table.instruction(alarm.kind.name, alarm.subject)
    if own is not None:
        return [Step(one.en, one.said(language())) for one in own.steps], own.required
    return [Step(text, _(text)) for text in alarm.kind.steps], False


def current(db: sqlite3.Connection, books: Books) -> Book:
    """The alarms as they are now, with acts that wait to be recorded.

    Raises LedgerUnavailable and sqlite3.Error.
    """
    # The outbox first: an act that is moved to the log meanwhile is then read twice, not missed.
    waiting = outbox(db, ACTS)
    return books().with_acts(waiting)


def see(
    db: sqlite3.Connection,
    books: Books,
    number: int,
    upto: int,
    policy: Policy,
    *,
    by: Operator,
    now: datetime,
    note: str = "",
) -> None:
    """Somebody looked at the alarm, as it was with record `upto`."""
    with _acting(db, books, number, upto, policy, by, now) as alarm:
        if alarm.seen is not None:
            if alarm.seen.by != str(by):
                raise Conflict(
                    "seen_already", "{name} has seen this alarm already", name=alarm.seen.name
                )
            return
        said = clean(note, N_("note"), needed=False)
        _put(db, EventType.ALARM_SEEN, alarm, by, note=said)


def tick(
    db: sqlite3.Connection,
    books: Books,
    number: int,
    step: str,
    policy: Policy,
    *,
    by: Operator,
    now: datetime,
    done: bool = True,
) -> None:
    """A step of the instructions was done, or (`done` false) was not after all."""
    with _acting(db, books, number, None, policy, by, now) as alarm:
        known, _required = steps_of(alarm, policy.table)
        if step not in {one.key for one in known}:
            raise NotFound("no_step", "the instructions have no such step any more")
        if (step in alarm.ticked) != done:
            _put(db, EventType.ALARM_STEP, alarm, by, step=step, done=done)


def resolve(
    db: sqlite3.Connection,
    books: Books,
    number: int,
    upto: int,
    outcome: str,
    policy: Policy,
    *,
    by: Operator,
    now: datetime,
    note: str = "",
) -> None:
    """Say what became of the alarm, as it was with record `upto`, and close it.

    While its cause goes on, only a supervisor may close it, with a note.
    """
    with _acting(db, books, number, upto, policy, by, now) as alarm:
        if outcome not in OUTCOMES:
            raise DeskError("no_outcome", "say what became of it: choose one")
        if alarm.seen is None:
            raise DeskError("not_seen", "say first that you have seen it")
        if alarm.stands and not policy.supervises(by):
            raise DeskError(
                "still_stands", "its cause still goes on: end it first, or ask a supervisor"
            )
        said = clean(note, N_("note"), needed=bool(alarm.stands))
        known, required = steps_of(alarm, policy.table)
        missing = [one.text for one in known if one.key not in alarm.ticked]
        if required and missing:
            raise DeskError("steps_open", "a step is not done yet: {step}", step=missing[0])
        _put(
            db,
            EventType.ALARM_RESOLVED,
            alarm,
            by,
            outcome=outcome,
            note=said,
            stands=bool(alarm.stands),
        )


def shelve(
    db: sqlite3.Connection,
    books: Books,
    number: int,
    span: timedelta,
    reason: str,
    policy: Policy,
    *,
    by: Operator,
    now: datetime,
) -> None:
    """A supervisor shelves the source of an alarm: for `span` from `now` it calls nobody."""
    _supervisor(policy, by)
    why = clean(reason, N_("reason"))
    longest = timedelta(hours=policy.table.shelve_max_h)
    if not SHORTEST_SHELF <= span <= longest:
        hours = f"{policy.table.shelve_max_h:g}"
        raise DeskError("shelf_too_long", "shelve it for at most {hours} h", hours=hours)
    with _acting(db, books, number, None, policy, by, now) as alarm:
        if not alarm.kind.shelvable:
            raise DeskError("not_shelvable", "alarms of this kind can't be shelved")
        data = {"source": alarm.subject, "until": stamp(now + span), "reason": why}
        _put(db, EventType.ALARM_SHELVED, alarm, by, **data)


def unshelve(
    db: sqlite3.Connection,
    books: Books,
    kind: str,
    subject: str,
    policy: Policy,
    *,
    by: Operator,
    now: datetime,
) -> None:
    """A supervisor takes a source off the shelf before its time; nothing if it is on none."""
    _supervisor(policy, by)
    with writing(db):
        shelved = {(one.kind, one.subject) for one in current(db, books).shelves(now)}
        if (kind, subject) in shelved:
            data = {"kind": kind, "source": subject, "by": by}
            put_event(db, EventType.ALARM_UNSHELVED, subject, data)


def find(book: Book, number: int, policy: Policy, by: Operator) -> Alarm:
    """The alarm with this id, open or closed lately.  Raises NotFound."""
    alarm = book.get(number)
    if alarm is None or (alarm.kind.restricted and not policy.sees_secret(by)):
        raise NotFound("no_alarm", "there is no alarm {number} any more", number=number)
    return alarm


@contextmanager
def _acting(
    db: sqlite3.Connection,
    books: Books,
    number: int,
    upto: int | None,
    policy: Policy,
    by: Operator,
    now: datetime,
) -> Iterator[Alarm]:
    """The open alarm inside the transaction of an act.  Raises Conflict if it is closed, or came
    again since record `upto`."""
    with writing(db):
        alarm = find(current(db, books), number, policy, by)
        if alarm.done:
            mark = alarm.resolved or alarm.seen
            raise Conflict(
                "closed", "{name} has closed this alarm already", name=mark.name if mark else "?"
            )
        if upto is not None and upto < alarm.seq:
            raise Conflict("came_again", "it came again in the meantime: look at it once more")
        yield alarm


def _put(
    db: sqlite3.Connection, kind: EventType, alarm: Alarm, by: Operator, **data: object
) -> None:
    about = {"alarm": alarm.id, "kind": alarm.kind.name, "upto": alarm.seq}
    put_event(db, kind, alarm.subject, {**about, **data, "by": by})


def _supervisor(policy: Policy, by: Operator) -> None:
    if not policy.supervises(by):
        raise DeskError("supervisor_needed", "only a supervisor may do this")


def title(kind: str) -> str:
    """The name of a kind of alarm in the language in use."""
    return _(KINDS[kind].title) if kind in KINDS else kind
