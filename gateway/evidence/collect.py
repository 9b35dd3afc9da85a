"""The packet as a value: one pass over the log, then a section for each criterion."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.config import Settings
from gateway.evidence import compare, lottery, papers, redacted
from gateway.evidence.errors import PacketError, UnknownCriterion
from gateway.evidence.gather import Gathered, Gatherer
from gateway.evidence.model import Place, Span, Topic
from gateway.evidence.packet import Document, Packet, Review
from gateway.evidence.profile import answers
from gateway.evidence.programmes import Coverage, coverage
from gateway.evidence.registered import RegisteredTopic
from gateway.evidence.sections import section
from gateway.evidence.spool import Spool
from gateway.evidence.topics import TOPICS
from gateway.evidence.upto import Upto, upto
from gateway.evidence.verified import Verified
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.heads import Heads, Signed
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.proof.checkpoint import cosigned_at
from gateway.proof.note import NoteError, VerifierKey


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for.

    `criteria` () are all of the site's set; `word` is the auditor's.  `newest` takes the newest
    checkpoint and not the first one that covers the span.  `languages` are those of the PDFs and of
    the titles in tables.  `by` is who asks, for the record.
    `compare` is an earlier packet, a folder or zip.
    """

    span: Span
    criteria: tuple[str, ...] = ()
    word: str = ""
    redacted: bool = False
    newest: bool = False
    languages: tuple[str, ...] = ("es", "en")
    by: Operator = field(default_factory=lambda: Operator(""))
    zip: bool = True
    pdf: bool = True
    compare: Path | None = None


def check(settings: Settings, order: Order) -> None:
    """Whether the order can be fulfilled; raises PacketError."""
    for key in order.criteria:
        if key not in settings.criteria.criteria:
            raise UnknownCriterion(worded("there is no criterion {item}", item=key))
    if order.span.last < order.span.first:
        raise PacketError(worded("the last day is before the first"))


def packet_of(
    settings: Settings, order: Order, spool: Spool, progress: Callable[[int], None] | None = None
) -> Packet:
    """The packet as a value; its rows are in `spool`.  Raises LedgerUnavailable and PacketError."""
    earlier = compare.load(order.compare) if order.compare is not None else None
    goal = upto(settings, order.span, newest=order.newest)
    heads = Heads(settings.ledger_path)
    known = coverage(settings.criteria)
    wanted = order.criteria or tuple(settings.criteria.criteria)
    with closing(LedgerReader(settings.ledger_path)) as ledger:
        place = Place(settings, order.span, spool, _as_of(ledger, goal.last_seq, order.span))
        verified = Verified(ledger, heads, goal.last_seq)
        gatherer = Gatherer(place, _topics(wanted, known))
        for kept in verified.records(progress):
            gatherer.take(kept)
    gathered = gatherer.done()
    state = verified.state(goal.head, _cosigned(settings, goal), tuple(gathered.unreadable))
    root = goal.head.checkpoint.root if goal.head is not None else bytes(32)
    seed = lottery.seed_of(root, order.word)
    packet = Packet(
        settings,
        order.span,
        place.as_of,
        goal.head,
        goal.last_seq,
        tuple(verified.keys.values()) if goal.head is not None else (),
        state,
        order.word,
        seed.hex(),
        order.redacted,
        found=gathered.found,
        old_numbers=gathered.old_numbers,
        records={str(when): count for when, count in gathered.records.items()},
    )
    documents, reviews = _registered(gathered)
    documents = [papers.placed(settings, one, withhold=order.redacted) for one in documents]
    if order.redacted:
        packet.found = {key: redacted.found(one, spool) for key, one in packet.found.items()}
        documents = [redacted.document(one) for one in documents]
        reviews = [redacted.review(one) for one in reviews]
    packet.sections = [
        section(
            settings.criteria.criteria[key],
            known.get(key, Coverage()),
            packet.found,
            spool,
            seed,
            documents,
            reviews,
            settings.criteria.name,
        )
        for key in wanted
    ]
    packet.answers = answers(
        (one.criterion for one in packet.sections),
        known,
        {one.criterion.id: tuple(d.id for d in one.documents) for one in packet.sections},
    )
    if earlier is not None:
        packet.changes = compare.changes(packet.sections, earlier)
        packet.compared = earlier.summary
    return packet


def _topics(wanted: tuple[str, ...], known: Mapping[str, Coverage]) -> list[type[Topic]]:
    """The topics that any of these criteria needs."""
    keys = {key for one in wanted for key in known.get(one, Coverage()).topics}
    chosen = [kind for kind in TOPICS if kind.key in keys]
    return chosen if RegisteredTopic in chosen else [*chosen, RegisteredTopic]


def _registered(gathered: Gathered) -> tuple[list[Document], list[Review]]:
    topic = gathered.topics[RegisteredTopic.key]
    assert isinstance(topic, RegisteredTopic)
    return topic.documents, topic.reviews


def _as_of(ledger: LedgerReader, last: int, span: Span) -> datetime:
    """The time of the newest record that can be read; the end of the span for an empty log."""
    for seq in range(last, max(0, last - 100), -1):
        with contextlib.suppress(LedgerUnavailable, ValueError):
            event = ledger.get(seq)
            if event is not None:
                return datetime.fromisoformat(event.time)
    return datetime.fromisoformat(span.end)


def _cosigned(settings: Settings, goal: Upto) -> tuple[str, ...]:
    """The witnesses that cosigned the checkpoint."""
    if goal.head is None:
        return ()
    return tuple(
        name for name, key in settings.tables.log.trust().witnesses.items() if _did(goal.head, key)
    )


def _did(head: Signed, key: VerifierKey) -> bool:
    try:
        return cosigned_at(head.note, key) is not None
    except NoteError:
        return False
