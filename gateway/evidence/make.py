"""Makes a packet: one pass over the log, then its sections, then its files.

It works in a hidden folder beside its goal and gives everything its name at the end, so whoever is
interrupted leaves nothing half.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings
from gateway.evidence import (
    atomic,
    booklets,
    machine,
    manifest,
    oscal,
    papers,
    proofs,
    seal,
    tables,
)
from gateway.evidence.collect import Order, check, packet_of
from gateway.evidence.errors import PacketError
from gateway.evidence.packet import Packet
from gateway.evidence.pages.render import PagesError
from gateway.evidence.spool import Spool
from gateway.ledger import LedgerReader, chain
from gateway.ledger.heads import Heads, Signed
from gateway.locale import N_, Message, worded
from gateway.proof.note import VerifierKey
from gateway.proof.standalone import PAGE, PROGRAM, source

__all__ = ["STEPS", "Made", "Order", "Progress", "check", "make", "packet_of"]

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


@dataclass(frozen=True, slots=True)
class Made:
    """A packet that was made.

    `folder` and `zip` (None if none was asked for) are where it is, `sha256` the hash of its
    manifest, `unsealed` why the log holds no record of it (None if it does),
    `unsigned` why its PDFs are not signed ("" if they are, or need not be).
    """

    folder: Path
    zip: Path | None
    sha256: str
    unsealed: Message | None
    unsigned: str
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
        except PagesError as error:
            raise PacketError(worded("{error}", error=error.args[0])) from error
        except (OSError, sqlite3.Error) as error:
            raise PacketError(worded("it could not be written: {error}", error=error)) from error


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
    papers.copy(settings, (one for part in packet.sections for one in part.documents), folder)
    quoted = machine.records_named(packet, [table.key for table in used], spool)
    keys = (*_keys(packet), *settings.tables.log.trust().witnesses.values())
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
    (folder / oscal.CATALOG).parent.mkdir()
    for path, value in ((oscal.CATALOG, oscal.catalog), (oscal.RESULTS, oscal.results)):
        (folder / path).write_text(
            chain.canonical(value(packet)) + "\n", encoding="utf-8", newline=""
        )
    (folder / machine.SCHEMA).write_bytes(machine.SCHEMA_PATH.read_bytes())
    (folder / TRUST).write_text(_trust(packet), encoding="utf-8", newline="")
    for name in (PAGE, PROGRAM):
        (folder / name).write_bytes(source(name).read_bytes())
    names = []
    if order.pdf:
        pages = functools.partial(tell, "pdf")
        names = booklets.make(packet, spool, order.languages, folder, pages)
    tell("seal", 0, 1)
    listed = manifest.listed(folder, work.files())
    (folder / manifest.FILE).write_text(manifest.text(packet, listed), encoding="utf-8", newline="")
    sha256 = manifest.digest(folder / manifest.FILE)
    signed, unsigned = booklets.signed(packet, names, folder)
    unsealed = seal.seal(packet, folder, sha256, signed, order.by, keys)
    target = work.finish()
    return Made(output, target, sha256, unsealed, unsigned, packet, proven)


def _keys(packet: Packet) -> list[VerifierKey]:
    """The log's keys up to the checkpoint, and the newest one, which may sign the seal."""
    newest = Heads(packet.settings.ledger_path).log_keys() if packet.head is not None else []
    return list({str(key): key for key in (*packet.keys, *newest)}.values())


def _trust(packet: Packet) -> str:
    """A trust file; a log whose key was changed has a line for each."""
    keys = _keys(packet)
    text = packet.settings.tables.log.trust(keys).write()
    return "".join(f"log {key}\n" for key in keys if str(key) not in text) + text


def _heads(settings: Settings, head: Signed | None) -> list[Signed]:
    """The packet's checkpoint, after the newest one of each origin before it."""
    if head is None:
        return []
    each = Heads(settings.ledger_path).newest_each()
    return [*(one for one in each if one.first < head.first), head]


def _silent(step: str, done: int, of: int) -> None:
    pass
