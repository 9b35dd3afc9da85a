"""The sections of a packet: for each criterion what counts for it of what the topics found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from gateway.config.criteria import Criterion
from gateway.evidence import lottery
from gateway.evidence.model import Deviation, Found, Frequency, Population
from gateway.evidence.packet import Document, Review, Sample, Section, Standing
from gateway.evidence.programmes import Coverage
from gateway.evidence.programmes.kin import elsewhere
from gateway.evidence.spool import Spool

REGISTERED = "registered"

_T = TypeVar("_T")


def section(
    criterion: Criterion,
    known: Coverage,
    found: Mapping[str, Found],
    spool: Spool,
    seed: bytes,
    documents: Iterable[Document] = (),
    reviews: Iterable[Review] = (),
    criteria: str = "",
) -> Section:
    """The section of one criterion of the set `criteria`; `seed` is the lottery's.

    Documents and reviews that are not for this criterion are left out.
    """
    topics = [found[key] for key in known.topics if key in found]

    def chosen(all_of: Iterable[_T], key: str, only: tuple[str, ...]) -> tuple[_T, ...]:
        return tuple(one for one in all_of if not only or getattr(one, key) in only)

    tables = chosen((one for t in topics for one in t.tables), "key", known.tables)
    figures = chosen((one for t in topics for one in t.figures), "key", known.figures)
    populations = chosen((one for t in topics for one in t.populations), "table", known.tables)
    papers = tuple(one for one in documents if criterion.id in one.criteria)
    looked = tuple(one for one in reviews if one.kind in known.reviews)
    deviations = (
        *chosen((one for t in topics for one in t.deviations), "rule", known.rules),
        *_of_registered(found, {*(one.record for one in papers), *(one.record for one in looked)}),
    )
    if deviations:
        standing = Standing.DEVIATIONS
    elif papers or looked or any(spool.count(table.key) for table in tables):
        standing = Standing.SHOWN
    else:
        standing = Standing.NOT_SHOWN
    return Section(
        criterion,
        standing,
        known.enforces,
        known.records,
        known.cannot,
        known.topics,
        figures,
        deviations,
        tables,
        tuple(_sample(one, spool, seed) for one in populations),
        papers,
        looked,
        elsewhere(criteria, criterion.id),
    )


def _of_registered(found: Mapping[str, Found], records: set[int]) -> Iterator[Deviation]:
    """What was late of these documents and reviews, by the numbers of their records."""
    for one in found[REGISTERED].deviations if REGISTERED in found else ():
        if records.intersection(one.records):
            yield one


def _sample(population: Population, spool: Spool, seed: bytes) -> Sample:
    """What is drawn by lot of what happens daily; of what is rare, all of it."""
    count = spool.count(population.table)
    if population.frequency is Frequency.DAILY:
        drawn = lottery.draw(seed, population.table, count, lottery.DAILY_SAMPLE)
    else:
        drawn = list(range(count))
    rows = tuple(spool.row(population.table, at) for at in drawn)
    return Sample(population, count, tuple(drawn), rows)
