"""Pests (CTPAT 5.7, 8.1): the agricultural inspections, what they found, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gateway.evidence.handling import Handled
from gateway.evidence.looks import Look, Looks, Truck
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Population,
    Table,
    When,
)
from gateway.locale import N_, worded

TABLE = "pests"


class Pests(Looks):
    """The agricultural inspections that began in the span."""

    key: ClassVar[str] = "pests"
    rules: ClassVar[Mapping[str, str]] = {
        "pests_on_truck": N_("pests were found on a truck"),
    }

    def found(self) -> Found:
        """What was found, in the order in which the trucks came."""
        table = self._table()
        found = Found(self.key, worded("Agricultural inspections"), tables=[table])
        found.populations.append(Population(TABLE, table.title, Frequency.RARE))
        done = clean = trucks = 0
        for truck in self.trucks:
            looks = [one for one in truck.looks.values() if one.began is When.INSIDE]
            mine = [one for one in looks if self.is_pests(one)]
            trucks += bool(mine)
            done += len(mine)
            clean += sum(bool(one.finished_at) and not one.bad for one in mine)
            for look in mine:
                if look.bad:
                    found.deviations.append(self._pest(truck, look))
        found.figures += [
            Figure("pest_inspections", worded("agricultural inspections that began"), done),
            Figure("pest_inspections_clean", worded("finished, and nothing found"), clean),
            Figure("pest_trucks", worded("trucks that were inspected for pests"), trucks),
            Figure("pest_finds", worded("inspections that found pests"), len(found.deviations)),
        ]
        note = worded("the gateway deletes no record of pests: keep the log for at least a year")
        found.notes.append(note)
        return self.told(found)

    def _pest(self, truck: Truck, look: Look) -> Deviation:
        became: Handled = truck.became(look, pests=True)
        row = {
            "truck": truck.truck,
            "unit": look.unit,
            "begun_at": look.begun_at,
            "points": [f"{look.checklist}/{point}" for point in look.bad],
            "notes": [note for note, _inspector in look.bad.values() if note],
            "inspectors": look.inspectors,
            "open": became.get("open", False),
            "handled_at": became.get("handled_at", ""),
        }
        self.place.rows.add(TABLE, row, tuple(look.records))
        facts = {"truck": truck.truck, "unit": look.unit}
        words = worded("pests were found on truck {truck}: {unit}", **facts)
        records = tuple(look.records)
        return Deviation("pests_on_truck", words, look.begun_at, records, **became)

    def _points(self, cell: object) -> str:
        listed = cell if isinstance(cell, list | tuple) else [cell]
        return ", ".join(map(self.point_title, listed))

    def _table(self) -> Table:
        return Table(
            TABLE,
            worded("Pests that were found"),
            (
                Column("truck", N_("Truck"), width=0.5),
                Column("unit", N_("Unit")),
                Column("begun_at", N_("Begun at"), width=1.2),
                Column("points", N_("Points"), self._points, 1.6),
                Column("notes", N_("What was found"), width=2),
                Column("inspectors", N_("Inspected by"), personal=True, width=1.2),
                Column("open", N_("Still open"), width=0.6),
                Column("handled_at", N_("Dealt with at"), width=1.2),
            ),
        )
