"""An export that leaves records out, and how somebody without the log checks it.

The export has the records that were asked for, one JSON object a line.  Beside it is its proof: the
head of the log on the first line, and a line for each record that was left out after the first one
shown,

    {"seq": 4711, "body": "<SHA-256 of its body>"}

so that the chain can be followed from the first record shown to the head: nothing shown was
changed, and nobody left out more than the proof says.  A record of an earlier version is linked by
its body itself, so its line has ``"hash"`` and the chain begins anew behind it; `Checked.unlinked`
counts those.

The proof is not signed.  It is worth what its head is worth: compare that with one noted elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from gateway.ledger import chain
from gateway.ledger.event import Event
from gateway.locale import GaritaError, worded

FORM = "garita-export/1"


class NotProven(GaritaError):
    """The export and its proof are not part of one chain; the message says where."""


@dataclass(slots=True)
class Checked:
    """What a proof shows.

    `shown` of the records from `first` to `head` are in the export.  `unlinked` are the records of
    an earlier version that were left out: what comes before the last of them is chained only up to
    it.  `asked` are the filters that the export was made with, as the proof names them.
    """

    shown: int = 0
    first: int = 0
    head: tuple[int, str] = (0, chain.GENESIS.hex())
    unlinked: int = 0
    asked: dict[str, Any] = field(default_factory=dict)


def record(event: Event) -> dict[str, Any]:
    """A record as an export has it."""
    return {
        "seq": event.seq,
        "id": event.id,
        "time": event.time,
        "type": event.type,
        "subject": event.subject,
        "data": dict(event.data),
        "prev": event.prev,
        "hash": event.hash,
    }


def chosen(
    events: Iterable[tuple[Event, str]],
    fits: Callable[[Event], bool],
    proof: IO[str] | None = None,
) -> Iterator[Event]:
    """The events that fit.  Writes the lines of those that don't, from the first that fits on, to
    `proof`; `begin` writes its first line."""
    begun = False
    for event, body in events:
        # Where the log begins anew is always shown: the numbers jump there.
        if fits(event) or (event.type == chain.CREATED and "follows" in event.data):
            begun = True
            yield event
        elif begun and proof is not None:
            digest = chain.digest_of(body)
            if chain.link(bytes.fromhex(event.prev), event.seq, digest).hex() == event.hash:
                _line(proof, {"seq": event.seq, "body": digest.hex()})
            else:
                _line(proof, {"seq": event.seq, "hash": event.hash})


def begin(proof: IO[str], head: Event, asked: Mapping[str, Any]) -> None:
    """Write the proof's first line."""
    at = {"seq": head.seq, "hash": head.hash, "time": head.time}
    _line(proof, {"proof": FORM, "head": at, "asked": dict(asked)})


def check(export: Iterable[str], proof: Iterable[str]) -> Checked:
    """Follow the chain through the lines of both; raises NotProven."""
    left_out = _lines(proof)
    found = Checked()
    try:
        opening = next(left_out, {})
        if opening["proof"] != FORM:
            raise NotProven(worded("the proof is of another form"))
        found.asked = dict(opening["asked"])
        found.head = (int(opening["head"]["seq"]), str(opening["head"]["hash"]))
        hidden: dict[str, Any] = next(left_out, {})
        expected, prev = 0, b""
        for item in _lines(export):
            seq = int(item["seq"])
            if not expected:
                expected, prev, found.first = seq, bytes.fromhex(item["prev"]), seq
            while hidden and hidden["seq"] < seq:
                expected, prev = _follow(hidden, expected, prev, found)
                hidden = next(left_out, {})
            prev = _shown(item, expected, prev)
            expected = seq + 1
            found.shown += 1
        while hidden:
            expected, prev = _follow(hidden, expected, prev, found)
            hidden = next(left_out, {})
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotProven(worded("a line is not in its form: {error}", error=error)) from error
    if found.shown and (expected - 1, prev.hex()) != found.head:
        raise NotProven(worded("the chain ends at {seq}, not at its head", seq=expected - 1))
    return found


def _shown(item: Mapping[str, Any], expected: int, prev: bytes) -> bytes:
    seq = item["seq"]
    anew = item["type"] == chain.CREATED and item["data"].get("follows", {}).get("seq")
    if seq != expected and not (seq > expected and anew == expected - 1):
        raise NotProven(worded("record {seq} is missing", seq=expected))
    body = chain.canonical({key: item[key] for key in ("id", "time", "type", "subject", "data")})
    digest = bytes.fromhex(item["hash"])
    if bytes.fromhex(item["prev"]) != prev or not chain.fits(prev, seq, body, digest):
        raise NotProven(worded("record {seq} was changed", seq=seq))
    return digest


def _follow(
    hidden: Mapping[str, Any], expected: int, prev: bytes, found: Checked
) -> tuple[int, bytes]:
    seq = hidden["seq"]
    if seq != expected:
        raise NotProven(worded("record {seq} is missing", seq=expected))
    if "body" in hidden:
        return seq + 1, chain.link(prev, seq, bytes.fromhex(hidden["body"]))
    found.unlinked += 1
    return seq + 1, bytes.fromhex(hidden["hash"])


def _lines(text: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in text:
        if line.strip():
            found = json.loads(line)
            if not isinstance(found, dict):
                raise TypeError(line[:40])
            yield found


def _line(file: IO[str], value: Mapping[str, Any]) -> None:
    file.write(json.dumps(value, ensure_ascii=False) + "\n")
