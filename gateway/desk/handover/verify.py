"""Checks a handover that is on record: is it as it was signed, by two people, in a log that is
whole from the head that was printed on it up to the record itself?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.desk.handover.acts import handovers
from gateway.desk.handover.page import digest
from gateway.ledger import LedgerReader, LedgerUnavailable, chain
from gateway.ledger.event import Event, EventType
from gateway.ledger.heads import Heads
from gateway.locale import Message, worded
from gateway.proof.note import Note, NoteError, VerifierKey
from gateway.proof.note import parse as parse_note

CHUNK = 500


@dataclass(slots=True)
class Verified:
    """What the check found.  `problems` are sentences; none: all is as it was signed.  `taken` is
    the record of who took over, None while nobody has.  `signed` says whether a signed head of the
    log covers the record by now."""

    event: Event
    taken: Event | None = None
    signed: bool = False
    problems: list[Message] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems


def verify(reader: LedgerReader, path: Path, seq: int) -> Verified | None:
    """Check the handover that record `seq` of the log at `path` is; None if it is none.

    Raises LedgerUnavailable if the log can't be read.
    """
    event = reader.get(seq) if seq > 0 else None
    if event is None or event.type != EventType.SHIFT_HANDED_OVER:
        return None
    found = Verified(event)
    if event.redacted is not None:
        found.problems.append(worded("personal data were taken out of it, so it is not whole"))
        return found
    page = event.data.get("page")
    if not isinstance(page, dict) or digest(page) != event.data.get("sha256"):
        found.problems.append(worded("the page is not the one that was signed"))
        return found
    heads = Heads(path)
    keys = heads.log_keys()
    _check_head(found, reader, heads, page.get("head"))
    _check_taken(found, reader)
    _check_chain(found, reader, page.get("head"))
    _check_proof(found, heads, keys)
    return found


def _check_head(found: Verified, reader: LedgerReader, heads: Heads, head: object) -> None:
    text = str(head.get("note", "")) if isinstance(head, dict) else ""
    if not text:
        return  # nothing of the log was signed then
    try:
        note: Note = parse_note(text)
        ours = heads.of(note.text)
    except (NoteError, ValueError):
        found.problems.append(worded("the head of the log on the page can't be read"))
        return
    if ours is None:
        found.problems.append(worded("the head on the page is not one of this log"))
    elif not _signed(note, reader.get(ours.last_seq)):
        found.problems.append(worded("no key of this log signed the head on the page"))


def _signed(note: Note, before: Event | None) -> bool:
    """Whether the key signed it that the record before it names (the key of that time)."""
    if before is None or before.type != EventType.LEDGER_CHECKPOINT:
        return False
    try:
        return VerifierKey.parse(str(before.data.get("key"))).signed(note)
    except NoteError:
        return False


def _check_chain(found: Verified, reader: LedgerReader, head: object) -> None:
    """Every record from the page's head to the last signature is there and fits the one before."""
    event, last = found.event, (found.taken or found.event).seq
    told = int(head.get("seq", 0)) if isinstance(head, dict) else 0
    if not 0 < told < event.seq:
        found.problems.append(worded("the page does not say after which record it was made"))
        return
    at, prev = told - 1, ""
    while at < last:
        records = [one for one in reader.after(at, CHUNK) if one.seq <= last]
        if not records or records[0].seq != at + 1:
            found.problems.append(worded("event {seq} is missing", seq=at + 1))
            return
        for one in records:
            if one.seq != at + 1 or (prev and one.prev != prev) or not _fits(one):
                found.problems.append(worded("event {seq} is not as it was", seq=at + 1))
                return
            if one.seq == told and isinstance(head, dict) and one.hash != head.get("hash"):
                found.problems.append(worded("event {seq} is not the one on the page", seq=told))
                return
            at, prev = one.seq, one.hash


def _fits(event: Event) -> bool:
    if event.redacted is not None:
        return True  # its digests are for `garita log verify`
    item = {"id": event.id, "time": event.time, "type": event.type}
    body = chain.canonical({**item, "subject": event.subject, "data": event.data})
    return chain.fits(bytes.fromhex(event.prev), event.seq, body, bytes.fromhex(event.hash))


def _check_proof(found: Verified, heads: Heads, keys: list[VerifierKey]) -> None:
    """The record is in the tree of the newest signed head, if one covers it by now."""
    try:
        proven = heads.prove(found.event.seq)
    except LedgerUnavailable as error:
        found.problems.append(worded("its proof can't be made: {error}", error=error))
        return
    if proven is None:
        return
    body, proof = proven
    for key in keys:
        try:
            proof.check(body, key)
        except NoteError:
            continue
        found.signed = True
        return
    found.problems.append(worded("the signed head of the log does not hold it"))


def _check_taken(found: Verified, reader: LedgerReader) -> None:
    event = found.event
    for one in reversed(handovers(reader, since=event.seq)):
        if one.type != EventType.SHIFT_TAKEN_OVER or one.data.get("handover") != event.seq:
            continue
        found.taken = one
        if one.data.get("sha256") != event.data.get("sha256"):
            found.problems.append(worded("who took over signed another page"))
        person = one.data.get("by_person")
        same = one.data.get("by") == event.data.get("by")
        if same or (person and person == event.data.get("by_person")):
            found.problems.append(worded("one person signed both for themselves and for the other"))
        return
