"""Inspections of trucks (CTPAT 5.3 to 5.6): who looked at which points, for how long, who signed,
and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.looks import Look, Looks, Truck
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.trucks import middle
from gateway.locale import N_, worded
from gateway.locale.text import name_key

TABLE, FINDINGS = "inspections", "inspection_findings"


class Inspections(Looks):
    """The inspections that began in the span."""

    key: ClassVar[str] = "inspections"
    rules: ClassVar[Mapping[str, str]] = {
        "inspection_missing": N_("cargo moved, or a truck left, without an inspection"),
        "inspection_failed": N_("an inspection found something"),
        "inspection_unfinished": N_("a truck left with an inspection that was not finished"),
        "inspection_unsigned": N_("a truck left with an inspection that nobody signed"),
        "inspection_self_signed": N_("whoever inspected signed as the supervisor"),
        "inspection_hasty": N_("an inspection was faster than somebody can look"),
    }

    def found(self) -> Found:
        """The inspections in the order in which the trucks came."""
        tables = [self._table(), self._findings()]
        found = Found(self.key, worded("Inspections of trucks"), tables=tables)
        found.populations = [
            Population(TABLE, tables[0].title, Frequency.DAILY),
            Population(FINDINGS, tables[1].title, Frequency.RARE),
        ]
        count: Counter[str] = Counter()
        took: list[float] = []
        for truck in self.trucks:
            found.deviations += _never(truck)
            for look in truck.looks.values():
                if look.began is not When.INSIDE:
                    continue
                count["begun"] += 1
                count["finished"] += bool(look.finished_at)
                count["signed"] += bool(look.signed_at)
                count["failed"] += bool(look.bad)
                count["camera"] += bool(look.camera)
                count["pictured"] += bool(look.pictures)
                if look.took_s is not None:
                    took.append(look.took_s)
                found.deviations += self._wrong(truck, look)
                self._rows(truck, look)
        begun = count["begun"]
        found.figures += [
            Figure("inspections", worded("inspections that began"), begun),
            Figure("inspections_finished", worded("finished"), count["finished"], of=begun),
            Figure("inspections_signed", worded("signed"), count["signed"], of=begun),
            Figure("inspections_failed", worded("that found something"), count["failed"], of=begun),
            Figure("inspections_camera", worded("under a camera"), count["camera"], of=begun),
            Figure("inspections_pictured", worded("with photographs"), count["pictured"], of=begun),
            Figure("inspection_time", worded("an inspection, median"), middle(took), Unit.SECONDS),
        ]
        return self.told(found)

    def _rows(self, truck: Truck, look: Look) -> None:
        row = {
            "truck": truck.truck,
            "inspection": look.number,
            "checklist": look.checklist,
            "unit": look.unit,
            "begun_at": look.begun_at,
            "took_s": look.took_s,
            "points": len(look.points),
            "bad": len(look.bad),
            "inspectors": look.inspectors,
            "signed_by": look.signed_by,
            "signed_at": look.signed_at,
            "camera": look.camera,
            "pictures": look.pictures,
        }
        self.place.rows.add(TABLE, row, tuple(look.records))
        for point, (note, inspector) in look.bad.items():
            row = {
                "truck": truck.truck,
                "inspection": look.number,
                "unit": look.unit,
                "begun_at": look.begun_at,
                "point": f"{look.checklist}/{point}",
                "note": note,
                "inspector": inspector,
            }
            self.place.rows.add(FINDINGS, row, tuple(look.records))

    def _wrong(self, truck: Truck, look: Look) -> Iterator[Deviation]:
        facts = {"truck": truck.truck, "unit": look.unit, "number": look.number}
        records, at = tuple(look.records), look.begun_at
        pests = self.is_pests(look)
        if look.bad and not pests:
            words = worded("inspection {number} of truck {truck} found something: {unit}", **facts)
            became = truck.became(look, pests)
            yield Deviation("inspection_failed", words, at, records, **became)
        left = truck.way.ended == "departed"
        if left and not look.finished_at:
            words = worded("truck {truck} left before inspection {number} was finished", **facts)
            yield Deviation("inspection_unfinished", words, at, records, open=True)
        signs = self.place.settings.tables.freight.supervisor_signs
        if left and signs and look.finished_at and not look.signed_at:
            words = worded("truck {truck} left and nobody signed inspection {number}", **facts)
            yield Deviation("inspection_unsigned", words, at, records, open=True)
        if look.signed_at and _signed_own(look):
            words = worded("whoever inspected truck {truck} signed inspection {number}", **facts)
            yield Deviation("inspection_self_signed", words, at, records, open=True)
        least = self.place.settings.tables.freight.point_s * len(look.points)
        if look.took_s is not None and look.took_s < least:
            words = worded(
                "inspection {number} of truck {truck}: {points} points in {seconds} s",
                **facts,
                points=len(look.points),
                seconds=round(look.took_s),
            )
            yield Deviation("inspection_hasty", words, at, records)

    def _table(self) -> Table:
        return Table(
            TABLE,
            worded("Inspections of trucks"),
            (
                Column("truck", N_("Truck"), width=0.5),
                Column("inspection", N_("Inspection"), width=0.5),
                Column("checklist", N_("Checklist"), self.list_title, 1.3),
                Column("unit", N_("Unit")),
                Column("begun_at", N_("Begun at"), width=1.2),
                Column("took_s", N_("Took"), cells.lasting, 0.8),
                Column("points", N_("Points"), width=0.5),
                Column("bad", N_("Not good"), width=0.5),
                Column("inspectors", N_("Inspected by"), cells.listed, 1.2, personal=True),
                Column("signed_by", N_("Signed by"), width=1.2, personal=True),
                Column("signed_at", N_("Signed at"), width=1.2),
                Column("camera", N_("Camera"), width=0.7),
                Column("pictures", N_("Photographs"), width=0.6),
            ),
        )

    def _findings(self) -> Table:
        return Table(
            FINDINGS,
            worded("What inspections found"),
            (
                Column("truck", N_("Truck"), width=0.5),
                Column("inspection", N_("Inspection"), width=0.5),
                Column("unit", N_("Unit")),
                Column("begun_at", N_("Begun at"), width=1.2),
                Column("point", N_("Point"), self.point_title, 1.6),
                Column("note", N_("What was found"), width=2),
                Column("inspector", N_("Inspected by"), personal=True, width=1.2),
            ),
        )


def _never(truck: Truck) -> Iterator[Deviation]:
    if truck.early is not None:
        at, record = truck.early
        words = worded(
            "cargo of truck {truck} moved, or it left, before any inspection was finished",
            truck=truck.truck,
        )
        yield Deviation("inspection_missing", words, at, (record,), open=True)


def _signed_own(look: Look) -> bool:
    person, account = look.signer
    names = {name_key(name) for name in look.inspectors}
    return person in look.persons or account in look.accounts or name_key(look.signed_by) in names
