"""The Merkle tree of RFC 6962, section 2.1.

    leaf = SHA-256(0x00 | entry)        node = SHA-256(0x01 | left | right)

A tree of n leaves splits at the largest power of two below n.  A complete subtree, of 2^level
leaves, never changes once it is full, so its root can be stored.  A proof needs the roots of
complete subtrees only; whoever has them gives them as a function (`Subtree`).

The checks are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2.  They take what a stranger sent:
they return False for whatever does not fit, and raise nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
LARGEST = 2**63 - 1
"""No tree has more leaves (c2sp.org/tlog-checkpoint)."""

Subtree = Callable[[int, int], bytes]
"""`subtree(level, index)` is the root of the complete subtree over the 2^level leaves from leaf
index * 2^level on."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree with these leaf hashes, in order."""
    frontier = Frontier()
    for one in hashes:
        frontier.add(one)
    return frontier.root()


class Frontier:
    """A growing tree, of which only the roots of its largest complete subtrees are kept.

    It holds one hash for each 1 in the binary form of its size: 23 for 8 million leaves.
    """

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        """Go on with a tree of `size` leaves; `roots` as `roots` gave them, the largest first.

        Raises ValueError if there are more or fewer of them than such a tree has.
        """
        if size < 0 or len(roots) != size.bit_count():
            raise ValueError("a tree of that size has another number of complete subtrees")
        self.size = size
        self.roots = list(roots)

    def add(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        self.add_subtree(leaf, 0)

    def add_subtree(self, root: bytes, level: int) -> None:
        """Add 2^level leaves by the root over them.

        Raises ValueError if a complete subtree of that size can't begin here.
        """
        if level < 0 or self.size & ((1 << level) - 1):
            raise ValueError("a subtree begins at a multiple of its size")
        full, above = root, level
        while self.size >> above & 1:
            full = node_hash(self.roots.pop(), full)
            above += 1
        self.roots.append(full)
        self.size += 1 << level

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.roots:
            return EMPTY
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root


def range_hash(subtree: Subtree, begin: int, end: int) -> bytes:
    """The root over the leaves `begin` to `end` (not included): one side of a split of a tree."""
    count = end - begin
    if count == 0:
        return EMPTY
    level = (count - 1).bit_length()
    if count == 1 << level:
        return subtree(level, begin >> level)
    middle = begin + (1 << (level - 1))
    return node_hash(range_hash(subtree, begin, middle), range_hash(subtree, middle, end))


def inclusion(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves: the hashes beside its way up.

    Raises ValueError if that tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_hash(subtree, middle, end))
            end = middle
        else:
            path.append(range_hash(subtree, begin, middle))
            begin = middle
    return path[::-1]


def consistency(subtree: Subtree, old: int, size: int) -> list[bytes]:
    """The proof that the tree of `size` leaves only added to its first `old` ones.

    It is empty where there is nothing to prove: from no leaf, and to the same size.  Raises
    ValueError if the tree is smaller than `old`.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves does not grow from one of {old}")
    if old in (0, size):
        return []
    path: list[bytes] = []
    begin, end = 0, size
    known = True  # the old tree's root is what the verifier has: it need not be sent
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(range_hash(subtree, middle, end))
            end = middle
        else:
            path.append(range_hash(subtree, begin, middle))
            begin, known = middle, False
    if not known:
        path.append(range_hash(subtree, begin, end))
    return path[::-1]


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows the leaf hash `leaf` at `index` in the tree of `size` with `root`."""
    if not (0 <= index < size <= LARGEST) or len(proof) > 64:
        return False
    at, last, here = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            here = node_hash(beside, here)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            here = node_hash(here, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and here == root


def consistent(old_root: bytes, old: int, root: bytes, size: int, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `size` with `root` only added to that of `old`."""
    if not (0 <= old <= size <= LARGEST) or len(proof) > 64:
        return False
    if old == 0:
        return not proof and old_root == EMPTY and (size > 0 or root == EMPTY)
    if old == size:
        return not proof and old_root == root
    path = list(proof)
    if old & (old - 1) == 0:  # a power of two: its root is a node of the new tree
        path.insert(0, old_root)
    if not path:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    then = now = path[0]
    for beside in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            then, now = node_hash(beside, then), node_hash(beside, now)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and then == old_root and now == root
