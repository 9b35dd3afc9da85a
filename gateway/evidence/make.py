"""Makes a packet: one pass over the log, then its sections, then its files.

It writes beside its goal and takes the goal's name at the end, so whoever is interrupted leaves
nothing half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from gateway.config import Settings
from gateway.config.criteria import Criterion
from gateway.evidence import lottery
from gateway.evidence.gather import Gathered, gather
from gateway.evidence.model import Frequency, Place, Population, Span
from gateway.evidence.packet import LogState, Packet, Sample, Section, Standing
from gateway.evidence.programmes import Coverage, coverage
from gateway.evidence.spool import Spool
from gateway.evidence.topics import TOPICS
from gateway.ledger import LedgerReader
from gateway.ledger.heads import Heads
from gateway.ledger.kept import Kept


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for.  `criteria` () are all of the site's set; `word` is the auditor's."""

    span: Span
    criteria: tuple[str, ...] = ()
    word: str = ""
    redacted: bool = False


def packet_of(
    settings: Settings, order: Order, spool: Spool, progress: Callable[[int], None] | None = None
) -> Packet:
    """The packet of the log as of its newest checkpoint.  Raises LedgerUnavailable."""
    path = settings.ledger_path
    heads = Heads(path)
    head = heads.newest()
    with closing(LedgerReader(path)) as ledger:
        last = head.last_seq if head is not None else ledger.last_seq
        newest = ledger.get(last)
        as_of = datetime.fromisoformat(newest.time) if newest else datetime.now(order.span.zone)
        place = Place(settings, order.span, spool, as_of)
        gathered = gather(_up_to(ledger, last, progress), place, TOPICS)
    root = head.checkpoint.root if head is not None else bytes(32)
    seed = lottery.seed_of(root, order.word)
    packet = Packet(
        settings,
        order.span,
        as_of,
        head,
        last,
        tuple(heads.log_keys()) if head is not None else (),
        LogState(signed=head is not None),
        order.word,
        seed.hex(),
        order.redacted,
        found=gathered.found,
        records={str(when): count for when, count in gathered.records.items()},
    )
    known = coverage(settings.criteria.name)
    for key in order.criteria or tuple(settings.criteria.criteria):
        criterion = settings.criteria.criteria[key]
        packet.sections.append(
            _section(criterion, known.get(key, Coverage()), gathered, spool, seed)
        )
    return packet


def _up_to(
    ledger: LedgerReader, last: int, progress: Callable[[int], None] | None
) -> Iterator[Kept]:
    return takewhile(lambda kept: kept.seq <= last, ledger.kept(progress, last))


def _section(
    criterion: Criterion, known: Coverage, gathered: Gathered, spool: Spool, seed: bytes
) -> Section:
    topics = [gathered.found[key] for key in known.topics if key in gathered.found]
    deviations = tuple(
        one
        for topic in topics
        for one in topic.deviations
        if not known.rules or one.rule in known.rules
    )
    tables = tuple(
        one
        for topic in topics
        for one in topic.tables
        if not known.tables or one.key in known.tables
    )
    samples = tuple(
        _sample(one, spool, seed)
        for topic in topics
        for one in topic.populations
        if not known.tables or one.table in known.tables
    )
    figures = tuple(
        one
        for topic in topics
        for one in topic.figures
        if not known.figures or one.key in known.figures
    )
    if deviations:
        standing = Standing.DEVIATIONS
    else:
        any_rows = any(spool.count(table.key) for table in tables)
        standing = Standing.SHOWN if any_rows else Standing.NOT_SHOWN
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
        samples,
    )


def _sample(population: Population, spool: Spool, seed: bytes) -> Sample:
    count = spool.count(population.table)
    size = lottery.DAILY_SAMPLE if population.frequency is Frequency.DAILY else count
    drawn = tuple(lottery.draw(seed, population.table, count, size))
    return Sample(
        population, count, drawn, tuple(spool.row(population.table, row) for row in drawn)
    )
