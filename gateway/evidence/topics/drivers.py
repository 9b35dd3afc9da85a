"""Drivers (CTPAT 10.3): whose photo ID was verified, and whether before any cargo moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.handling import ENDS, Handled, Way
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
from gateway.evidence.taking import Taker, text, time, who
from gateway.evidence.trucks import ByTruck
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

_MOVES = frozenset(
    {
        EventType.FREIGHT_UNLOADED,
        EventType.FREIGHT_LOADING,
        EventType.SEAL_AFFIXED,
        EventType.FREIGHT_DEPARTED,
    }
)


@dataclass(slots=True)
class _Check:
    truck: int
    driver: str = ""
    carrier: str = ""
    arrived_at: str = ""
    id_kind: str = ""
    verified_at: str = ""
    by: str = ""
    later: bool = False
    moved: tuple[str, int] | None = None
    way: Way = field(default_factory=Way)
    records: list[int] = field(default_factory=list)


class Drivers(Taker):
    """Takes the arrivals of trucks, the checks of the drivers, and when cargo first moved."""

    key: ClassVar[str] = "drivers"
    rules: ClassVar[Mapping[str, str]] = {
        "driver_not_identified": N_("the photo ID of a driver was not verified"),
        "cargo_moved_unidentified": N_("cargo moved before the driver's photo ID was verified"),
    }
    reads: ClassVar[frozenset[EventType]] = (
        frozenset({EventType.FREIGHT_ARRIVED, EventType.FREIGHT_IDENTIFIED}) | _MOVES | ENDS
    )

    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Check)

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        if event.type == EventType.FREIGHT_ARRIVED:
            if when is not When.INSIDE:
                self._trucks.leave(event)
                return
            one = self._trucks.of(event)
            one.driver, one.carrier = text(data, "driver"), text(data, "carrier")
            one.arrived_at = time(data, "arrived_at") or event.time
            one.id_kind = text(data, "id_kind")
            one.records.append(event.seq)
            if one.id_kind:
                one.verified_at, one.by = one.arrived_at, who(data)
            return
        known = self._trucks.known(event)
        if known is None:
            return
        if event.type == EventType.FREIGHT_IDENTIFIED and not known.verified_at:
            known.id_kind, known.by = text(data, "id_kind"), who(data)
            known.verified_at, known.later = event.time, True
            known.records.append(event.seq)
        if event.type in _MOVES and not known.verified_at and known.moved is None:
            known.moved = (event.time, event.seq)
        if event.type in ENDS:
            known.way.take(event)

    def found(self) -> Found:
        """The drivers in the order of arrival."""
        table = _table(self.place)
        found = Found(self.key, table.title, tables=[table])
        found.populations.append(Population(table.key, table.title, Frequency.DAILY))
        at_once = later = 0
        for one in self._trucks:
            at_once += bool(one.verified_at) and not one.later
            later += one.later
            found.deviations += _wrong(one)
            moved = one.moved is not None
            row = {
                "truck": one.truck,
                "driver": one.driver,
                "employer": one.carrier,
                "arrived_at": one.arrived_at,
                "id_kind": one.id_kind,
                "verified_at": one.verified_at,
                "by": one.by,
                "before_cargo": bool(one.verified_at) and not moved,
            }
            self.place.rows.add(table.key, row, tuple(one.records))
        total = len(self._trucks)
        found.figures += [
            Figure("drivers", worded("drivers that arrived"), total),
            Figure("verified_at_arrival", worded("photo ID verified at arrival"), at_once),
            Figure("verified_later", worded("photo ID verified later"), later),
            Figure(
                "not_verified", worded("photo ID never verified"), total - at_once - later, of=total
            ),
        ]
        return self.told(found)


def _wrong(one: _Check) -> Iterator[Deviation]:
    if not one.verified_at:
        words = worded("the photo ID of {driver} was not verified", driver=Personal(one.driver))
        key = f"driver_id_missing:{one.driver}"
        became = one.way.of(key)
        if one.way.ended == "departed" and key not in one.way.released:
            became = Handled(open=True)
        yield Deviation(
            "driver_not_identified", words, one.arrived_at, tuple(one.records), **became
        )
    if one.moved is not None:
        at, record = one.moved
        words = worded(
            "cargo of truck {truck} moved before the driver's photo ID was verified",
            truck=one.truck,
        )
        later = Handled(handled=worded("verified later"), handled_at=one.verified_at)
        later["handled_by"] = Personal(one.by)
        became = later if one.verified_at else Handled(open=True)
        yield Deviation("cargo_moved_unidentified", words, at, (*one.records, record), **became)


def _table(place: Place) -> Table:
    shown = cells.photo_id(place.settings.tables.visits.id_kinds)
    return Table(
        "drivers",
        worded("Drivers' identification"),
        (
            Column("truck", N_("Truck"), width=0.5),
            Column("driver", N_("Driver's name"), width=1.6, personal=True),
            Column("employer", N_("Employer"), width=1.5),
            Column("arrived_at", N_("Time of arrival"), width=1.3),
            Column("id_kind", N_("Photo ID verified"), shown),
            Column("verified_at", N_("Verified at"), width=1.3),
            Column("by", N_("Verified by"), personal=True, width=1.2),
            Column("before_cargo", N_("Before cargo moved"), width=0.7),
        ),
    )
