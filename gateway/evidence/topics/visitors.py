"""Visitors (CTPAT 10.2): who came, whom they came to see, which ID was verified, when they left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

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
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded


@dataclass(slots=True)
class _Visit:
    arrived_at: str
    name: str
    host: str
    company: str
    id_kind: str
    departed_at: str = ""
    records: list[int] = field(default_factory=list)


class Visitors:
    """Takes the records of visits."""

    key: ClassVar[str] = "visitors"
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.VISIT_ARRIVED, EventType.VISIT_DEPARTED}
    )
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        self._place = place
        self._visits: dict[int, _Visit] = {}

    def take(self, event: Event, when: When) -> None:
        """The next record."""
        number, data = event.data.get("visit"), event.data
        if not isinstance(number, int):
            return
        if event.type == EventType.VISIT_ARRIVED and when is When.INSIDE:
            name, host, company, shown = (
                str(data.get(key) or "") for key in ("name", "host", "company", "id_kind")
            )
            arrived = str(data.get("arrived_at") or event.time)
            visit = _Visit(arrived, name, host, company, shown)
            visit.records.append(event.seq)
            self._visits[number] = visit
        elif event.type == EventType.VISIT_DEPARTED and number in self._visits:
            visit = self._visits[number]
            visit.departed_at = str(data.get("departed_at") or event.time)
            visit.records.append(event.seq)

    def found(self) -> Found:
        """The visits that began in the span."""
        found = Found(self.key, worded("Visitor log"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.DAILY))
        for number, visit in self._visits.items():
            cells = {
                "visit": number,
                "name": visit.name,
                "company": visit.company,
                "host": visit.host,
                "id_kind": visit.id_kind,
                "arrived_at": visit.arrived_at,
                "departed_at": visit.departed_at,
            }
            self._place.rows.add(TABLE.key, cells, tuple(visit.records))
            if not visit.departed_at:
                words = worded("{name} has no departure on record", name=Personal(visit.name))
                records = tuple(visit.records)
                found.deviations.append(
                    Deviation("visit_not_left", words, visit.arrived_at, records, open=True)
                )
        found.figures.append(Figure("visits", worded("visits that began"), len(self._visits)))
        return found


TABLE = Table(
    "visitors",
    worded("Visitor log"),
    (
        Column("visit", N_("Visit"), width=0.5),
        Column("name", N_("Visitor's name"), personal=True, width=2),
        Column("company", N_("Company"), width=1.5),
        Column("host", N_("Company contact"), personal=True, width=1.5),
        Column("id_kind", N_("Photo ID verified")),
        Column("arrived_at", N_("Time of arrival")),
        Column("departed_at", N_("Time of departure")),
    ),
)
