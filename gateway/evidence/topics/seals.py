"""Seals on trucks (CTPAT 6.2, 6.6, 6.7): each seal that was put on, VVTT, seals that trucks came
with, and whether whatever left loaded was sealed.  sealstock.py has the inventory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.evidence.handling import Handled
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    When,
)
from gateway.evidence.taking import Taker, inner, named, number, text, texts, who
from gateway.evidence.topics import sealtables as tables
from gateway.evidence.trucks import flag
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded


@dataclass(slots=True)
class _Affixed:
    seal: str
    truck: int
    unit: str
    at: str
    seal_class: str
    stock: str
    by: str
    verified: bool = False
    verified_at: str = ""
    replaced: bool = False
    records: list[int] = field(default_factory=list)


class Seals(Taker):
    """Takes what was put on trucks, and what they came and left with."""

    key: ClassVar[str] = "seals"
    rules: ClassVar[Mapping[str, str]] = {
        "seal_not_verified_vvtt": N_("a seal was put on without view, verify, tug, twist"),
        "seal_on_two_trucks": N_("one seal number was put on two trucks"),
        "truck_left_unsealed": N_("a loaded truck left without a seal on a unit"),
    }
    before: ClassVar[frozenset[EventType]] = frozenset({EventType.SEAL_AFFIXED})
    reads: ClassVar[frozenset[EventType]] = before | {
        EventType.SEAL_VOIDED,
        EventType.FREIGHT_ARRIVED,
        EventType.FREIGHT_SEAL_SEEN,
        EventType.FREIGHT_DEPARTED,
    }

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._on: dict[str, int] = {}
        self._put: dict[tuple[int, str], _Affixed] = {}
        self._affixed: list[_Affixed] = []
        self._wrong: list[Deviation] = []
        self._count: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type == EventType.SEAL_AFFIXED:
            self._affix(event, when)
        elif event.type == EventType.SEAL_VOIDED:
            self._replace(event)
        elif when is When.AFTER:
            return
        elif event.type == EventType.FREIGHT_DEPARTED:
            self._depart(event)
        else:
            self._see(event)

    def _replace(self, event: Event) -> None:
        """Another seal was put on in place of this one."""
        for one in reversed(self._affixed):
            if one.seal == event.subject and one.truck == event.data.get("freight"):
                one.replaced = True
                break

    def _affix(self, event: Event, when: When) -> None:
        data = event.data
        truck, seal = number(data, "freight"), named(data, "seal")
        if when is When.AFTER:
            known = self._put.get((truck, seal))
            if known is not None and flag(data, "vvtt") and not known.verified_at:
                known.verified_at = event.time
            return
        other = self._on.get(seal)
        if other is not None and other != truck and when is When.INSIDE:
            words = worded(
                "seal {seal} is on trucks {other} and {truck}", seal=seal, other=other, truck=truck
            )
            self._wrong.append(
                Deviation("seal_on_two_trucks", words, event.time, (event.seq,), open=True)
            )
        self._on[seal] = truck
        if when is When.BEFORE:
            return
        one = self._put.get((truck, seal))
        if one is None:
            seal_class, stock = text(data, "seal_class"), text(data, "stock")
            unit, by = text(data, "unit"), who(data)
            one = _Affixed(seal, truck, unit, event.time, seal_class, stock, by)
            self._put[truck, seal] = one
            self._affixed.append(one)
            one.verified = flag(data, "vvtt")
        elif flag(data, "vvtt") and not one.verified:
            one.verified_at = one.verified_at or event.time
        one.records.append(event.seq)

    def _depart(self, event: Event) -> None:
        data = event.data
        truck = number(data, "freight")
        if not flag(data, "loaded"):
            return
        self._count["loaded"] += 1
        sealed = {str(unit) for unit in inner(data, "seals")}
        sealed |= {one.unit for key, one in self._put.items() if key[0] == truck}
        bare = [unit for unit in texts(data, "units") if unit not in sealed]
        self._count["sealed"] += not bare
        if bare:
            words = worded(
                "truck {truck} left loaded and without a seal: {units}",
                truck=truck,
                units=tuple(bare),
            )
            self._wrong.append(
                Deviation("truck_left_unsealed", words, event.time, (event.seq,), open=True)
            )

    def _see(self, event: Event) -> None:
        data = event.data
        again = event.type == EventType.FREIGHT_SEAL_SEEN
        for seal in [text(data, "seal")] if again else texts(data, "seals"):
            row = {
                "at": event.time,
                "truck": number(data, "freight"),
                "seal": seal,
                "intact": flag(data, "intact") if again else None,
                "vvtt": flag(data, "vvtt") if again else None,
                "by": who(data),
            }
            self.place.rows.add(tables.SEEN.key, row, (event.seq,))
            self._count["seen"] += 1

    def found(self) -> Found:
        """The seals that were put on in the span, and those that trucks came with."""
        found = Found(self.key, worded("Seals on trucks"), tables=[tables.AFFIXED, tables.SEEN])
        found.populations = [
            Population(one.key, one.title, Frequency.DAILY) for one in found.tables
        ]
        for one in self._affixed:
            row = {
                "seal": one.seal,
                "class": one.seal_class,
                "truck": one.truck,
                "unit": one.unit,
                "at": one.at,
                "by": one.by,
                "vvtt": one.verified or bool(one.verified_at),
                "stock": one.stock,
                "replaced": one.replaced,
            }
            self.place.rows.add(tables.AFFIXED.key, row, tuple(one.records))
        found.deviations = [*self._wrong, *self._unverified()]
        found.deviations.sort(key=lambda one: (one.at, one.records))
        affixed, loaded = len(self._affixed), self._count["loaded"]
        verified = sum(one.verified for one in self._affixed)
        seen, sealed = self._count["seen"], self._count["sealed"]
        found.figures = [
            Figure("seals_affixed", worded("seals put on"), affixed),
            Figure("seals_verified", worded("with all of VVTT at once"), verified, of=affixed),
            Figure("seals_seen", worded("looks at seals that trucks came with"), seen),
            Figure("loaded_departures", worded("trucks that left loaded"), loaded),
            Figure("sealed_departures", worded("of these sealed"), sealed, of=loaded),
        ]
        found.notes.append(
            worded(
                "the record of an arrival names the seals of the truck and not the acts of VVTT; a "
                "seal that was not verified holds the truck"
            )
        )
        return self.told(found)

    def _unverified(self) -> Iterator[Deviation]:
        for one in self._affixed:
            if not one.verified and not one.replaced:
                words = worded("seal {seal} was not verified when it was put on", seal=one.seal)
                later = Handled(handled=worded("verified later"), handled_at=one.verified_at)
                became = later if one.verified_at else Handled(open=True)
                records = tuple(one.records)
                yield Deviation("seal_not_verified_vvtt", words, one.at, records, **became)
