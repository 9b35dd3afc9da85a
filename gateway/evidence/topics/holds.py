"""What stood in the way of trucks (CTPAT 6.1, 7.x, 10.7), who let it be, and whom the gate sent
away.

A deviation of this topic has the code of the desk's finding as its rule.  Work that was not done
yet when a step was tried, such as an inspection that was not begun, is the gate at work: it is a
deviation only if somebody released it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.desk.freight.findings import CODES
from gateway.evidence.handling import ENDS, Way, released_keys
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
    When,
)
from gateway.evidence.taking import Taker, text
from gateway.evidence.trucks import OVER, ByTruck, in_words, objects, plates, supervisor
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

HELD = frozenset({EventType.FREIGHT_HELD, EventType.FREIGHT_REFUSED})
ELSEWHERE = frozenset(
    {
        *("arrival_off_time", "checklist_hasty", "checklist_failed", "pests_found"),
        *("driver_id_missing", "spot_check_failed"),
    }
)
"""Codes that other topics tell of, from the facts themselves."""
RULES = {code: one.text for code, one in CODES.items() if code not in ELSEWHERE}
NAMES = frozenset(
    {
        *("driver_unexpected", "driver_id_of_other_name", "driver_id_missing"),
        "spot_check_failed",
    }
)
"""Codes whose `about` says who somebody is, or what somebody typed."""


@dataclass(slots=True)
class _Finding:
    code: str
    about: str
    action: str
    at: str
    records: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Truck:
    truck: int
    tractor: str = ""
    found: dict[str, _Finding] = field(default_factory=dict)
    way: Way = field(default_factory=Way)


class Holds(Taker):
    """Takes what held trucks in the span, and what became of each."""

    key: ClassVar[str] = "holds"
    rules: ClassVar[Mapping[str, str]] = RULES
    reads: ClassVar[frozenset[EventType]] = HELD | ENDS | {EventType.FREIGHT_ARRIVED}
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Truck)
        self._tries = self._released = self._away = 0

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data, inside = event.data, when is When.INSIDE
        if event.type == EventType.FREIGHT_ARRIVED:
            self._trucks.leave(event)
            return
        truck = self._trucks.of(event) if inside else self._trucks.known(event)
        if truck is None:
            return
        truck.tractor = truck.tractor or plates(data)
        if event.type in HELD:
            if inside:
                self._tries += bool(text(data, "step"))
                _held(truck, event)
            return
        if event.type == EventType.FREIGHT_RELEASED and inside:
            self._released += 1
            self._release(truck, event)
        elif event.type == EventType.FREIGHT_TURNED_AWAY and inside:
            self._away += 1
            row = {
                "at": event.time,
                "truck": truck.truck,
                "tractor": truck.tractor,
                "carrier": text(data, "carrier"),
                "reason": text(data, "reason"),
                "by": text(data, "by_name") or text(data, "by"),
            }
            self.place.rows.add(AWAY.key, row, (event.seq,))
        truck.way.take(event)
        if event.type in OVER:
            self._trucks.leave(event)

    def _release(self, truck: _Truck, event: Event) -> None:
        for key in released_keys(event.data):
            code, _, about = key.partition(":")
            row = {
                "at": event.time,
                "truck": truck.truck,
                "tractor": truck.tractor,
                "code": code,
                "about": about,
                "reason": text(event.data, "reason"),
                "by": supervisor(event.data),
            }
            self.place.rows.add(RELEASES.key, row, (event.seq,))

    def found(self) -> Found:
        """What held trucks, and what became of it."""
        found = Found(self.key, worded("Trucks held, released and turned away"))
        found.tables = [TABLE, RELEASES, AWAY]
        found.populations = [Population(one.key, one.title, Frequency.RARE) for one in found.tables]
        trucks = refused = 0
        for truck in self._trucks:
            wrong = [
                one for key, one in truck.found.items() if _counts(one, key in truck.way.released)
            ]
            trucks += bool(wrong)
            refused += any(one.action == "refuse" for one in wrong)
            for one in wrong:
                found.deviations += self._wrong(truck, one)
        found.figures += [
            Figure("stopped", worded("steps that the gate stopped"), self._tries),
            Figure("held_trucks", worded("trucks with which something was wrong"), trucks),
            Figure("refused_trucks", worded("of these such that nobody can release"), refused),
            Figure("releases", worded("releases by a second person"), self._released),
            Figure("sent_away", worded("trucks turned away or cancelled"), self._away),
        ]
        return self.told(found)

    def _wrong(self, truck: _Truck, one: _Finding) -> list[Deviation]:
        became = truck.way.of(f"{one.code}:{one.about}")
        row = {
            "at": one.at,
            "truck": truck.truck,
            "tractor": truck.tractor,
            "code": one.code,
            "about": one.about,
            "action": one.action,
            "open": became.get("open", False),
            "handled_by": became.get("handled_by", ""),
            "handled_at": became.get("handled_at", ""),
        }
        self.place.rows.add(TABLE.key, row, tuple(one.records))
        if one.code not in RULES:
            return []
        about = Personal(one.about) if one.code in NAMES else one.about
        facts = {"truck": truck.truck, "what": Message(RULES[one.code]), "about": about}
        words = worded("truck {truck}: {what}: {about}", **facts)
        if not one.about:
            words = worded("truck {truck}: {what}", **facts)
        return [Deviation(one.code, words, one.at, tuple(one.records), **became)]


def _held(truck: _Truck, event: Event) -> None:
    for item in objects(event.data, "findings"):
        code, about = text(item, "code"), text(item, "about")
        one = truck.found.setdefault(
            f"{code}:{about}", _Finding(code, about, text(item, "action"), event.time)
        )
        one.records.append(event.seq)


def _counts(one: _Finding, released: bool) -> bool:
    known = CODES.get(one.code)
    return known is not None and (released or not known.todo)


CODE_WORDS: Mapping[str, Message] = {code: Message(one.text) for code, one in CODES.items()}
ACTIONS: Mapping[str, Message] = {
    "hold": worded("held until somebody releases it"),
    "refuse": worded("refused until it is put right"),
}
TABLE = Table(
    "holds",
    worded("What was wrong with trucks"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("truck", N_("Truck"), width=0.5),
        Column("tractor", N_("Truck number")),
        Column("code", N_("What was wrong"), in_words(CODE_WORDS), 2),
        Column("about", N_("About"), width=1.6, personal=True),
        Column("action", N_("What the gate did"), in_words(ACTIONS), 1.2),
        Column("open", N_("Still open"), width=0.6),
        Column("handled_by", N_("Dealt with by"), width=1.2, personal=True),
        Column("handled_at", N_("Dealt with at"), width=1.2),
    ),
)
RELEASES = Table(
    "releases",
    worded("What a second person released"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("truck", N_("Truck"), width=0.5),
        Column("tractor", N_("Truck number")),
        Column("code", N_("What was wrong"), in_words(CODE_WORDS), 2),
        Column("about", N_("About"), width=1.6, personal=True),
        Column("reason", N_("Reason"), width=2),
        Column("by", N_("Released by"), width=1.2, personal=True),
    ),
)
AWAY = Table(
    "turned_away",
    worded("Trucks turned away or cancelled"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("truck", N_("Truck"), width=0.5),
        Column("tractor", N_("Truck number")),
        Column("carrier", N_("Carrier"), width=1.5),
        Column("reason", N_("Reason"), width=2),
        Column("by", N_("By"), personal=True),
    ),
)
