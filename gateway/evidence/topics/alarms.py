"""Alarms (CTPAT 7.24, 7.37, 9.12): how soon somebody answered each, and what became of it.

Duress alarms are not in it: whoever may read a packet is not always one who may know of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Taker, text, time, who
from gateway.evidence.trucks import in_words, middle
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.state.alarms.book import READS, Book
from gateway.state.alarms.follow import rules_of
from gateway.state.alarms.kinds import KINDS, OUTCOMES
from gateway.state.alarms.model import Alarm, Mark
from gateway.state.alarms.who import is_secret

CLOSED_WITHIN = timedelta(days=1)
"""An alarm that asks what became of it and is open for longer is a deviation."""


@dataclass(slots=True)
class _One:
    alarm: Alarm
    from_at: datetime
    raised_at: str
    record: int
    shelved: bool

    @property
    def answer(self) -> Mark | None:
        """The first that somebody did about it: saw it, or closed it at once."""
        return next(iter(self.alarm.history), None)

    @property
    def answer_s(self) -> float | None:
        """How long that took, in seconds, from when it began to call."""
        if self.answer is None:
            return None
        return max(0.0, (self.answer.at - self.from_at).total_seconds())


class Alarms(Taker):
    """Takes every record that raises or ends an alarm, and what people did about it."""

    key: ClassVar[str] = "alarms"
    rules: ClassVar[Mapping[str, str]] = {
        "alarm_not_answered": N_("nobody answered an alarm"),
        "alarm_answered_late": N_("an alarm was answered later than its kind asks for"),
        "alarm_not_closed": N_("nobody said what became of an alarm"),
        "alarm_closed_standing": N_("an alarm was closed while its cause went on"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(map(EventType, READS))
    before: ClassVar[frozenset[EventType]] = reads

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._book = Book(rules_of(place.settings))
        self._alarms: list[_One] = []
        self._escalated = self._shelved = 0

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type != EventType.GATEWAY_STARTED and is_secret(event.type, event.data):
            return
        if when is When.INSIDE:
            self._escalated += event.type == EventType.ALARM_ESCALATED
            if event.type == EventType.ALARM_SHELVED:
                self._shelve(event)
        self._book.apply(event)
        alarm = self._book.get(event.seq)
        if when is When.INSIDE and alarm is not None and alarm.id == event.seq:
            shelved = self._book.shelf(alarm, alarm.from_at) is not None
            one = _One(alarm, alarm.from_at, event.time, event.seq, shelved)
            self._alarms.append(one)

    def _shelve(self, event: Event) -> None:
        self._shelved += 1
        row = {
            "at": event.time,
            "kind": text(event.data, "kind"),
            "source": event.subject,
            "until": time(event.data, "until"),
            "reason": text(event.data, "reason"),
            "by": who(event.data),
        }
        self.place.rows.add(SHELVES.key, row, (event.seq,))

    def found(self) -> Found:
        """The alarms that began in the span, in order."""
        found = Found(self.key, worded("Alarms"), tables=[TABLE, SHELVES])
        found.populations = [
            Population(TABLE.key, TABLE.title, Frequency.DAILY),
            Population(SHELVES.key, SHELVES.title, Frequency.RARE),
        ]
        took: list[float] = []
        count: Counter[str] = Counter()
        for one in self._alarms:
            if not one.alarm.done and self._book.get(one.record) is not one.alarm:
                continue  # its cause was over before it called anybody: it was no alarm
            count["raised"] += 1
            count[f"priority {one.alarm.priority}"] += 1
            count["answered"] += one.answer is not None
            count["closed"] += one.alarm.resolved is not None
            count["open"] += not one.alarm.done
            if one.answer_s is not None:
                took.append(one.answer_s)
            found.deviations += self._wrong(one)
            self.place.rows.add(TABLE.key, _cells(one), _records(one))
        took.sort()
        raised = count["raised"]
        most = took[ceil(0.95 * len(took)) - 1] if took else None
        found.figures = [
            Figure("alarms", worded("alarms that began"), raised),
            Figure("alarms_high", worded("of high priority"), count["priority high"], of=raised),
            Figure(
                "alarms_answered", worded("that somebody answered"), count["answered"], of=raised
            ),
            Figure("alarms_closed", worded("closed with an outcome"), count["closed"], of=raised),
            Figure("alarms_open", worded("still open"), count["open"], of=raised),
            Figure(
                "alarm_answer",
                worded("time to the first answer, median"),
                middle(took),
                Unit.SECONDS,
            ),
            Figure(
                "alarm_answer_95",
                worded("within which 95 of 100 were answered"),
                most,
                Unit.SECONDS,
            ),
            Figure("alarms_escalated", worded("escalations"), self._escalated),
            Figure("alarms_shelved", worded("sources shelved"), self._shelved),
        ]
        if self._book.more:
            words = worded(
                "{count} alarms are left out, because too many were open", count=self._book.more
            )
            found.notes.append(words)
        found.notes.append(worded("duress alarms are never in a packet"))
        return self.told(found)

    def _wrong(self, one: _One) -> Iterator[Deviation]:
        alarm, records = one.alarm, _records(one)
        facts = {"number": one.record, "kind": Message(alarm.kind.title), "source": alarm.subject}
        waited = (self.place.as_of - one.from_at).total_seconds()
        if one.answer is None:
            if waited > alarm.kind.respond_s and not one.shelved:
                words = worded("nobody answered alarm {number}, {kind}: {source}", **facts)
                yield Deviation("alarm_not_answered", words, one.raised_at, records, open=True)
        elif (one.answer_s or 0.0) > alarm.kind.respond_s:
            words = worded(
                "alarm {number}, {kind}: {source} was answered after {seconds} s, and the time to "
                "answer is {most} s",
                **facts,
                seconds=round(one.answer_s or 0.0),
                most=alarm.kind.respond_s,
            )
            by, at = Personal(one.answer.name), utc_text(one.answer.at)
            handled = worded("answered")
            yield Deviation("alarm_answered_late", words, one.raised_at, records, handled, by, at)
        late = one.from_at + CLOSED_WITHIN < self.place.as_of
        if one.answer is not None and alarm.kind.answer == "resolved" and not alarm.done and late:
            words = worded("nobody said what became of alarm {number}, {kind}: {source}", **facts)
            yield Deviation("alarm_not_closed", words, one.raised_at, records, open=True)
        if alarm.resolved is not None and alarm.stands:
            words = worded(
                "alarm {number}, {kind}: {source} was closed while its cause went on", **facts
            )
            mark = alarm.resolved
            note, by = worded("closed: {note}", note=mark.note), Personal(mark.name)
            yield Deviation(
                "alarm_closed_standing",
                words,
                one.raised_at,
                records,
                note,
                by,
                utc_text(mark.at),
                open=True,
            )


def _records(one: _One) -> tuple[int, ...]:
    marks = [mark.seq for mark in (*one.alarm.history, *one.alarm.escalated) if mark.seq]
    return tuple(dict.fromkeys((one.record, *sorted(marks))))


def _cells(one: _One) -> dict[str, object]:
    alarm, answer, closed = one.alarm, one.answer, one.alarm.resolved
    return {
        "alarm": one.record,
        "kind": alarm.kind.name,
        "source": alarm.subject[:200],
        "priority": alarm.priority,
        "raised_at": one.raised_at,
        "times": alarm.count,
        "over_at": utc_text(alarm.over_at) if alarm.over_at else "",
        "answer_s": one.answer_s,
        "answered_by": answer.name if answer else "",
        "outcome": closed.outcome if closed else "",
        "closed_by": closed.name if closed else "",
        "closed_at": utc_text(closed.at) if closed else "",
        "note": closed.note if closed else "",
        "escalated": len(alarm.escalated),
    }


KIND_WORDS: Mapping[str, Message] = {name: Message(kind.title) for name, kind in KINDS.items()}
PRIORITIES: Mapping[str, Message] = {
    "high": worded("high"),
    "medium": worded("medium"),
    "low": worded("low"),
}
TABLE = Table(
    "alarms",
    worded("Alarms"),
    (
        Column("alarm", N_("Number"), width=0.6),
        Column("kind", N_("Kind"), in_words(KIND_WORDS), 1.2),
        Column("source", N_("Source")),
        Column("priority", N_("Priority"), in_words(PRIORITIES), 0.6),
        Column("raised_at", N_("Raised at"), width=1.2),
        Column("times", N_("Times"), width=0.4),
        Column("over_at", N_("Cause over at"), width=1.2),
        Column("answer_s", N_("First answer after"), cells.lasting, 0.8),
        Column("answered_by", N_("Answered by"), personal=True, width=1.2),
        Column("outcome", N_("Outcome"), in_words({k: Message(v) for k, v in OUTCOMES.items()})),
        Column("closed_by", N_("Closed by"), personal=True, width=1.2),
        Column("closed_at", N_("Closed at"), width=1.2),
        Column("note", N_("Note"), width=1.6),
        Column("escalated", N_("Escalations"), width=0.5),
    ),
)
SHELVES = Table(
    "alarm_shelves",
    worded("Sources that a supervisor shelved"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("kind", N_("Kind"), in_words(KIND_WORDS), 1.2),
        Column("source", N_("Source")),
        Column("until", N_("Until"), width=1.2),
        Column("reason", N_("Reason"), width=2),
        Column("by", N_("By"), personal=True, width=1.2),
    ),
)
