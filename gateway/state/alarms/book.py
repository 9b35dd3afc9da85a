"""The alarms as they are now: a pure fold of the log's records.

`Book.apply(event)` takes every record in order; `Book.open(now)` and the others read.  Everything
is in the log (raised, seen, resolved, shelved, escalated), so a book that is made anew from the log
is the same book, in any process.

An alarm begins with a record that raises it and has that record's number as its id.  While it is
open, its cause may be over and come again: then it counts up, and wants to be seen again.  ``seen``
says that somebody looked, ``resolved`` what became of it; docs/alarms.md has the life of an alarm.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.config.alarms import Priority
from gateway.ledger.event import Event, EventType
from gateway.state.alarms.kinds import KINDS, SIGNALS, Kind, Signal, signal_of
from gateway.state.alarms.model import Alarm, Mark, Raise, Rules, Shelf

ACTS = frozenset(
    {
        EventType.ALARM_SEEN,
        EventType.ALARM_STEP,
        EventType.ALARM_RESOLVED,
        EventType.ALARM_ESCALATED,
        EventType.ALARM_SHELVED,
        EventType.ALARM_UNSHELVED,
    }
)
READS = SIGNALS | ACTS | {EventType.GATEWAY_STARTED}
"""The types of record that change a book."""
MOST_OPEN = 500
KEPT_CLOSED = 300
KEPT_RAISES = 20_000
TOLD_WITHIN = timedelta(seconds=120)
"""After a start the gateway tells within this time which causes still stand."""


class Book:
    """All open alarms, those that were closed lately, and what is shelved."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.last_seq = 0
        self.more = 0
        """Alarms that are open and not in the book, because it has MOST_OPEN: they are in the
        log."""
        self._open: dict[str, Alarm] = {}
        self._by_id: dict[int, Alarm] = {}
        self._closed: deque[Alarm] = deque(maxlen=KEPT_CLOSED)
        self._left_standing: set[str] = set()
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._raises: deque[Raise] = deque(maxlen=KEPT_RAISES)
        self._calls: dict[str, Raise] = {}

    # What the log says

    def apply(self, event: Event) -> bool:
        """Take the next record; True if it changed anything.  A record that is not in its form
        changes nothing."""
        self.last_seq = max(self.last_seq, event.seq)
        if event.type not in READS:
            return False
        try:
            at = _time(event.time)
            self._settle(at)
            if event.type in ACTS:
                return self._act(event, at)
            if event.type == EventType.GATEWAY_STARTED:
                return self._started(at)
            signal = signal_of(event)
            return signal is not None and self._signal(signal, event, at)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return False

    def copied(self) -> Book:
        """This book as it is now, for readers in other threads; nobody changes a copy."""
        made = copy.copy(self)
        made._open = {key: _copied(alarm) for key, alarm in self._open.items()}
        made._by_id = {alarm.id: alarm for alarm in (*self._closed, *made._open.values())}
        made._closed = self._closed.copy()
        made._shelves = dict(self._shelves)
        made._left_standing = set(self._left_standing)
        made._calls, made._raises = {}, deque(self._raises, maxlen=KEPT_RAISES)
        return made

    def with_acts(self, waiting: list[Event]) -> Book:
        """A copy of this book in which acts count that are not on record yet."""
        if not waiting:
            return self
        made = self.copied()
        for event in waiting:
            made.apply(event)
        return made

    def _signal(self, signal: Signal, event: Event, at: datetime) -> bool:
        kind = KINDS[signal.kind]
        priority = self.rules.priority(kind)
        if priority == "none":
            return False
        alarm = self._open.get(signal.key)
        if signal.stands is False:
            self._left_standing.discard(signal.key)
            return alarm is not None and self._over(alarm, at)
        if signal.key in self._left_standing:
            return False  # somebody closed it although its cause stands
        if alarm is None:
            return self._raise(signal, kind, priority, event, at)
        if alarm.stands and signal.stands:  # told again, or with another detail
            alarm.unsure_since, alarm.event = None, event
            return True
        alarm.event, alarm.last_at, alarm.seq = event, at, event.seq
        alarm.stands, alarm.over_at, alarm.unsure_since = signal.stands, None, None
        alarm.count += 1
        alarm.seen, alarm.priority = None, priority
        alarm.from_at = at + (self.rules.delay if kind.delayed and signal.stands else timedelta())
        self._called(alarm, at)
        return True

    def _raise(
        self, signal: Signal, kind: Kind, priority: Priority, event: Event, at: datetime
    ) -> bool:
        if len(self._open) >= MOST_OPEN:
            self.more += 1
            return True
        delay = self.rules.delay if kind.delayed and signal.stands else timedelta()
        alarm = Alarm(
            id=event.seq,
            kind=kind,
            key=signal.key,
            subject=signal.subject,
            priority=priority,
            event=event,
            raised_at=at,
            from_at=at + delay,
            last_at=at,
            seq=event.seq,
            stands=signal.stands,
        )
        self._open[signal.key] = self._by_id[alarm.id] = alarm
        self._called(alarm, at)
        return True

    def _called(self, alarm: Alarm, at: datetime) -> None:
        made = Raise(
            alarm.from_at,
            alarm.kind.name,
            alarm.subject,
            alarm.priority,
            alarm.id,
            alarm.seq,
            shelved=self.shelf(alarm, at) is not None,
            lasts=alarm.stands is not None,
        )
        self._calls[alarm.key] = made
        self._raises.append(made)

    def _over(self, alarm: Alarm, at: datetime) -> bool:
        if not alarm.stands:
            return False
        call = self._calls.get(alarm.key)
        alarm.stands, alarm.over_at, alarm.unsure_since = False, at, None
        if at < alarm.from_at:  # over before it counted: it was no alarm
            if call is not None:
                self._raises.remove(call)
            if alarm.count == 1:
                self._forget(alarm)
            else:
                alarm.count -= 1
                alarm.seen = alarm.seen or _last_seen(alarm)
                self._close_if_done(alarm)
            return True
        if call is not None:
            call.over_at = at
        self._close_if_done(alarm)
        return True

    def _started(self, at: datetime) -> bool:
        self._left_standing = {
            key for key in self._left_standing if key.startswith(("door.forced", "door.held"))
        }
        for alarm in self._open.values():
            if alarm.stands and alarm.kind.told_at_start:
                alarm.unsure_since = at
        return False

    def _settle(self, now: datetime) -> None:
        """Causes of before a start of which the gateway said nothing since are over."""
        for alarm in list(self._open.values()):
            if alarm.unsure_since is not None and now > alarm.unsure_since + TOLD_WITHIN:
                self._over(alarm, alarm.unsure_since)

    @staticmethod
    def _as_of(alarm: Alarm, now: datetime) -> Alarm:
        """The alarm as it is at `now`: what `_settle` will do with the next record."""
        since = alarm.unsure_since
        if since is None or now <= since + TOLD_WITHIN:
            return alarm
        return replace(alarm, stands=False, over_at=since, unsure_since=None)

    # What people did

    def _act(self, event: Event, at: datetime) -> bool:
        data = event.data
        mark = Mark(
            at,
            str(data.get("by", "")),
            str(data.get("by_name") or data.get("by", "")),
            str(data.get("note") or data.get("reason") or ""),
            str(data.get("outcome", "")),
            event.seq,
        )
        if event.type in (EventType.ALARM_SHELVED, EventType.ALARM_UNSHELVED):
            return self._shelve(event, mark)
        alarm = self._by_id.get(int(data["alarm"]))
        if alarm is None or self._open.get(alarm.key) is not alarm:
            return False
        if event.type == EventType.ALARM_STEP:
            step = str(data["step"])
            if data.get("done") is False:
                alarm.ticked.pop(step, None)
            else:
                alarm.ticked[step] = mark
        elif event.type == EventType.ALARM_ESCALATED:
            siren = "siren" if data.get("siren") is True else ""
            alarm.escalated.append(
                replace(mark, note=str(data.get("to", "")), outcome=siren, level=int(data["level"]))
            )
        elif int(data.get("upto", 0)) < alarm.seq:
            return False  # it came again since that person looked
        elif event.type == EventType.ALARM_SEEN:
            if alarm.seen is not None:
                return False
            alarm.seen = mark
            alarm.history.append(replace(mark, outcome="seen"))
            if (call := self._calls.get(alarm.key)) is not None:
                call.seen_at = at
            self._close_if_done(alarm)
        else:
            if alarm.seen is None and (call := self._calls.get(alarm.key)) is not None:
                call.seen_at = at
            alarm.resolved = mark
            alarm.history.append(mark)
            if alarm.stands:
                self._left_standing.add(alarm.key)
            self._close_if_done(alarm)
        return True

    def _shelve(self, event: Event, mark: Mark) -> bool:
        kind, subject = str(event.data["kind"]), str(event.data["source"])
        if event.type == EventType.ALARM_UNSHELVED:
            return self._shelves.pop((kind, subject), None) is not None
        until = _time(str(event.data["until"]))
        self._shelves[kind, subject] = Shelf(kind, subject, until, mark.note, mark)
        return True

    def _close_if_done(self, alarm: Alarm) -> None:
        if alarm.done:
            self._open.pop(alarm.key, None)
            if len(self._closed) == self._closed.maxlen:
                self._by_id.pop(self._closed[0].id, None)
            self._closed.append(alarm)
            self._calls.pop(alarm.key, None)

    def _forget(self, alarm: Alarm) -> None:
        self._open.pop(alarm.key, None)
        self._by_id.pop(alarm.id, None)
        self._calls.pop(alarm.key, None)

    # What is so

    def shelf(self, alarm: Alarm, now: datetime) -> Shelf | None:
        """The shelf that an alarm is on at `now`, if it is."""
        found = self._shelves.get((alarm.kind.name, alarm.subject))
        return found if found is not None and found.until > now and alarm.kind.shelvable else None

    def shelves(self, now: datetime) -> list[Shelf]:
        """What is shelved now, what ends first in front."""
        return sorted(
            (one for one in self._shelves.values() if one.until > now), key=lambda one: one.until
        )

    def get(self, number: int) -> Alarm | None:
        """The alarm with this id; None if there is none, or it was closed long ago."""
        return self._by_id.get(number)

    def open(self, now: datetime, secret: bool = True) -> list[Alarm]:
        """Open alarms that count at `now`, the most urgent first: those nobody has seen before
        those that somebody has, then by priority, then the newest.  `secret`: with the kinds that
        not everybody may see (who.py)."""
        found = [
            alarm
            for alarm in (self._as_of(one, now) for one in self._open.values())
            if alarm.from_at <= now and not alarm.done and (secret or not alarm.kind.restricted)
        ]
        order = {"high": 0, "medium": 1, "low": 2, "none": 3}
        return sorted(found, key=lambda one: (one.seen is not None, order[one.priority], -one.seq))

    def calling(self, now: datetime, secret: bool = True) -> list[Alarm]:
        """Those of `open` that nobody has seen and nobody has shelved."""
        return [
            one
            for one in self.open(now, secret)
            if one.seen is None and self.shelf(one, now) is None
        ]

    def closed(self, secret: bool = True) -> Iterator[Alarm]:
        """Alarms that were closed lately, the newest first."""
        return (one for one in reversed(self._closed) if (secret or not one.kind.restricted))

    def raises(self, since: datetime, secret: bool = True) -> list[Raise]:
        """Every call since then, in order."""
        return [
            one
            for one in self._raises
            if one.at >= since and (secret or not KINDS[one.kind].restricted)
        ]

    def begins(self) -> datetime | None:
        """From when on `raises` is complete, if it has reached its size; None if it has not."""
        return self._raises[0].at if len(self._raises) == KEPT_RAISES else None


def _last_seen(alarm: Alarm) -> Mark | None:
    return next((mark for mark in reversed(alarm.history) if mark.outcome == "seen"), None)


def _copied(alarm: Alarm) -> Alarm:
    return replace(
        alarm,
        ticked=dict(alarm.ticked),
        escalated=list(alarm.escalated),
        history=list(alarm.history),
    )


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
