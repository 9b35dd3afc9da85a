"""Seals a packet: a record in the log names its manifest's hash, and the log's signature covers it.

``manifest.seal.json`` is the body of that record (`evidence.made`), and
``manifest.seal.tlog-proof`` shows that it is in the log, under a checkpoint that the log's key and
its witnesses signed.  So whoever trusts the log's key needs no other key to check a packet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from gateway.config import Settings
from gateway.daemon import control, stopped
from gateway.desk.act import writing
from gateway.desk.errors import DeskError
from gateway.evidence import manifest, proofs
from gateway.evidence.packet import Packet
from gateway.ledger import LedgerBusy, LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.ledger.heads import Heads
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, Message, worded
from gateway.people import RosterUnavailable
from gateway.people.schema import open_admin, put_event
from gateway.proof.entry import EntryProof
from gateway.proof.note import VerifierKey, parse
from gateway.vault.logkey import LogKeyError
from gateway.vault.sitekey import KeyFileError

_FAR = 5000
_FAULTS = (
    control.ControlError, DeskError, KeyFileError, LedgerBusy, LedgerUnavailable, LogKeyError,
    OSError, RosterUnavailable,
)  # fmt: skip


def seal(
    made: Packet,
    folder: Path,
    sha256: str,
    signed: Mapping[str, str],
    by: Operator,
    keys: Sequence[VerifierKey],
) -> Message | None:
    """Put the record into the log and the two files into `folder`.

    `sha256` is the manifest's hash (hex), `signed` the hashes of whole signed files by their paths,
    `keys` those whose signatures stand in the proof.  Returns why the packet could not be sealed;
    None if it was.  A packet without a seal is still one: its records are proven.
    """
    settings = made.settings
    try:
        event_id = _note(made, sha256, signed, by)
        stopped.record(settings)
        _sign(settings)
        found = _proof(settings, event_id, keys)
    except _FAULTS as error:
        return error.args[0] if _has_words(error) else worded("{error}", error=str(error))
    if found is None:
        return worded("the log is not signed up to the record of it yet")
    body, proof = found
    (folder / manifest.SEAL).write_bytes(body)
    (folder / manifest.SEAL_PROOF).write_text(proof.write(), encoding="utf-8", newline="")
    return None


def _has_words(error: Exception) -> bool:
    return (
        isinstance(error, GaritaError) and bool(error.args) and isinstance(error.args[0], Message)
    )


def _note(made: Packet, sha256: str, signed: Mapping[str, str], by: Operator) -> str:
    head = made.head
    data = {
        "manifest": sha256,
        "signed": dict(signed),
        "first": made.span.first.isoformat(),
        "last": made.span.last.isoformat(),
        "criteria": [section.criterion.id for section in made.sections],
        "as_of_size": head.checkpoint.size if head is not None else 0,
        "word": made.word,
        "redacted": made.redacted,
        "by": by,
    }
    with closing(open_admin(made.settings.people_path)) as db, writing(db):
        return put_event(db, EventType.EVIDENCE_MADE, made.settings.site.gateway, data)


def _sign(settings: Settings) -> None:
    try:
        control.ask(settings.socket_path, "checkpoint")
    except control.Unreachable:
        if stopped.may_sign(settings):
            stopped.sign(settings)


def _proof(
    settings: Settings, event_id: str, keys: Sequence[VerifierKey]
) -> tuple[bytes, EntryProof] | None:
    with closing(LedgerReader(settings.ledger_path)) as ledger:
        back = ledger.back(EventType.EVIDENCE_MADE, most=_FAR)
        seq = next((event.seq for event in back if event.id == event_id), None)
    if seq is None:
        return None
    heads = Heads(settings.ledger_path)
    found = heads.prove(seq, settings.tables.log.trust().met)
    if found is None:
        return None
    body, proof = found
    known = {str(key): key for key in (*keys, *heads.log_keys())}
    note = parse(proofs.note_of(proof.checkpoint, list(known.values())))
    return body, EntryProof(proof.index, proof.hashes, note)
