"""Loading and its papers (CTPAT 7.4, 7.6 to 7.8, 7.30): when, on whose account, which documents,
and whether they name the seals that left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.desk.freight.transaction import PAPERS
from gateway.evidence import cells
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
from gateway.evidence.taking import Taker, inner, seconds, texts, time, who
from gateway.evidence.trucks import OVER, ByTruck, flag, middle, plates
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, _, worded


@dataclass(slots=True)
class _Loading:
    truck: int
    tractor: str = ""
    units: list[str] = field(default_factory=list)
    papers: list[str] = field(default_factory=list)
    began: When | None = None
    begun_at: str = ""
    begun_by: str = ""
    finished_at: str = ""
    finished_by: str = ""
    on_papers: list[str] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    departed_at: str = ""
    away: bool = False
    records: list[int] = field(default_factory=list)


class Loadings(Taker):
    """Takes loading, sealing and the departure of trucks whose loading began in the span."""

    key: ClassVar[str] = "loadings"
    rules: ClassVar[Mapping[str, str]] = {
        "loading_not_finished": N_("a truck left with a loading that was not finished"),
        "papers_missing": N_("a loaded truck left without a document that the site asks for"),
        "papers_other_seal": N_("the documents name other seals than those that left"),
    }
    reads: ClassVar[frozenset[EventType]] = OVER | {
        EventType.FREIGHT_ARRIVED,
        EventType.FREIGHT_LOADING,
        EventType.SEAL_AFFIXED,
    }
    before: ClassVar[frozenset[EventType]] = reads

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Loading)

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        one = self._trucks.of(event)
        if event.type == EventType.FREIGHT_ARRIVED:
            one.tractor, one.papers = plates(data), texts(data, "documents")
        elif event.type == EventType.FREIGHT_LOADING:
            if one.began is None:
                one.began, one.begun_at, one.begun_by = when, event.time, who(data)
            if flag(data, "done") and not one.finished_at:
                one.finished_at, one.finished_by = event.time, who(data)
            one.units = texts(data, "units") or one.units
            one.papers += [paper for paper in texts(data, "documents") if paper not in one.papers]
            one.on_papers = texts(data, "document_seals") or one.on_papers
            one.records.append(event.seq)
        elif event.type == EventType.SEAL_AFFIXED:
            one.on_papers = texts(data, "document_seals") or one.on_papers
        elif when is When.BEFORE:
            self._trucks.forget(event)
        else:
            one.departed_at = time(data, "departed_at") or event.time
            one.away = event.type == EventType.FREIGHT_TURNED_AWAY
            one.sealed = sorted(map(str, inner(data, "seals").values()))
            one.papers += [paper for paper in texts(data, "documents") if paper not in one.papers]
            if one.began is not None:
                one.records.append(event.seq)
            self._trucks.leave(event)

    def found(self) -> Found:
        """The loadings that began in the span."""
        found = Found(self.key, worded("Loading and documents"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.DAILY))
        asked = self.place.settings.tables.freight.documents
        count: Counter[str] = Counter()
        took: list[float] = []
        for one in self._trucks:
            if one.began is not When.INSIDE:
                continue
            count["begun"] += 1
            left = bool(one.departed_at) and not one.away
            count["left"] += left
            count["finished"] += bool(one.finished_at)
            count["papers"] += left and not _missing(one, asked)
            matches = sorted(one.on_papers) == one.sealed
            count["matches"] += left and matches
            if one.finished_at:
                took.append(seconds(one.begun_at, one.finished_at) or 0.0)
            found.deviations += _wrong(one, asked)
            row = {
                "truck": one.truck,
                "tractor": one.tractor,
                "units": one.units,
                "begun_at": one.begun_at,
                "begun_by": one.begun_by,
                "finished_at": one.finished_at,
                "finished_by": one.finished_by,
                "papers": one.papers,
                "on_papers": one.on_papers,
                "sealed": one.sealed,
                "matches": matches if left else None,
            }
            self.place.rows.add(TABLE.key, row, tuple(one.records))
        begun, left_all = count["begun"], count["left"]
        found.figures = [
            Figure("loadings", worded("loadings that began"), begun),
            Figure(
                "loadings_finished",
                worded("loadings that were finished"),
                count["finished"],
                of=begun,
            ),
            Figure("loading_time", worded("a loading, median"), middle(took), Unit.SECONDS),
            Figure("loaded_left", worded("of these trucks left"), left_all),
            Figure(
                "papers_complete",
                worded("with every document that the site asks for"),
                count["papers"],
                of=left_all,
            ),
            Figure(
                "papers_match",
                worded("whose documents name the seals that left"),
                count["matches"],
                of=left_all,
            ),
        ]
        found.notes.append(
            worded(
                "the records say on whose account loading began and ended, and not who supervised "
                "it; they have the numbers of documents and not their contents"
            )
        )
        return self.told(found)


def _missing(one: _Loading, asked: list[str]) -> list[str]:
    had = {paper.partition("=")[0] for paper in one.papers}
    return [kind for kind in asked if kind not in had]


def _wrong(one: _Loading, asked: list[str]) -> Iterator[Deviation]:
    if not one.departed_at or one.away:
        return
    records, at = tuple(one.records), one.begun_at
    if not one.finished_at:
        words = worded("truck {truck} left before its loading was finished", truck=one.truck)
        yield Deviation("loading_not_finished", words, at, records, open=True)
    if missing := _missing(one, asked):
        words = worded(
            "truck {truck} left without: {papers}", truck=one.truck, papers=tuple(missing)
        )
        yield Deviation("papers_missing", words, at, records, open=True)
    if sorted(one.on_papers) != one.sealed:
        words = worded(
            "truck {truck} left with seals {seals}, and its documents name {named}",
            truck=one.truck,
            seals=tuple(one.sealed) or "-",
            named=tuple(one.on_papers) or "-",
        )
        yield Deviation("papers_other_seal", words, at, records, open=True)


def _papers(cell: object) -> str:
    """Documents, given as `kind=number`, in words."""
    told = []
    for paper in cell if isinstance(cell, list | tuple) else [cell]:
        kind, _equals, number = str(paper).partition("=")
        told.append(" ".join((_(PAPERS[kind]), number)) if kind in PAPERS else str(paper))
    return ", ".join(told)


TABLE = Table(
    "loadings",
    worded("Loading and documents"),
    (
        Column("truck", N_("Truck"), width=0.5),
        Column("tractor", N_("Truck number")),
        Column("units", N_("Trailer number"), cells.listed),
        Column("begun_at", N_("Begun at"), width=1.2),
        Column("begun_by", N_("Begun by"), personal=True),
        Column("finished_at", N_("Finished at"), width=1.2),
        Column("finished_by", N_("Finished by"), personal=True),
        Column("papers", N_("Documents"), _papers, 1.6),
        Column("on_papers", N_("Seals on the documents"), cells.listed),
        Column("sealed", N_("Seals that left"), cells.listed),
        Column("matches", N_("They agree"), width=0.6),
    ),
)
