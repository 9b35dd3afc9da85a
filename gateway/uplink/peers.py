"""The log of another gate, heard over MQTT and believed as far as its key signed it.

A gate that shares areas with others signs the head of its log within a second of a movement, and
every five seconds.  Such a head is a checkpoint (c2sp.org/tlog-checkpoint) with one line more: the
number and the hash of the newest record, and the time.  Each record holds the hash of the one
before it, so whoever has a signed head can follow the chain down from it: what it reaches is what
the gate recorded, all of it, in order.  Nothing else of what the broker brings is believed.

Records may come twice, late, in any order and forged.  They wait until a signed head leads to
them, and what is missing on the way is asked for.  A change of key that the old key signed is
followed (peerkey.py).  Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from gateway.ledger import chain
from gateway.ledger.event import Event, EventType
from gateway.ledger.pen import Head
from gateway.proof.checkpoint import Checkpoint, open_checkpoint, sign
from gateway.proof.note import Note, NoteError, Signer, VerifierKey, parse
from gateway.uplink.peerkey import PeerKey

INTERESTING = (EventType.AREA_MOVED, EventType.AREA_FORGIVEN)
HEAD_BYTES = 4096
RECORD_BYTES = 256 * 1024
WAITING = 5000  # records that no signed head leads to yet
BLOCK = 1000  # records that are asked for at once
GAPS = 16
BACKFILL_S = 48 * 3600.0  # how far back a gate is read that was never read before
BACKFILL_RECORDS = 20_000
GRACE_S = 2.0  # a head may arrive before the records that it is about
ASK_S = 10.0  # before the same is asked for again
IN_VAIN = 3  # whole answers without the record that was asked for: that gate does not have it
AHEAD_S = 300  # a head that is dated further ahead is refused

_HEAD = re.compile(r"garita-head (\d{1,18}) ([0-9a-f]{64}) (\d{1,12})", re.ASCII)


class Refused(ValueError):
    """What came is not the other gate's, or contradicts what it signed before."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The newest record of a log, `seq` and `hash` (hex), as its key signed it at `time` (Unix
    seconds); `origin` is the name of the origin with its chain."""

    origin: str
    seq: int
    hash: str
    time: int


def sign_head(head: Head, signer: Signer, time: int) -> Note:
    """The head of our log for other gates; raises NoteError."""
    line = f"garita-head {head.seq} {head.hash} {time}"
    return sign(Checkpoint(signer.name, head.size, head.root, (line,)), signer)


def open_head(payload: bytes, key: VerifierKey) -> SignedHead:
    """A head that `key` signed, whichever origin of that log it is of.  Raises NoteError."""
    if len(payload) > HEAD_BYTES:
        raise NoteError("the head is too long")
    note = parse(payload)
    origin = note.text.split("\n", 1)[0]
    if origin.rpartition("/")[0] != key.name.rpartition("/")[0]:
        raise NoteError(f"the head is of {origin}")
    found = open_checkpoint(note, VerifierKey(origin, key.public))
    said = _HEAD.fullmatch(found.extensions[0]) if len(found.extensions) == 1 else None
    if said is None:
        raise NoteError("the checkpoint does not say which record is the newest")
    return SignedHead(origin, int(said[1]), said[2], int(said[3]))


class Record(NamedTuple):
    """A record whose hash fits what it says; `event` is None if nobody here needs it."""

    seq: int
    prev: str
    at: str
    begins: bool
    event: Event | None
    change: str = ""
    """The note of a change of key."""


def read_record(payload: bytes) -> tuple[str, Record] | None:
    """The hash of a published record, and the record; None if it is not one, or its hash does not
    fit it."""
    if len(payload) > RECORD_BYTES:
        return None
    try:
        item = json.loads(payload)
        seq, digest, prev, data = (item[key] for key in ("seq", "hash", "prev", "data"))
        kind = item["type"].removeprefix("org.garita.")
        body = chain.canonical(
            {
                "id": item["id"],
                "time": item["time"],
                "type": kind,
                "subject": item.get("subject", ""),
                "data": data,
            }
        )
        if not chain.fits(bytes.fromhex(prev), seq, body, bytes.fromhex(digest)):
            return None
        event = chain.to_event(seq, body, bytes.fromhex(digest), bytes.fromhex(prev))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    wanted = event if kind in INTERESTING else None
    begins = kind == EventType.LEDGER_CREATED
    change = str(event.data.get("note")) if kind == EventType.LEDGER_KEY_CHANGED else ""
    return event.hash, Record(seq, event.prev, event.time, begins, wanted, change)


@dataclass(slots=True)
class _Gap:
    """Records to be read: from `seq`, whose record has `hash`, down to those after `bottom`.
    `bottom_hash` is None where nothing was read before."""

    seq: int
    hash: str
    bottom: int
    bottom_hash: str | None
    left: int = BACKFILL_RECORDS
    asked_at: float | None = None
    asked_seq: int = 0
    in_vain: int = 0


class PeerLog:
    """One other gate.  `key` is that of its log."""

    def __init__(self, key: VerifierKey) -> None:
        self._key = PeerKey(key)
        self._records: dict[str, Record] = {}
        self._gaps: list[_Gap] = []
        self.head: SignedHead | None = None
        """The newest head."""
        self.whole: SignedHead | None = None
        """The newest head up to which nothing is missing."""
        self.fault = ""
        """Why nothing more is believed of this origin, if so."""
        self.missing = 0
        """Records that the gate itself could not give."""

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Go on where an earlier run was, which said `kept`."""
        try:
            head = SignedHead(
                str(kept["origin"]), int(kept["seq"]), str(kept["hash"]), int(kept["time"])
            )
        except (KeyError, TypeError, ValueError):
            return  # it is read anew
        if head.origin.rpartition("/")[0] == self._key.configured.name.rpartition("/")[0]:
            self.head = self.whole = head
            self._key.resume(kept)

    @property
    def kept(self) -> dict[str, Any]:
        """How far it was read without a hole, for the next run; empty: not at all."""
        at = self.whole
        if at is None:
            return {}
        read = {"origin": at.origin, "seq": at.seq, "hash": at.hash, "time": at.time}
        return {**read, **self._key.kept}

    def hear_head(self, payload: bytes, now: float) -> list[Event]:
        """A head came at `now` (Unix seconds); returns the records of interest that are believed
        from now on.  One that is old is passed over.  Raises Refused."""
        try:
            head = open_head(payload, self._key.now)
        except NoteError as error:
            at = self.head  # a gate that was never read is not searched
            short = payload[:HEAD_BYTES]
            if at is not None and self._key.looks_for(short, at.origin, at.seq, now):
                return []
            raise Refused(str(error)) from error
        if head.time > now + AHEAD_S:
            raise Refused("the head is dated in the future")
        before = self.head
        if before is not None and head.origin == before.origin:
            if head.seq < before.seq or (head.seq == before.seq and head.time <= before.time):
                return []  # late, or once more
            if head.seq == before.seq and head.hash != before.hash:
                self._fail("it signed two records of one number")
        elif before is not None:
            if head.time <= before.time:
                return []
            self._gaps, self.fault = [], ""  # the log of that gate began anew: it tells why itself
        if self.fault:
            raise Refused(self.fault)
        self.head = head
        if before is None or head.origin != before.origin:
            self._gaps.append(_Gap(head.seq, head.hash, 0, None))
        elif head.seq > before.seq:
            self._gaps.append(_Gap(head.seq, head.hash, before.seq, before.hash))
            if len(self._gaps) > GAPS:
                self._join()
        return self._advance()

    def hear_record(self, payload: bytes) -> list[Event]:
        """A record came; returns those of interest that are believed from now on.  Raises
        Refused if it shows that the gate contradicts what it signed before."""
        found = read_record(payload)
        if found is None:
            return []
        digest, record = found
        if record.change:
            self._key.hear_change(record.change)
        if len(self._records) >= WAITING:
            self._records.clear()  # what is needed is asked for again
        self._records[digest] = record
        return self._advance()

    def hear_answered(self, payload: bytes) -> None:
        """The end of an answer came.  A record that was not in it three times can't be had: it was
        too large for the broker, or is not kept any more."""
        try:
            item = json.loads(payload)
            first, last, done = item["from"], item["to"], item["done"]
            if done is True:
                self._key.hear_answered(first, last, item.get("count", 0))
            ended = done is True and self._gaps and first <= self._gaps[-1].seq <= last
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        gap = self._gaps[-1] if ended else None
        if gap is None or gap.asked_seq != gap.seq:
            return
        gap.in_vain += 1
        if gap.in_vain >= IN_VAIN:
            self.missing += gap.seq - gap.bottom
            self._gaps.remove(gap)
            self._advance()

    def wants(self, now: float) -> tuple[int, int] | None:
        """The records to ask for at `now` (seconds of any clock that goes on): first and last."""
        if self.fault:
            return None
        if not self._gaps:
            return self._key.wants(now)
        gap = self._gaps[-1]
        if gap.asked_at is None:
            gap.asked_at, gap.asked_seq = now + GRACE_S - ASK_S, gap.seq
        wait_s = ASK_S if gap.asked_seq == gap.seq else 0.0
        if now - gap.asked_at < wait_s:
            return None
        gap.asked_at, gap.asked_seq = now, gap.seq
        return max(gap.bottom + 1, gap.seq - BLOCK + 1), gap.seq

    def _join(self) -> None:
        top, low = self._gaps[-1], self._gaps[0]
        self._gaps = [_Gap(top.seq, top.hash, low.bottom, low.bottom_hash)]

    def _advance(self) -> list[Event]:
        """Follow the chain down from each head as far as the records are there."""
        believed: list[Event] = []
        for gap in self._gaps:
            while gap.seq > gap.bottom and (record := self._records.pop(gap.hash, None)):
                if record.seq != gap.seq:
                    self._fail("its records are not numbered as it signed")
                gap.seq, gap.hash, gap.in_vain = gap.seq - 1, record.prev, 0
                gap.left -= 1
                if record.event is not None:
                    believed.append(record.event)
                if record.begins or (gap.bottom_hash is None and self._enough(gap, record)):
                    gap.bottom, gap.bottom_hash = gap.seq, None
            if gap.seq == gap.bottom and gap.bottom_hash not in (None, gap.hash):
                self._fail("its log is another one than it signed before")
        self._gaps = [gap for gap in self._gaps if gap.seq > gap.bottom]
        if not self._gaps:
            self.whole = self.head
        return believed

    def _enough(self, gap: _Gap, record: Record) -> bool:
        """Whether a gate that was never read before was read far enough back."""
        if gap.left <= 0 or self.head is None:
            return True
        try:
            return self.head.time - datetime.fromisoformat(record.at).timestamp() > BACKFILL_S
        except ValueError:
            return False

    def _fail(self, why: str) -> None:
        self.fault = why
        self._records.clear()
        self._gaps.clear()
        raise Refused(why)
