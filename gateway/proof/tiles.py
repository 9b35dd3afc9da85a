"""The hashes of a tree in tiles of 256, as c2sp.org/tlog-tiles stores them.

A tile of level 0 holds the hashes of 256 leaves; one of level L holds the roots of 256 complete
tiles of level L - 1.  A full tile never changes.  So a log stores 32 bytes an entry, written once
in 256 entries, and finds any proof by reading a few tiles.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.proof.merkle import HASH_SIZE, Frontier, node_hash

WIDTH = 256
HEIGHT = 8  # 2^8 hashes in a tile
FULL = WIDTH * HASH_SIZE

Tile = Callable[[int, int], bytes]
"""`tile(level, index)` gives the hashes of a tile one after another: 8,192 bytes if it is full."""


def subtree_of(tile: Tile) -> Callable[[int, int], bytes]:
    """What the proofs of merkle.py ask for, out of tiles.

    It raises LookupError if a tile holds fewer hashes than the subtree needs.
    """

    def subtree(level: int, index: int) -> bytes:
        height, inside = divmod(level, HEIGHT)
        first = index << inside
        number, offset = divmod(first, WIDTH)
        hashes = tile(height, number)[offset * HASH_SIZE : (offset + (1 << inside)) * HASH_SIZE]
        if len(hashes) != HASH_SIZE << inside:
            raise LookupError(f"tile {number} of level {height} is not full enough")
        return complete(hashes)

    return subtree


def complete(hashes: bytes) -> bytes:
    """The root over a power of two of hashes, given one after another."""
    row = split(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


class Edge:
    """The right edge of a growing tree: the tiles that are not full yet.

    `add` answers with the tiles that became full, for whoever stores them.  The edge is found
    again after a restart from the full tiles and the leaves behind them.
    """

    def __init__(self, size: int = 0, rows: list[list[bytes]] | None = None) -> None:
        """Go on with a tree of `size` leaves: `rows` are the hashes of the tiles that are not
        full, by level.  Raises ValueError if their numbers don't fit the size."""
        self.size = size
        self._rows = rows or [[]]
        expected: list[int] = []
        left = size
        while left or not expected:
            left, count = divmod(left, WIDTH)
            expected.append(count)
        if [len(row) for row in self._rows] != expected:
            raise ValueError("the tiles do not belong to a tree of that size")

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf by its hash; returns (level, index, hashes) of each tile that it filled."""
        self.size += 1
        full: list[tuple[int, int, bytes]] = []
        level, new = 0, leaf
        while True:
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level]
            row.append(new)
            if len(row) < WIDTH:
                return full
            hashes = b"".join(row)
            full.append((level, (self.size >> HEIGHT * (level + 1)) - 1, hashes))
            row.clear()
            level, new = level + 1, complete(hashes)

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        roots: list[bytes] = []
        for row in reversed(self._rows):
            part = Frontier()
            for one in row:
                part.add(one)
            roots += part.roots
        return Frontier(self.size, roots).root()

    def tile(self, level: int, index: int) -> bytes | None:
        """The hashes of a tile that is not full yet; None if that tile is not at the edge."""
        if level < len(self._rows) and index == self.size >> HEIGHT * (level + 1):
            return b"".join(self._rows[level])
        return None
