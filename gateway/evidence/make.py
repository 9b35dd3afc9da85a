"""Makes a packet: one pass over the log, then its sections, then its files.

It works in a hidden folder beside its goal and gives everything its name at the end, so whoever is
interrupted leaves nothing half.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.config import Settings
from gateway.evidence import atomic, lottery, machine, manifest, proofs, redacted, seal, tables
from gateway.evidence.errors import PacketError, UnknownCriterion
from gateway.evidence.gather import Gathered, Gatherer
from gateway.evidence.model import Place, Span, Topic
from gateway.evidence.packet import Document, Packet, Review
from gateway.evidence.programmes import Coverage, coverage
from gateway.evidence.sections import section
from gateway.evidence.spool import Spool
from gateway.evidence.topics import TOPICS
from gateway.evidence.upto import Upto, upto
from gateway.evidence.verified import Verified
from gateway.ledger import LedgerReader, chain
from gateway.ledger.heads import Heads, Signed
from gateway.ledger.operator import Operator
from gateway.locale import N_, Message, worded
from gateway.proof.checkpoint import cosigned_at
from gateway.proof.note import NoteError, VerifierKey
from gateway.proof.standalone import PAGE, PROGRAM, source

STEPS = {
    "log": N_("reading and checking the log"),
    "tables": N_("writing the tables"),
    "proofs": N_("proving the records"),
    "pdf": N_("setting the pages"),
    "seal": N_("sealing"),
}
"""The steps of making a packet, in order, as a progress bar names them."""
Progress = Callable[[str, int, int], None]
"""Is told the step and how much of it is done, of how much; may raise to interrupt."""
TRUST = "trust.txt"
ALWAYS = ("registered",)
"""Topics that are read whatever the criteria."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for.

    `criteria` () are all of the site's set; `word` is the auditor's.  `newest` takes the newest
    checkpoint and not the first one that covers the span.  `languages` are those of the PDFs and of
    the titles in tables.  `by` is who asks, for the record.
    """

    span: Span
    criteria: tuple[str, ...] = ()
    word: str = ""
    redacted: bool = False
    newest: bool = False
    languages: tuple[str, ...] = ("es", "en")
    by: Operator = field(default_factory=lambda: Operator(""))
    zip: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """A packet that was made.

    `folder` and `zip` (None if none was asked for) are where it is, `sha256` the hash of its
    manifest, `unsealed` why the log holds no record of it (None if it does).
    """

    folder: Path
    zip: Path | None
    sha256: str
    unsealed: Message | None
    packet: Packet
    proven: proofs.Proven


def make(settings: Settings, order: Order, output: Path, progress: Progress | None = None) -> Made:
    """Make the packet that is asked for, as the new folder `output` and the zip beside it.

    Raises PacketError (UnknownCriterion among them), LedgerUnavailable, and whatever `progress`
    raises; then nothing is left of it.
    """
    tell = progress or _silent
    check(settings, order)
    target = Path(f"{output}.zip") if order.zip else None
    with atomic.working(output, target) as work:
        try:
            with closing(Spool(work.folder / "spool.db")) as spool:
                return _make(settings, order, output, work, spool, tell)
        except (OSError, sqlite3.Error) as error:
            raise PacketError(worded("it could not be written: {error}", error=error)) from error


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
    """The packet as a value; its rows are in `spool`.  Raises LedgerUnavailable."""
    goal = upto(settings, order.span, newest=order.newest)
    heads = Heads(settings.ledger_path)
    known = coverage(settings.criteria.name)
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
        tuple(heads.log_keys()) if goal.head is not None else (),
        state,
        order.word,
        seed.hex(),
        order.redacted,
        found=gathered.found,
        old_numbers=gathered.old_numbers,
        records={str(when): count for when, count in gathered.records.items()},
    )
    documents, reviews = _registered(gathered)
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
        )
        for key in wanted
    ]
    return packet


def _make(
    settings: Settings,
    order: Order,
    output: Path,
    work: atomic.Working,
    spool: Spool,
    tell: Progress,
) -> Made:
    with closing(LedgerReader(settings.ledger_path)) as ledger:
        count = ledger.last_seq
    packet = packet_of(settings, order, spool, lambda seq: tell("log", min(seq, count), count))
    folder = work.packet
    used = machine.used_tables(packet)
    (folder / tables.FOLDER).mkdir()
    for done, table in enumerate(used):
        tell("tables", done, len(used))
        tables.write(table, spool, order.languages, folder / tables.name_of(table))
    quoted = machine.records_named(packet, [table.key for table in used], spool)
    witnesses = settings.tables.log.trust().witnesses.values()
    keys = (*packet.keys, *witnesses)
    proven = proofs.write(
        settings.ledger_path,
        _heads(settings, packet.head),
        keys,
        quoted,
        folder,
        withhold=order.redacted,
        progress=lambda done, of: tell("proofs", done, of),
    )
    said = chain.canonical(machine.packet(packet, spool, proven))
    (folder / machine.FILE).write_text(said + "\n", encoding="utf-8", newline="")
    (folder / machine.SCHEMA).write_bytes(machine.SCHEMA_PATH.read_bytes())
    trust = settings.tables.log.trust(packet.keys).write()
    (folder / TRUST).write_text(trust, encoding="utf-8", newline="")
    for name in (PAGE, PROGRAM):
        (folder / name).write_bytes(source(name).read_bytes())
    tell("seal", 0, 1)
    listed = manifest.listed(folder, work.files())
    (folder / manifest.FILE).write_text(manifest.text(packet, listed), encoding="utf-8", newline="")
    sha256 = manifest.digest(folder / manifest.FILE)
    unsealed = seal.seal(packet, folder, sha256, {}, order.by, keys)
    target = work.finish()
    return Made(output, target, sha256, unsealed, packet, proven)


def _topics(wanted: tuple[str, ...], known: dict[str, Coverage] | object) -> list[type[Topic]]:
    """The topics that any of these criteria needs."""
    assert isinstance(known, dict)
    keys = {key for one in wanted for key in known.get(one, Coverage()).topics}
    return [kind for kind in TOPICS if kind.key in keys or kind.key in ALWAYS]


def _registered(gathered: Gathered) -> tuple[list[Document], list[Review]]:
    topic = gathered.topics.get("registered")
    documents: list[Document] = list(getattr(topic, "documents", ()))
    reviews: list[Review] = list(getattr(topic, "reviews", ()))
    return documents, reviews


def _as_of(ledger: LedgerReader, last: int, span: Span) -> datetime:
    """The time of the newest record that can be read; the end of the span for an empty log."""
    for event in reversed(ledger.after(max(0, last - 100), 100)):
        if event.seq <= last:
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


def _heads(settings: Settings, head: Signed | None) -> list[Signed]:
    """The packet's checkpoint, after the newest one of each origin before it."""
    if head is None:
        return []
    each = Heads(settings.ledger_path).newest_each()
    return [*(one for one in each if one.first < head.first), head]


def _silent(step: str, done: int, of: int) -> None:
    pass
