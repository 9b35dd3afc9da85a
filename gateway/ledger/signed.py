"""Holding the records against the checkpoints that were signed of them.

The chain shows that records fit each other.  Only a signature shows that they are the ones that
were there when it was made, so a log that was cut, or written anew as a whole, is found here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.ledger.event import EventType
from gateway.ledger.heads import Signed
from gateway.ledger.origin import KEY_LOST, followed
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.keychange import LogKeys
from gateway.proof.merkle import Frontier
from gateway.proof.note import Note, NoteError, VerifierKey

Add = Callable[[int, str], None]
# A record's type stands last in its body: the keys of canonical JSON are sorted.
_CREATED, _CHECKPOINT, _KEY_CHANGED = (
    f'"type":"{kind}"}}'
    for kind in (
        EventType.LEDGER_CREATED,
        EventType.LEDGER_CHECKPOINT,
        EventType.LEDGER_KEY_CHANGED,
    )
)


@dataclass(slots=True)
class Covered:
    """How far signatures reach: the newest record under a good one, and how many were good."""

    last_seq: int = 0
    good: int = 0
    keys_lost: list[int] = field(default_factory=list)
    """The records with which an origin begins because the key of the one before was lost."""


class Checkpoints:
    """Takes the records in order and compares the tree over them with each of the `heads`.

    `keys` are the log's public keys, noted elsewhere; None takes those that the log
    itself names.  A checkpoint of a log whose key is not among them is wrong.  `noted` are
    checkpoints that somebody kept elsewhere: the log must hold what they say as well.
    `add(seq, what)` takes what is wrong.
    """

    def __init__(
        self,
        heads: Iterable[Signed],
        keys: Sequence[VerifierKey] | None,
        add: Add,
        noted: Iterable[Note] = (),
    ) -> None:
        self._trusted = keys
        self._keys: dict[str, LogKeys] = {}
        self._add = add
        self._heads: dict[int, dict[int, list[Signed]]] = {}
        for head in heads:
            self._await(head)
        self._noted: dict[str, list[Note]] = {}
        for note in noted:
            chain = Checkpoint.parse(note.text).origin.rpartition("/")[2]
            self._noted.setdefault(chain, []).append(note)
        self._first = 1
        self._tree = Frontier()
        self._same: list[tuple[int, Signed]] = []
        self.covered = Covered()

    def take(self, seq: int, body: str, leaf: bytes) -> None:
        """The next record, and its leaf in the tree; `body` may be empty if it is hidden."""
        told = followed(body) if body.endswith(_CREATED) else None
        if told is not None:  # with a gap or without
            if told["known_by"] == KEY_LOST:
                self.covered.keys_lost.append(seq)
            self._missing(seq)
            self._first, self._tree = seq, Frontier()
        elif seq != self._first + self._tree.size:
            return  # records are missing, which is told elsewhere: no root fits any more
        self._tree.add(leaf)
        if body.endswith((_CREATED, _CHECKPOINT, _KEY_CHANGED)):
            self._learn(seq, body)
        for head in self._heads.get(self._first, {}).pop(self._tree.size, ()):
            if head.checkpoint.root != self._tree.root():
                self._add(seq, "the records up to here are not those that were signed")
            else:
                self._same.append((seq, head))

    def resume(self, first: int, last: int, roots: bytes) -> None:
        """Records up to `last`, of the origin that begins with `first`, were not to be had; go on
        with these roots of the complete subtrees over them.

        They are taken on trust until the next checkpoint is compared.
        """
        if first != self._first:
            self._missing(first)
        size = last - first + 1
        try:
            tree = Frontier(size, [roots[at : at + 32] for at in range(0, len(roots), 32)])
        except ValueError as error:
            self._add(last, str(error))
            return
        self._first, self._tree = first, tree
        of = self._heads.get(first, {})
        for known in [one for one in of if one <= size]:
            del of[known]

    def finish(self) -> None:
        """All records were taken."""
        for first in list(self._heads):
            for heads in self._heads[first].values():
                for head in heads:
                    self._add(
                        head.last_seq,
                        f"records up to {head.last_seq} were signed, and not all are here",
                    )
        self._heads.clear()
        unseen = {key.name for key in self._trusted or ()}
        unseen |= {Checkpoint.parse(n.text).origin for of in self._noted.values() for n in of}
        for seq, head in self._same:
            origin = head.checkpoint.origin
            try:
                self._of(origin).check(head.checkpoint.size, head.note)
            except NoteError as error:
                self._add(seq, str(error))
                continue
            self.covered.last_seq = max(self.covered.last_seq, seq)
            self.covered.good += 1
            unseen.discard(origin)
        for name in sorted(unseen):
            self._add(0, f"nothing of the log {name} is here")

    def named(self, key: VerifierKey) -> None:
        """The log names its key outside its records."""
        self._of(key.name).named(key)

    def begin(self, first: int, tree: Frontier) -> None:
        """Go on behind these records of the origin that begins with `first`, which are hidden."""
        self._first, self._tree = first, tree

    def _await(self, head: Signed) -> None:
        self._heads.setdefault(head.first, {}).setdefault(head.checkpoint.size, []).append(head)

    def _of(self, origin: str) -> LogKeys:
        if origin not in self._keys:
            trusted = [key for key in self._trusted or () if key.name == origin]
            self._keys[origin] = LogKeys(trusted, own_word=self._trusted is None)
        return self._keys[origin]

    def _learn(self, seq: int, body: str) -> None:
        """What the log says of itself: its name, and its keys."""
        try:
            item = json.loads(body)
            data = item["data"]
            if item["type"] == EventType.LEDGER_CREATED:
                for note in self._noted.pop(data["chain"], ()):
                    self._await(Signed(self._first, Checkpoint.parse(note.text), note))
            elif item["type"] == EventType.LEDGER_CHECKPOINT:
                with contextlib.suppress(NoteError):
                    self.named(VerifierKey.parse(str(data["key"])))
            elif item["type"] == EventType.LEDGER_KEY_CHANGED:
                origin = str(data["note"]).split("\n", 1)[0]
                self._of(origin).change(self._tree.size, data["note"])
        except NoteError as error:
            self._add(seq, str(error))
        except (ValueError, KeyError, TypeError):
            return  # the form of the record is told elsewhere

    def _missing(self, seq: int) -> None:
        """The origin ends before `seq`.  What the gate lost, it said itself: that is told once."""
        self._heads.pop(self._first, None)
