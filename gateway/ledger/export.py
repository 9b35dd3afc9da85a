"""An export that leaves records out, and how somebody without the log checks it.

The export has the records that were asked for, one JSON object a line.  Beside it is its proof: the
head of the log on the first line, and a line for each record that was left out after the first one
shown,

    {"seq": 4711, "body": "<SHA-256 of its body>", "leaf": "<its leaf in the tree>"}

so that chain and tree can be followed from the first record shown to the head: nothing shown was
changed, and nobody left out more than the proof says.  A record of an earlier version is linked by
its body itself, so its line has ``"hash"`` and the chain begins anew behind it; `Checked.unlinked`
counts those.

The first line also holds what is signed: ``"checkpoints"`` (notes, with the number of the first
record of their origin), ``"keys"`` (the log's own word for its keys) and ``"before"``: the roots of
the complete subtrees over the records before the first one shown.  A proof of an earlier version
has none of the three, and is worth what its head is worth: compare that with one noted elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from gateway.ledger import chain
from gateway.ledger.event import Event, EventType
from gateway.ledger.heads import Signed
from gateway.ledger.kept import Kept
from gateway.ledger.signed import Checkpoints, Covered
from gateway.locale import GaritaError, worded
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import Note, VerifierKey, parse

FORM = "garita-export/1"


class NotProven(GaritaError):
    """The export and its proof are not part of one chain; the message says where."""


@dataclass(slots=True)
class Checked:
    """What a proof shows.

    `shown` of the records from `first` to `head` are in the export.  `unlinked` are the records of
    an earlier version that were left out: what comes before the last of them is chained only up to
    it.  `asked` are the filters that the export was made with, as the proof names them.  `covered`
    is how far signatures reach.
    """

    shown: int = 0
    first: int = 0
    head: tuple[int, str] = (0, chain.GENESIS.hex())
    unlinked: int = 0
    asked: dict[str, Any] = field(default_factory=dict)
    covered: Covered = field(default_factory=Covered)


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
        **({"redacted": dict(event.redacted)} if event.redacted else {}),
    }


class Proof:
    """Writes the proof beside an export, as the records go by.

    `head` is the newest record that is taken in, `asked` the filters; `signed` are the newest
    checkpoint of each origin, `keys` the log's own word for its keys; `begins` as LedgerReader's.
    """

    def __init__(
        self,
        file: IO[str],
        head: Event,
        asked: Mapping[str, Any],
        signed: Sequence[Signed] = (),
        keys: Sequence[VerifierKey] = (),
        begins: tuple[int, Frontier] | None = None,
    ) -> None:
        self._file = file
        self._opening: dict[str, Any] = {
            "proof": FORM,
            "head": {"seq": head.seq, "hash": head.hash, "time": head.time},
            "asked": dict(asked),
        }
        self._signed = signed
        self._keys = keys
        self._first, self._tree = begins or (1, Frontier())
        self._begun = False

    def take(self, event: Event, kept: Kept, *, shown: bool) -> None:
        """The next record of the log."""
        if event.type == chain.CREATED and "follows" in event.data:
            self._first, self._tree = event.seq, Frontier()
        if shown and kept.redacted is None and not self._begun:
            self._begin()
        self._tree.add(kept.leaf)
        if self._begun and (not shown or kept.redacted is not None):
            _line(self._file, _hidden(event, kept))

    def finish(self) -> None:
        """All records went by."""
        if not self._begun:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        heads = [one for one in self._signed if one.first >= self._first]
        if heads:
            roots = [root.hex() for root in self._tree.roots]
            self._opening |= {
                "checkpoints": [{"first": h.first, "note": h.note.write()} for h in heads],
                "keys": [str(key) for key in self._keys],
                "before": {"first": self._first, "size": self._tree.size, "roots": roots},
            }
        _line(self._file, self._opening)


def _hidden(event: Event, kept: Kept) -> dict[str, Any]:
    """What the proof says of a record whose body is not in the export as it was written."""
    digest = kept.digest
    line: dict[str, Any] = {"seq": event.seq}
    if chain.link(kept.prev, event.seq, digest) == kept.hash:
        line["body"] = digest.hex()
    else:
        line["hash"] = event.hash
    if kept.redacted is not None:
        line["redacted"] = True
    return line | {"leaf": kept.leaf.hex()}


def chosen(
    events: Iterable[tuple[Event, Kept]],
    fits: Callable[[Event], bool],
    proof: Proof | None = None,
) -> Iterator[Event]:
    """The events that fit; `proof` gets all of them.

    What is left of a record that was redacted can't be proven: beside a proof it is left out.
    """
    for event, kept in events:
        # Where the log begins anew the numbers jump, and where its key changes trust goes on.
        shown = fits(event) or event.type == EventType.LEDGER_KEY_CHANGED
        shown = shown or (event.type == chain.CREATED and "follows" in event.data)
        if proof is not None:
            proof.take(event, kept, shown=shown)
        if shown and (proof is None or kept.redacted is None):
            yield event
    if proof is not None:
        proof.finish()


def check(
    export: Iterable[str],
    proof: Iterable[str],
    keys: Sequence[VerifierKey] | None = None,
    noted: Iterable[Note] = (),
) -> Checked:
    """Follow chain and tree through the lines of both; raises NotProven.

    `keys` and `noted` as in gateway.ledger.signed.Checkpoints.
    """
    left_out = _lines(proof)
    found = Checked()
    try:
        opening = next(left_out, {})
        if opening["proof"] != FORM:
            raise NotProven(worded("the proof is of another form"))
        found.asked = dict(opening["asked"])
        found.head = (int(opening["head"]["seq"]), str(opening["head"]["hash"]))
        hidden: dict[str, Any] = next(left_out, {})
        tree = _Tree(opening, keys, noted, found)
        expected, prev = 0, b""
        for item in _lines(export):
            seq = int(item["seq"])
            if not expected:
                expected, prev, found.first = seq, bytes.fromhex(item["prev"]), seq
            while hidden and hidden["seq"] < seq:
                expected, prev = _follow(hidden, expected, prev, found)
                tree.hidden(hidden)
                hidden = next(left_out, {})
            body, prev = _shown(item, expected, prev)
            tree.shown(seq, body)
            expected = seq + 1
            found.shown += 1
        while hidden:
            expected, prev = _follow(hidden, expected, prev, found)
            tree.hidden(hidden)
            hidden = next(left_out, {})
        if found.shown and (expected - 1, prev.hex()) != found.head:
            raise NotProven(worded("the chain ends at {seq}, not at its head", seq=expected - 1))
        tree.finish()
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotProven(worded("a line is not in its form: {error}", error=error)) from error
    return found


class _Tree:
    """Follows the tree over the records of an export, where its proof says what is signed."""

    def __init__(
        self,
        opening: Mapping[str, Any],
        keys: Sequence[VerifierKey] | None,
        noted: Iterable[Note],
        found: Checked,
    ) -> None:
        self._found = found
        self._signed: Checkpoints | None = None
        if not opening.get("checkpoints"):
            if keys or any(True for _ in noted):
                raise NotProven(worded("nothing of it is signed"))
            return
        heads = []
        for one in opening["checkpoints"]:
            note = parse(str(one["note"]))
            heads.append(Signed(int(one["first"]), Checkpoint.parse(note.text), note))
        self._signed = Checkpoints(heads, keys, self._problem, noted)
        self._named = [VerifierKey.parse(str(key)) for key in opening["keys"]]
        before = opening["before"]
        roots = [bytes.fromhex(root) for root in before["roots"]]
        self._begins = int(before["first"]) + int(before["size"])
        self._signed.begin(int(before["first"]), Frontier(int(before["size"]), roots))

    def shown(self, seq: int, body: str) -> None:
        if self._signed is None:
            return
        if self._found.shown == 0 and seq != self._begins:
            raise NotProven(worded("record {seq} is missing", seq=self._begins))
        self._signed.take(seq, body, leaf_hash(body.encode()))

    def hidden(self, line: Mapping[str, Any]) -> None:
        if self._signed is not None:
            self._signed.take(line["seq"], "", bytes.fromhex(line["leaf"]))

    def finish(self) -> None:
        if self._signed is not None and self._found.shown:
            for key in self._named:  # records that are shown come first
                self._signed.named(key)
            self._signed.finish()
            self._found.covered = self._signed.covered

    @staticmethod
    def _problem(seq: int, what: str) -> None:
        raise NotProven(what)


def _shown(item: Mapping[str, Any], expected: int, prev: bytes) -> tuple[str, bytes]:
    seq = item["seq"]
    anew = item["type"] == chain.CREATED and item["data"].get("follows", {}).get("seq")
    if seq != expected and not (seq > expected and anew == expected - 1):
        raise NotProven(worded("record {seq} is missing", seq=expected))
    body = chain.canonical({key: item[key] for key in ("id", "time", "type", "subject", "data")})
    digest = bytes.fromhex(item["hash"])
    if bytes.fromhex(item["prev"]) != prev or not chain.fits(prev, seq, body, digest):
        raise NotProven(worded("record {seq} was changed", seq=seq))
    return body, digest


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
