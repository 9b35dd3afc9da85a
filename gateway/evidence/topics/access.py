"""Access: who was let in and who was refused, at which door and for what reason.

The rows go to the spool as they come, so a month of 300,000 records takes no memory; what is kept
is counted by door and reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gateway.decide.model import Reason
from gateway.evidence import taking
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Unit,
    When,
)
from gateway.evidence.taking import Taker
from gateway.evidence.topics import accesstables as tables
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.wording.text import REASONS

_NAMED = 20
"""So many records of one kind are named by a deviation; its words have the whole count."""
FAULTS = frozenset(
    {
        Reason.DENIED_LIST_UNAVAILABLE,
        Reason.DENIED_CLOCK_UNTRUSTED,
        Reason.DENIED_LOCK_UNAVAILABLE,
        Reason.DENIED_DEGRADED,
        Reason.DENIED_FACE_UNAVAILABLE,
        Reason.DENIED_CAMERA_FAULT,
        Reason.DENIED_LEDGER_UNAVAILABLE,
        Reason.DENIED_INTERNAL_ERROR,
    }
)
"""Refusals for which the gate was the reason, and not the person."""


@dataclass(slots=True)
class _Door:
    granted: int = 0
    denied: int = 0
    entered: int = 0
    nobody: int = 0


@dataclass(slots=True)
class _Times:
    """Something that happened again and again."""

    first: str
    count: int = 0
    records: list[int] = field(default_factory=list)

    def more(self, seq: int) -> None:
        self.count += 1
        if len(self.records) < _NAMED:
            self.records.append(seq)


class Access(Taker):
    """Takes each decision at a door."""

    key: ClassVar[str] = "access"
    rules: ClassVar[Mapping[str, str]] = {
        "access_on_fallback": N_("somebody was let in while a part of the gate did not work"),
        "access_denied_by_fault": N_("people were refused because the gate did not work"),
        "door_opened_from_afar": N_("an operator opened a door from afar"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.ACCESS_GRANTED,
            EventType.ACCESS_DENIED,
            EventType.DOOR_ENTERED,
            EventType.DOOR_NO_ENTRY,
            EventType.DOOR_REMOTE_OPENED,
        }
    )
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._doors: dict[str, _Door] = {}
        self._reasons: Counter[str] = Counter()
        self._people: set[str] = set()
        self._unknown: set[str] = set()
        self._confirmed = 0
        self._afar: list[Deviation] = []
        self._fallbacks: dict[tuple[str, str, str], _Times] = {}
        self._faults: dict[tuple[str, str], _Times] = {}

    def record(self, event: Event, when: When) -> None:
        """The next record; what comes after the span does not matter here."""
        if when is not When.INSIDE:
            return
        match event.type:
            case EventType.ACCESS_GRANTED | EventType.ACCESS_DENIED:
                self._decision(event)
            case EventType.DOOR_ENTERED:
                self._door(event.subject).entered += 1
            case EventType.DOOR_NO_ENTRY:
                self._door(event.subject).nobody += 1
            case EventType.DOOR_REMOTE_OPENED:
                self._opened(event)

    def _door(self, name: str) -> _Door:
        return self._doors.setdefault(taking.clean(name), _Door())

    def _decision(self, event: Event) -> None:
        data = event.data
        reason = taking.named(data, "reason")
        person, badge = taking.inner(data, "person"), taking.inner(data, "credential")
        who, granted = taking.text(person, "id"), event.type == EventType.ACCESS_GRANTED
        door = self._door(event.subject)
        if who:
            self._people.add(who)
        if granted:
            door.granted += 1
            self._confirmed += data.get("confirmation") == "confirmed"
            for part, action in taking.inner(data, "fallback").items():
                self._fallback(event, str(part), str(action))
        else:
            door.denied += 1
            self._reasons[reason] += 1
            if reason == Reason.DENIED_UNKNOWN_CREDENTIAL:
                self._unknown.add(taking.text(badge, "fingerprint"))
            if reason in FAULTS:
                key = (reason, taking.clean(event.subject))
                self._faults.setdefault(key, _Times(event.time)).more(event.seq)
        cells = {
            "at": event.time,
            "door": taking.clean(event.subject),
            "way": taking.text(data, "way"),
            "person": who,
            "name": taking.text(person, "name"),
            "company": taking.text(person, "company"),
            "badge": taking.text(badge, "masked"),
            "result": "granted" if granted else "denied",
            "reason": reason,
            "rule": taking.text(data, "rule"),
        }
        self.place.rows.add(tables.LOG, cells, (event.seq,))
        if not granted:
            del cells["result"]
            self.place.rows.add(tables.DENIED, cells, (event.seq,))

    def _fallback(self, event: Event, part: str, action: str) -> None:
        key = (taking.clean(event.subject), taking.clean(part), taking.clean(action))
        self._fallbacks.setdefault(key, _Times(event.time)).more(event.seq)

    def _opened(self, event: Event) -> None:
        reason, by = taking.text(event.data, "reason"), taking.who(event.data)
        words = worded("{door} was opened from afar", door=taking.clean(event.subject))
        said = worded("reason given: {reason}", reason=Personal(reason)) if reason else None
        self._afar.append(
            Deviation("door_opened_from_afar", words, event.time, (event.seq,), said, by)
        )

    def found(self) -> Found:
        """What happened at the doors in the span."""
        zone, add = self.place.span.zone, self.place.rows.add
        shown = [tables.log(zone), tables.denied(zone), tables.DOORS_TABLE, tables.REASONS_TABLE]
        found = Found(self.key, worded("Access"), tables=shown)
        found.populations += [
            Population(tables.LOG, shown[0].title, Frequency.DAILY),
            Population(tables.DENIED, shown[1].title, Frequency.DAILY),
        ]
        for name, door in sorted(self._doors.items()):
            cells: dict[str, Any] = {"door": name, "granted": door.granted, "denied": door.denied}
            add(tables.DOORS, {**cells, "entered": door.entered, "nobody": door.nobody}, ())
        denied = self._reasons.total()
        for reason, count in sorted(self._reasons.items(), key=lambda one: (-one[1], one[0])):
            add(tables.REASONS, {"reason": reason, "count": count, "share": count / denied}, ())
        found.figures += self._figures(denied)
        found.deviations += [*self._on_fallback(), *self._by_fault(), *self._afar]
        return self.told(found)

    def _figures(self, denied: int) -> list[Figure]:
        doors = self._doors.values()
        granted = sum(door.granted for door in doors)
        decided = granted + denied
        faults = sum(times.count for times in self._faults.values())
        unknown = self._reasons[Reason.DENIED_UNKNOWN_CREDENTIAL]

        def counted(key: str, label: Message, count: int, of: int | None = None) -> Figure:
            return Figure(key, label, count, of=of)

        return [
            counted("access_decided", worded("decisions at doors"), decided),
            counted("access_granted", worded("let in"), granted, decided),
            counted("access_denied", worded("refused"), denied, decided),
            Figure(
                "access_denied_share",
                worded("share refused"),
                round(denied / decided, 4) if decided else None,
                Unit.SHARE,
            ),
            counted("access_people", worded("people at doors"), len(self._people)),
            counted(
                "access_entered", worded("grants and somebody entered"), _sum(doors, "entered")
            ),
            counted("access_nobody", worded("grants and nobody entered"), _sum(doors, "nobody")),
            counted("access_unknown", worded("readings of unknown badges"), unknown, denied),
            counted(
                "access_unknown_badges", worded("different unknown badges"), len(self._unknown)
            ),
            counted("access_by_guard", worded("let in on a guard's word"), self._confirmed),
            counted("access_faults", worded("refused because of a fault"), faults, denied),
            counted("access_afar", worded("doors opened from afar"), len(self._afar)),
        ]

    def _on_fallback(self) -> list[Deviation]:
        found = []
        for (door, part, action), times in self._fallbacks.items():
            words = worded(
                "{door}: let in {count} times while this did not work: {part}",
                door=door,
                count=times.count,
                part=tables.part(part),
            )
            handled = worded("the site's policy for this: {action}", action=tables.part(action))
            found.append(
                Deviation("access_on_fallback", words, times.first, tuple(times.records), handled)
            )
        return found

    def _by_fault(self) -> list[Deviation]:
        return [
            Deviation(
                "access_denied_by_fault",
                worded(
                    "{door}: refused {count} times: {why}",
                    door=door,
                    count=times.count,
                    why=Message(REASONS.get(reason, reason)),
                ),
                times.first,
                tuple(times.records),
                worded("the gate kept the door shut"),
            )
            for (reason, door), times in self._faults.items()
        ]


def _sum(doors: Any, name: str) -> int:
    return sum(getattr(door, name) for door in doors)
