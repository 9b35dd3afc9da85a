"""Doors (CTPAT 9.4, 9.10, 7.24): forced, held open, opened devices, fire, what operators did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.answers import Answers
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Taker, real, seconds, text, who
from gateway.evidence.trucks import in_words
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

_BEGINS: Mapping[str, str] = {
    EventType.DOOR_FORCED: "forced",
    EventType.DOOR_HELD: "held",
    EventType.DOOR_TAMPER: "tamper",
    EventType.DOOR_FIRE: "fire",
    EventType.INTERLOCK_BREACHED: "interlock",
    EventType.DOOR_LOCK_FAULT: "lock",
}
_ENDS: Mapping[str, str] = {
    EventType.DOOR_FORCED_CLEARED: "forced",
    EventType.DOOR_HELD_CLEARED: "held",
    EventType.DOOR_TAMPER_CLEARED: "tamper",
    EventType.DOOR_FIRE_CLEARED: "fire",
}
_LASTS = frozenset(_ENDS.values())
_ACTS = frozenset(
    {
        EventType.DOOR_OUT_OF_SERVICE,
        EventType.DOOR_IN_SERVICE,
        EventType.DOOR_REMOTE_OPENED,
        EventType.INTERLOCK_OVERRIDDEN,
    }
)
_RULE: Mapping[str, str] = {
    "forced": "door_forced",
    "held": "door_held",
    "tamper": "door_tampered",
    "interlock": "interlock_open",
    "lock": "door_lock_fault",
}


@dataclass(slots=True)
class _Alarm:
    what: str
    door: str
    device: str
    at: str
    record: int
    until: str = ""
    lasted_s: float | None = None


class DoorWatch(Taker):
    """Takes what doors did against the rules in the span, its end, and the answers of people."""

    key: ClassVar[str] = "doors"
    rules: ClassVar[Mapping[str, str]] = {
        "door_forced": N_("a door was opened with no grant and no request to exit"),
        "door_held": N_("a door stood open too long"),
        "door_tampered": N_("a device of a door was opened"),
        "interlock_open": N_("both doors of an interlock were open"),
        "door_lock_fault": N_("a lock could not be driven"),
    }
    reads: ClassVar[frozenset[EventType]] = (
        frozenset(map(EventType, (*_BEGINS, *_ENDS))) | _ACTS | Answers.reads
    )
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._answers = Answers()
        self._alarms: list[_Alarm] = []
        self._open: dict[tuple[str, str, str], _Alarm] = {}
        self._acts: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        data = event.data
        if event.type in Answers.reads:
            self._answers.take(event)
        elif event.type in _ACTS:
            if when is When.INSIDE:
                self._acts[event.type] += 1
                row = {
                    "at": event.time,
                    "door": event.subject,
                    "what": event.type,
                    "reason": text(data, "reason"),
                    "by": who(data),
                }
                self.place.rows.add(ACTS.key, row, (event.seq,))
        elif event.type in _BEGINS:
            device = text(data, "device") or text(data, "detail")
            one = _Alarm(_BEGINS[event.type], event.subject, device, event.time, event.seq)
            key = (one.what, one.door, one.device)
            if when is When.INSIDE and key not in self._open:
                self._alarms.append(one)
                if one.what in _LASTS:
                    self._open[key] = one
        else:
            key = (_ENDS[event.type], event.subject, text(data, "device"))
            known = self._open.pop(key, None)
            if known is not None:
                told = real(data, "open_s")
                known.until = event.time
                known.lasted_s = told if told is not None else seconds(known.at, event.time)

    def found(self) -> Found:
        """What happened at the doors, in order."""
        found = Found(self.key, worded("Doors"), tables=[TABLE, ACTS])
        found.populations = [Population(one.key, one.title, Frequency.RARE) for one in found.tables]
        count = Counter(one.what for one in self._alarms)
        for one in self._alarms:
            found.deviations += self._wrong(one)
            row = {
                "at": one.at,
                "door": one.door,
                "what": one.what,
                "device": one.device,
                "until": one.until,
                "lasted_s": one.lasted_s,
            }
            self.place.rows.add(TABLE.key, row, (one.record,))
        held = [one.lasted_s for one in self._alarms if one.what == "held" and one.lasted_s]
        longest = max(held, default=None)
        remote = self._acts[EventType.DOOR_REMOTE_OPENED]
        service = self._acts[EventType.DOOR_OUT_OF_SERVICE]
        found.figures = [
            Figure("doors_forced", worded("doors forced"), count["forced"]),
            Figure("doors_held", worded("doors held open"), count["held"]),
            Figure("doors_held_longest", worded("held longest"), longest, Unit.SECONDS),
            Figure("devices_opened", worded("devices opened"), count["tamper"]),
            Figure("fire_alarms", worded("fire alarms at doors"), count["fire"]),
            Figure(
                "interlocks_open", worded("interlocks with both doors open"), count["interlock"]
            ),
            Figure("lock_faults", worded("locks that could not be driven"), count["lock"]),
            Figure("doors_remote", worded("doors opened from afar"), remote),
            Figure("doors_service", worded("doors taken out of service"), service),
        ]
        return self.told(found)

    def _wrong(self, one: _Alarm) -> Iterator[Deviation]:
        rule = _RULE.get(one.what)
        if rule is None:
            return
        words = worded("{door}: {what}", door=one.door, what=WHAT[one.what])
        stands = one.what in _LASTS and not one.until
        became = self._answers.of(one.what, one.door, one.record, stands)
        yield Deviation(rule, words, one.at, (one.record,), **became)


WHAT: Mapping[str, Message] = {
    "forced": worded("door forced"),
    "held": worded("door held open"),
    "tamper": worded("device opened"),
    "fire": worded("fire alarm"),
    "interlock": worded("both doors open"),
    "lock": worded("lock at fault"),
}
DONE: Mapping[str, Message] = {
    EventType.DOOR_OUT_OF_SERVICE: worded("taken out of service"),
    EventType.DOOR_IN_SERVICE: worded("put back into service"),
    EventType.DOOR_REMOTE_OPENED: worded("opened from afar"),
    EventType.INTERLOCK_OVERRIDDEN: worded("the interlock was overridden"),
}
TABLE = Table(
    "door_alarms",
    worded("What doors told"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("door", N_("Door")),
        Column("what", N_("What happened"), in_words(WHAT)),
        Column("device", N_("Device")),
        Column("until", N_("Until"), width=1.2),
        Column("lasted_s", N_("Took"), cells.lasting),
    ),
)
ACTS = Table(
    "door_acts",
    worded("What operators did at doors"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("door", N_("Door")),
        Column("what", N_("What happened"), in_words(DONE), 1.2),
        Column("reason", N_("Reason"), width=2),
        Column("by", N_("By"), personal=True, width=1.2),
    ),
)
