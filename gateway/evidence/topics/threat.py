"""Threat levels (CTPAT 5.29, 7.23, 9.7): which was in force when, who changed it and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.model import (
    Column,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Taker, named, seconds, text, who
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded


class Threat(Taker):
    """Takes each change, those from before the span for the level at its begin."""

    key: ClassVar[str] = "threat"
    rules: ClassVar[Mapping[str, str]] = {}
    reads: ClassVar[frozenset[EventType]] = frozenset({EventType.THREAT_CHANGED})
    before: ClassVar[frozenset[EventType]] = reads

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._changes = 0
        self._level: tuple[str, Event, str] | None = None

    def record(self, event: Event, when: When) -> None:
        """The next change."""
        level = named(event.data, "level")
        if when is When.AFTER:
            return
        begin = self.place.span.begin
        if when is When.INSIDE:
            self._changes += 1
            self._row(event.time)
            begin = event.time
        self._level = (level, event, begin)

    def _row(self, until: str) -> None:
        if self._level is None:
            return
        level, event, begin = self._level
        row = {
            "level": level,
            "at": event.time,
            "until": until,
            "lasted_s": max(0.0, seconds(begin, until) or 0.0),
            "was": text(event.data, "was"),
            "reason": text(event.data, "reason"),
            "by": who(event.data),
        }
        self.place.rows.add(TABLE.key, row, (event.seq,))

    def found(self) -> Found:
        """The levels that were in force in the span, in order."""
        self._row(min(self.place.span.end, utc_text(self.place.as_of)))
        found = Found(self.key, worded("Threat levels"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.RARE))
        last = self._level[0] if self._level is not None else None
        found.figures = [
            Figure("threat_changes", worded("changes of the threat level"), self._changes),
            Figure("threat_level", worded("level at the end"), last, Unit.TEXT),
        ]
        return self.told(found)


TABLE = Table(
    "threat_levels",
    worded("Threat levels"),
    (
        Column("level", N_("Level")),
        Column("at", N_("In force since"), width=1.2),
        Column("until", N_("Until"), width=1.2),
        Column("lasted_s", N_("In force in the span"), cells.lasting),
        Column("was", N_("Before")),
        Column("reason", N_("Reason"), width=2),
        Column("by", N_("By"), personal=True, width=1.2),
    ),
)
