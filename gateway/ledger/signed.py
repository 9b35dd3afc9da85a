"""Holding the records against the checkpoints that were signed of them.

The chain shows that records fit each other.  Only a signature shows that they are the ones that
were there when it was made, so a log that was cut, or written anew as a whole, is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.ledger.heads import Signed
from gateway.ledger.origin import followed
from gateway.proof.checkpoint import open_checkpoint
from gateway.proof.merkle import Frontier
from gateway.proof.note import NoteError, VerifierKey

Add = Callable[[int, str], None]


@dataclass(slots=True)
class Covered:
    """How far signatures reach: the newest record under a good one, and how many were good."""

    last_seq: int = 0
    good: int = 0


class Checkpoints:
    """Takes the records in order and compares the tree over them with each of the `heads`.

    `keys` are the log's public keys.  A checkpoint of a log whose key is not among them is wrong.
    `add(seq, what)` takes what is wrong.
    """

    def __init__(self, heads: Iterable[Signed], keys: Sequence[VerifierKey], add: Add) -> None:
        self._keys = {key.name: key for key in keys}
        self._add = add
        self._heads: dict[int, dict[int, list[Signed]]] = {}
        for head in heads:
            of = self._heads.setdefault(head.first, {})
            of.setdefault(head.checkpoint.size, []).append(head)
        self._first = 1
        self._tree = Frontier()
        self._unseen = set(self._keys)
        self.covered = Covered()

    def take(self, seq: int, body: str, leaf: bytes) -> None:
        """The next record, and its leaf in the tree."""
        if seq != self._first + self._tree.size:
            if followed(body) is not None:
                self._missing(seq)
                self._first, self._tree = seq, Frontier()
            else:
                return  # records are missing, which is told elsewhere: no root fits any more
        self._tree.add(leaf)
        for head in self._heads.get(self._first, {}).pop(self._tree.size, ()):
            self._compare(seq, head)

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
        for name in sorted(self._unseen):
            self._add(0, f"nothing of the log {name} is here")

    def _missing(self, seq: int) -> None:
        """The origin ends before `seq`.  What the gate lost, it said itself: that is told once."""
        self._heads.pop(self._first, None)

    def _compare(self, seq: int, head: Signed) -> None:
        if head.checkpoint.root != self._tree.root():
            self._add(seq, "the records up to here are not those that were signed")
            return
        key = self._keys.get(head.checkpoint.origin)
        if key is None:
            self._add(seq, f"the key of {head.checkpoint.origin} is not known")
            return
        try:
            open_checkpoint(head.note, key)
        except NoteError as error:
            self._add(seq, str(error))
            return
        self.covered.last_seq = seq
        self.covered.good += 1
        self._unseen.discard(key.name)
