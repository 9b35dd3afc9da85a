"""The pickup log (CTPAT 10.4): each truck with the items that the criterion names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

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
from gateway.evidence.taking import Taker, inner, seconds, text, texts, time, who
from gateway.evidence.trucks import OVER, ByTruck, in_words, middle, plates
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, in_context, worded

STAYS_S = 86_400.0
"""A truck without departure is a deviation after a day; until then it may be at the dock."""


@dataclass(slots=True)
class _Pickup:
    truck: int
    driver: str = ""
    arrived_at: str = ""
    employer: str = ""
    tractor: str = ""
    units: list[str] = field(default_factory=list)
    affixed: dict[str, str] = field(default_factory=dict)
    seals: dict[str, str] = field(default_factory=dict)
    departed_at: str = ""
    outcome: str = "here"
    guard: str = ""
    records: list[int] = field(default_factory=list)


class Pickups(Taker):
    """Takes the records of trucks that arrived in the span, and of their departures."""

    key: ClassVar[str] = "pickups"
    rules: ClassVar[Mapping[str, str]] = {
        "pickup_not_left": N_("a truck has no departure on record for more than a day"),
        "pickup_incomplete": N_("an entry of the pickup log lacks one of its items"),
    }
    reads: ClassVar[frozenset[EventType]] = OVER | {
        EventType.FREIGHT_ARRIVED,
        EventType.FREIGHT_HOOKED,
        EventType.SEAL_AFFIXED,
    }

    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Pickup)

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        if event.type == EventType.FREIGHT_ARRIVED and when is When.INSIDE:
            truck = self._trucks.of(event)
            truck.driver, truck.employer = text(data, "driver"), text(data, "carrier")
            truck.tractor, truck.units = plates(data), texts(data, "units")
            truck.arrived_at = time(data, "arrived_at") or event.time
            truck.guard = who(data)
        else:
            known = self._trucks.known(event)
            if known is None:
                return
            if event.type == EventType.FREIGHT_ARRIVED:  # another truck, after the span
                self._trucks.leave(event)
                return
            truck = known
        if event.type == EventType.FREIGHT_HOOKED:
            truck.units = texts(data, "units")
        elif event.type == EventType.SEAL_AFFIXED:
            truck.affixed[text(data, "unit")] = text(data, "seal")
        elif event.type in OVER:
            truck.departed_at = time(data, "departed_at") or event.time
            truck.seals = {str(unit): str(seal) for unit, seal in inner(data, "seals").items()}
            away = event.type == EventType.FREIGHT_TURNED_AWAY
            truck.outcome = "turned_away" if away else "departed"
        truck.records.append(event.seq)

    def found(self) -> Found:
        """The pickup log in the order of arrival."""
        found = Found(self.key, worded("Cargo pickup log"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.DAILY))
        stays: list[float] = []
        count: Counter[str] = Counter()
        for one in self._trucks:
            count[one.outcome] += 1
            if one.outcome == "departed":
                stays.append(seconds(one.arrived_at, one.departed_at) or 0.0)
            found.deviations += self._wrong(one)
            self.place.rows.add(TABLE.key, _cells(one), tuple(one.records))
        found.figures += [
            Figure("trucks", worded("trucks that arrived"), len(self._trucks)),
            Figure("departed", worded("of these departed"), count["departed"]),
            Figure("turned_away", worded("of these turned away"), count["turned_away"]),
            Figure("still_here", worded("of these without a departure yet"), count["here"]),
            Figure("stay", worded("time at the site, median"), middle(stays), Unit.SECONDS),
            Figure(
                "longest_stay",
                worded("time at the site, longest"),
                max(stays, default=None),
                Unit.SECONDS,
            ),
        ]
        return self.told(found)

    def _wrong(self, one: _Pickup) -> Iterator[Deviation]:
        records = tuple(one.records)
        if one.outcome == "here":
            here = seconds(one.arrived_at, self.place.as_of.isoformat())
            if here is not None and here > STAYS_S:
                words = worded(
                    "truck {truck} of {carrier} has no departure on record for more than a day",
                    truck=one.truck,
                    carrier=one.employer,
                )
                yield Deviation("pickup_not_left", words, one.arrived_at, records, open=True)
            return
        needed = {"driver": one.driver, "employer": one.employer, "tractor": one.tractor}
        missing = tuple(Message(_NAMES[name]) for name, value in needed.items() if not value)
        if missing:
            words = worded(
                "the entry of truck {truck} lacks: {items}",
                truck=one.truck,
                items=missing,
            )
            yield Deviation("pickup_incomplete", words, one.arrived_at, records, open=True)


def _cells(one: _Pickup) -> dict[str, object]:
    # A seal that a guard put on has a record of its own, which is older than the departure's.
    put = {unit: seal for unit, seal in one.affixed.items() if unit in one.units}
    sealed = {**one.seals, **put} if one.departed_at else {}
    return {
        "truck": one.truck,
        "driver": one.driver,
        "arrived_at": one.arrived_at,
        "employer": one.employer,
        "tractor": one.tractor,
        "units": one.units,
        "departed_at": one.departed_at,
        "seals": [sealed[unit] for unit in sorted(sealed)],
        "outcome": one.outcome,
        "guard": one.guard,
    }


_NAMES = {
    "driver": N_("Driver's name"),
    "employer": N_("Employer"),
    "tractor": N_("Truck number"),
}
OUTCOMES = {
    "departed": in_context("truck", "departed"),
    "turned_away": in_context("truck", "turned away"),
    "here": in_context("truck", "no departure yet"),
}
TABLE = Table(
    "pickups",
    worded("Cargo pickup log"),
    (
        Column("truck", N_("Truck"), width=0.5),
        Column("driver", _NAMES["driver"], width=1.6, personal=True),
        Column("arrived_at", N_("Time of arrival"), width=1.3),
        Column("employer", _NAMES["employer"], width=1.5),
        Column("tractor", _NAMES["tractor"]),
        Column("units", N_("Trailer number")),
        Column("departed_at", N_("Time of departure"), width=1.3),
        Column("seals", N_("Seal number at departure"), width=1.1),
        Column("outcome", N_("Outcome"), in_words(OUTCOMES), 0.8),
        Column("guard", N_("Received by"), personal=True),
    ),
)
