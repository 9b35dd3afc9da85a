"""Shifts of guards (CTPAT 10.10): who handed over the gate, who took it over, and the same page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.evidence.handling import Handled
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
from gateway.evidence.taking import Taker, count, number, seconds, text, who
from gateway.evidence.trucks import middle
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

TAKEN_WITHIN_S = 3600.0
"""A shift that nobody takes over within an hour was not handed over to anybody."""


@dataclass(slots=True)
class _Shift:
    at: str
    by: str
    alarms: int
    note: str
    sha256: str
    taken_at: str = ""
    taken_by: str = ""
    same: bool = True
    records: list[int] = field(default_factory=list)


class Shifts(Taker):
    """Takes the two signatures of each handover that began in the span."""

    key: ClassVar[str] = "shifts"
    rules: ClassVar[Mapping[str, str]] = {
        "shift_not_taken": N_("a shift was handed over and nobody took it over within an hour"),
        "shift_other_page": N_("a shift was taken over with another page than was handed over"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.SHIFT_HANDED_OVER, EventType.SHIFT_TAKEN_OVER}
    )
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._shifts: dict[int, _Shift] = {}

    def record(self, event: Event, when: When) -> None:
        """The next signature."""
        data = event.data
        if event.type == EventType.SHIFT_HANDED_OVER:
            if when is When.INSIDE:
                one = _Shift(
                    event.time,
                    who(data),
                    count(data, "alarms"),
                    text(data, "note"),
                    text(data, "sha256"),
                )
                one.records.append(event.seq)
                self._shifts[event.seq] = one
            return
        known = self._shifts.get(number(data, "handover"))
        if known is not None and not known.taken_at:
            known.taken_at, known.taken_by = event.time, who(data)
            known.same = text(data, "sha256") == known.sha256
            known.records.append(event.seq)

    def found(self) -> Found:
        """The handovers of the span, in order."""
        found = Found(self.key, worded("Shifts handed over"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.DAILY))
        took: list[float] = []
        for one in self._shifts.values():
            lasted = seconds(one.at, one.taken_at) if one.taken_at else None
            if lasted is not None:
                took.append(lasted)
            waited = seconds(one.at, self.place.as_of.isoformat()) or 0.0
            late = (waited if lasted is None else lasted) > TAKEN_WITHIN_S
            records = tuple(one.records)
            if late:
                words = worded("nobody took over the shift within an hour")
                became = Handled(open=True)
                if one.taken_at:
                    became = Handled(
                        handled=worded("taken over later"),
                        handled_by=one.taken_by,
                        handled_at=one.taken_at,
                    )
                found.deviations.append(
                    Deviation("shift_not_taken", words, one.at, records, **became)
                )
            if not one.same:
                words = worded("the shift was taken over with another page")
                found.deviations.append(
                    Deviation("shift_other_page", words, one.at, records, open=True)
                )
            row = {
                "at": one.at,
                "by": one.by,
                "taken_at": one.taken_at,
                "taken_by": one.taken_by,
                "alarms": one.alarms,
                "note": one.note,
            }
            self.place.rows.add(TABLE.key, row, records)
        total = len(self._shifts)
        found.figures = [
            Figure("handovers", worded("shifts handed over"), total),
            Figure("handovers_taken", worded("taken over by somebody else"), len(took), of=total),
            Figure(
                "handover_time",
                worded("until it was taken over, median"),
                middle(took),
                Unit.SECONDS,
            ),
        ]
        return self.told(found)


TABLE = Table(
    "handovers",
    worded("Shifts handed over"),
    (
        Column("at", N_("Handed over at"), width=1.2),
        Column("by", N_("Handed over by"), personal=True, width=1.5),
        Column("taken_at", N_("Taken over at"), width=1.2),
        Column("taken_by", N_("Taken over by"), personal=True, width=1.5),
        Column("alarms", N_("Alarms open"), width=0.6),
        Column("note", N_("Note"), width=2),
    ),
)
