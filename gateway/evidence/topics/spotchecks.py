"""Random searches by management (CTPAT 5.8): what the lot drew, who searched, what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

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
    Unit,
    When,
)
from gateway.evidence.taking import Taker, real, text
from gateway.evidence.trucks import OVER, ByTruck, flag, plates, supervisor
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded


@dataclass(slots=True)
class _Draw:
    truck: int
    tractor: str = ""
    drawn_at: str = ""
    percent: float | None = None
    drawn: bool = False
    done_at: str = ""
    checker: str = ""
    ok: bool | None = None
    note: str = ""
    way: Way = field(default_factory=Way)
    records: list[int] = field(default_factory=list)


class SpotChecks(Taker):
    """Takes the draws in the span, and what became of each."""

    key: ClassVar[str] = "spot_checks"
    rules: ClassVar[Mapping[str, str]] = {
        "spot_check_not_done": N_("a truck that was drawn left without its search"),
        "spot_check_found": N_("a random search found something"),
    }
    reads: ClassVar[frozenset[EventType]] = (
        frozenset({EventType.FREIGHT_SPOT_DRAWN, EventType.FREIGHT_SPOT_CHECKED}) | ENDS
    )
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Draw)

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        if event.type == EventType.FREIGHT_SPOT_DRAWN:
            if when is not When.INSIDE:
                self._trucks.leave(event)
                return
            one = self._trucks.of(event)
            one.drawn_at, one.tractor = event.time, plates(data)
            one.drawn, one.percent = flag(data, "drawn"), real(data, "percent")
            one.records.append(event.seq)
            return
        known = self._trucks.known(event)
        if known is None:
            return
        if event.type == EventType.FREIGHT_SPOT_CHECKED:
            known.done_at, known.checker = event.time, supervisor(data)
            known.ok, known.note = flag(data, "ok"), text(data, "note")
            known.records.append(event.seq)
        else:
            known.way.take(event)
            if event.type in OVER:
                self._trucks.leave(event)

    def found(self) -> Found:
        """The draws, and the searches of those that were drawn."""
        found = Found(self.key, worded("Random searches"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.RARE))
        draws = list(self._trucks)
        drawn = [one for one in draws if one.drawn]
        for one in drawn:
            row = {
                "truck": one.truck,
                "tractor": one.tractor,
                "drawn_at": one.drawn_at,
                "done_at": one.done_at,
                "checker": one.checker,
                "ok": one.ok,
                "note": one.note,
            }
            self.place.rows.add(TABLE.key, row, tuple(one.records))
            found.deviations += _wrong(one)
        told = sorted({one.percent for one in draws if one.percent is not None})
        percents = (
            " - ".join(f"{one:g}" for one in dict.fromkeys((told[0], told[-1]))) if told else None
        )
        share = len(drawn) / len(draws) if draws else None
        found.figures += [
            Figure("spot_draws", worded("trucks for which the lot was drawn"), len(draws)),
            Figure("spot_drawn", worded("trucks that were drawn"), len(drawn), of=len(draws)),
            Figure("spot_share", worded("share that was drawn"), share, Unit.SHARE),
            Figure("spot_percent", worded("percent that the site had set"), percents, Unit.TEXT),
            Figure(
                "spot_done",
                worded("searches that were done"),
                sum(bool(one.done_at) for one in drawn),
                of=len(drawn),
            ),
            Figure(
                "spot_found",
                worded("searches that found something"),
                sum(one.ok is False for one in drawn),
            ),
        ]
        return self.told(found)


def _wrong(one: _Draw) -> Iterator[Deviation]:
    records = tuple(one.records)
    if not one.done_at:
        if one.way.ended == "departed":
            words = worded("truck {truck} was drawn and left without a search", truck=one.truck)
            yield Deviation("spot_check_not_done", words, one.drawn_at, records, open=True)
    elif not one.ok:
        words = worded(
            "the search of truck {truck} found: {note}", truck=one.truck, note=Personal(one.note)
        )
        key = f"spot_check_failed:{one.note}"
        mended = key in one.way.released or one.way.ended != "departed"
        became = one.way.of(key) if mended else Handled(open=True)
        yield Deviation("spot_check_found", words, one.done_at, records, **became)


TABLE = Table(
    "spot_checks",
    worded("Trucks that were drawn for a search"),
    (
        Column("truck", N_("Truck"), width=0.5),
        Column("tractor", N_("Truck number")),
        Column("drawn_at", N_("Drawn at"), width=1.2),
        Column("done_at", N_("Searched at"), width=1.2),
        Column("checker", N_("Searched by"), personal=True, width=1.2),
        Column("ok", N_("All in order"), width=0.7),
        Column("note", N_("Note"), width=2),
    ),
)
