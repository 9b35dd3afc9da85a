"""Where a log begins anew, and how a gate notices that its log lost its end.

An origin is a stretch of the log that no hand and no disk has cut: one chain with a random name and
one tree.  A log begins with its first origin.  It begins another one when something outside the
file knows of records that the file does not hold: a memory card that lost writes, an older copy
that was put back, a file that was emptied; or when the key that signed it is gone.  Numbers go on
behind the highest one that anybody knows, and the chain gets a new name, so no number and no id of
an origin is used twice.

The first record of an origin is `ledger.created`.  If it follows another one, its data say so:

    chain    the new chain's name
    follows  chain, seq, hash: the last record that is left of the origin before
             known_chain, known_seq, known_by: the highest number that was known, and who knew it
             missing: how many records are gone, at least
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.ledger.event import Event, EventType

KEY_LOST = "log-key.json"
"""`known_by` of an origin that lost no record: the key that signed the one before is gone."""

FOLLOWS = ("chain", "seq", "hash", "known_chain", "known_seq", "known_by", "missing")

# Damaged or hostile knowledge must not push the numbers out of reach.
MOST_MISSING = 1_000_000
# A log that has only begun may follow one of any length; a thousand years of it fit below.
MOST_BEFORE = 2**40


@dataclass(frozen=True, slots=True)
class Known:
    """What something outside the log's file knows: the log `chain` had a record `seq`, with `hash`
    (hex) if it knows that too.  `source` is its name in records, such as ``mqtt.cursor``."""

    source: str
    chain: str
    seq: int
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """The log, which ends with `last_seq`, lacks records that it had; `known` is the highest."""

    known: Known
    last_seq: int

    @property
    def next_seq(self) -> int:
        """The number with which the new origin begins."""
        most = MOST_MISSING if self.last_seq > 1 else MOST_BEFORE
        return min(max(self.known.seq, self.last_seq), self.last_seq + most) + 1


class Records(Protocol):
    """What is read of a log."""

    def get(self, seq: int) -> Event | None: ...


def chain_of(records: Records) -> str:
    """The name of a log: that of its first origin, from its first record."""
    first = records.get(1)
    return str(first.data.get("chain", "")) if first is not None else ""


def find_loss(
    known: Iterable[Known],
    *,
    chains: Collection[str],
    last_seq: int,
    hash_of: Callable[[int], str | None],
) -> Loss | None:
    """Hold the log against what is known elsewhere; None if nothing is missing.

    `chains` are the names of all its origins; `hash_of` gives the hash of a record in hex, or None
    if there is no such record.  The log is not whole if it ends before a known record, holds
    another record in its place, or is none of the logs that are known.
    """
    lacking = [
        one
        for one in known
        if one.chain not in chains
        or one.seq > last_seq
        or (one.hash and hash_of(one.seq) != one.hash)
    ]
    highest = max(lacking, key=lambda one: one.seq, default=None)
    return Loss(highest, last_seq) if highest is not None else None


def follows(loss: Loss, *, chain: str, last_hash: str) -> dict[str, Any]:
    """What the first record of the new origin says of the one before, which is named `chain` and
    ends with a record of `last_hash`."""
    return {
        "chain": chain,
        "seq": loss.last_seq,
        "hash": last_hash,
        "known_chain": loss.known.chain,
        "known_seq": loss.known.seq,
        "known_by": loss.known.source,
        "missing": max(0, loss.known.seq - loss.last_seq),
    }


def followed(body: object) -> dict[str, Any] | None:
    """What the first record of an origin says of the one before; None if `body` is of no such
    record."""
    if not isinstance(body, str) or '"follows"' not in body:
        return None
    try:
        item = json.loads(body)
        told = item["data"]["follows"] if item["type"] == EventType.LEDGER_CREATED else None
        return {key: told[key] for key in FOLLOWS} if told else None
    except (ValueError, KeyError, TypeError):
        return None
