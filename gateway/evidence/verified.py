"""Verifies the log in the same pass in which the topics read it.

It checks numbers, chain, tree, signatures and times.  It does not parse records that no topic
reads: `garita log verify` checks the form of each one, and takes several times as long.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator

from gateway.evidence.gather import ODD
from gateway.evidence.packet import LogState
from gateway.ledger import LedgerReader, chain
from gateway.ledger.clockback import ClockBack
from gateway.ledger.event import EventType
from gateway.ledger.heads import Heads, Signed
from gateway.ledger.kept import Kept
from gateway.ledger.origin import followed
from gateway.ledger.rows import Gone
from gateway.ledger.signed import Checkpoints
from gateway.proof.note import NoteError, VerifierKey

MOST_PROBLEMS = 100
_NAMES_KEY = f'"type":"{EventType.LEDGER_CHECKPOINT}"}}'
_sha256 = hashlib.sha256


class Verified:
    """Goes through the log up to record `last` and gives each record on.

    `state` says afterwards what was wrong.  Nothing that is wrong ends the pass: a packet of a
    broken log is made, and says so on its first page.
    """

    def __init__(self, ledger: LedgerReader, heads: Heads, last: int) -> None:
        self._ledger = ledger
        self._last = last
        self._problems: list[tuple[int, str]] = []
        self._missing: list[tuple[int, int, str]] = []
        self._begins = 1
        self._redacted = 0
        covered = [one for one in heads.all() if one.last_seq <= last]
        self._signed = Checkpoints(covered, None, self._add)
        self._clock = ClockBack()
        self.keys: dict[str, VerifierKey] = {}
        """The keys that the log names for itself up to `last`, in order: its own word."""

    def records(self, progress: Callable[[int], None] | None = None) -> Iterator[Kept]:
        """Every record up to the last one that can be had, in order.  Raises LedgerUnavailable if
        the log's own file can't be read."""
        prev, expected = chain.GENESIS, 1
        signed, clock = self._signed, self._clock
        for item in self._ledger.stretches(progress, self._last):
            if isinstance(item, Gone):
                self._step_over(item)
                prev, expected = item.archive.hash, item.archive.last + 1
                continue
            seq, body, found = item.seq, item.body, item.hash
            if not isinstance(body, str) or not isinstance(found, bytes):
                self._add(seq, "the record is not in its form")
                prev, expected = found if isinstance(found, bytes) else b"", seq + 1
                continue
            if seq != expected:
                self._jump(expected, seq, body)
            if item.redacted is None:
                raw = body.encode()
                leaf = _sha256(b"\0" + raw).digest()
                begin = prev + seq.to_bytes(8, "big")
                if found != _sha256(begin + _sha256(raw).digest()).digest():
                    good = found == _sha256(begin + raw).digest()  # of an earlier version
                else:
                    good = True
            else:
                self._redacted += 1
                leaf = item.redacted.leaf
                good = item.redacted.old or found == chain.link(prev, seq, item.digest)
            if not good:
                self._add(seq, "the record or its link was changed")
            if body.endswith(_NAMES_KEY):
                self._learn(body)
            signed.take(seq, "" if item.redacted else body, leaf)
            clock.take(seq, body)
            prev, expected = found, seq + 1
            yield item
        signed.finish()
        if expected - 1 < self._last:
            self._add(expected, f"records {expected} to {self._last} are missing")

    def state(
        self, head: Signed | None, cosigned: tuple[str, ...], unreadable: tuple[int, ...]
    ) -> LogState:
        """What the pass found; call it when all records were taken."""
        good = head is not None and self._signed.covered.last_seq >= head.last_seq
        if head is not None and not good and not self._problems:
            self._add(head.last_seq, "the signature of the checkpoint could not be checked")
        return LogState(
            problems=tuple(sorted(self._problems)),
            missing=tuple(self._missing),
            clock_back=tuple(self._clock.found),
            begins=self._begins,
            redacted=self._redacted,
            unreadable=unreadable,
            signed=good,
            cosigned=cosigned,
        )

    def _learn(self, body: str) -> None:
        with contextlib.suppress(NoteError, *ODD):
            key = VerifierKey.parse(str(json.loads(body)["data"]["key"]))
            self.keys.setdefault(str(key), key)

    def _add(self, seq: int, what: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append((seq, what))

    def _step_over(self, item: Gone) -> None:
        one = item.archive
        if one.deleted:
            self._begins = one.last + 1
        else:
            self._missing.append((one.first, one.last, item.why))
        self._signed.resume(one.origin, one.last, one.roots)

    def _jump(self, expected: int, seq: int, body: str) -> None:
        told = followed(body) if '"follows"' in body else None
        if told is None or told["known_chain"] == told["chain"]:
            self._add(expected, f"records {expected} to {seq - 1} are missing")
