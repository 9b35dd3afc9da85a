"""The Merkle tree over the records of one origin, kept beside them in ledger.db.

Leaf number i is the body of record `first` + i.  The tree follows the records: a leaf is added
when its record is committed, and a tile that got full is stored with the next transaction.  So the
tree costs no disk access of its own, and whatever of it a crash loses is computed again from the
records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing, nullcontext
from functools import cache
from pathlib import Path

from gateway.ledger.archives import Archives
from gateway.ledger.redacted import redactions
from gateway.proof.merkle import leaf_hash
from gateway.proof.tiles import HEIGHT, WIDTH, Edge, Tile, complete

SCHEMA = """
CREATE TABLE IF NOT EXISTS tiles (
    origin INTEGER NOT NULL,   -- the number of the origin's first record
    level  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    hashes BLOB NOT NULL,      -- 256 hashes, 8,192 bytes; empty: its records are in an archive
    root   BLOB NOT NULL,
    PRIMARY KEY (origin, level, idx)
) WITHOUT ROWID;
"""

CHECKPOINTS = """
CREATE TABLE IF NOT EXISTS checkpoints (
    origin INTEGER NOT NULL,
    size   INTEGER NOT NULL,   -- of the tree
    note   TEXT NOT NULL,      -- the signed checkpoint, with the cosignatures that came
    PRIMARY KEY (origin, size)
) WITHOUT ROWID;
"""

SLICE = 512  # so many records are taken over at a time: about 2 ms


class LedgerTree:
    """The tree of the origin that begins with record `first`.

    All methods run in the writer's thread.  `behind` says whether records are still to be taken
    over, as in a log from a time without trees.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self._edge: Edge | None = None
        self._full: list[tuple[int, int, bytes]] = []

    @property
    def size(self) -> int:
        """How many records the tree holds."""
        return self._edge.size if self._edge is not None else 0

    @property
    def waiting(self) -> bool:
        """Whether there are full tiles to be stored."""
        return bool(self._full)

    def behind(self, last_seq: int) -> bool:
        """Whether records up to `last_seq` are still to be taken over."""
        return self._edge is None or self.first + self._edge.size <= last_seq

    def root(self) -> bytes:
        """The root of the tree as it is, 32 bytes."""
        return (self._edge or Edge()).root()

    def add(self, bodies: Iterable[str]) -> None:
        """Add the records that were just committed, in order.  The tree must not be behind."""
        self._grow(leaf_hash(body.encode()) for body in bodies)

    def store(self, db: sqlite3.Connection) -> int:
        """Write the tiles that got full, inside the transaction that is open; returns how many.

        Call `stored` with that number when the transaction is committed.
        """
        db.executemany(
            "INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?, ?)",
            [(self.first, *tile, complete(tile[2])) for tile in self._full],
        )
        return len(self._full)

    def stored(self, count: int) -> None:
        """The first `count` full tiles are on disk."""
        del self._full[:count]

    def take_over(self, db: sqlite3.Connection) -> None:
        """Add the next SLICE of records that are on disk and not in the tree yet."""
        if self._edge is None:
            self._edge = _edge_of(db, self.first)
        begin = self.first + self._edge.size
        self._grow(leaves(db, begin, SLICE))

    def _grow(self, hashes: Iterable[bytes]) -> None:
        assert self._edge is not None
        for one in hashes:
            self._full += self._edge.add(one)


def tiles_of(
    db: sqlite3.Connection, first: int, size: int, archives: Archives | None = None
) -> Tile:
    """The tiles of the tree over the `size` records from `first` on, for proofs.

    What is not stored is computed from the records, so this also works for a copy of the log that
    has no tiles.  It raises LookupError if a record is missing.
    """

    @cache
    def tile(level: int, index: int) -> bytes:
        row = db.execute(
            "SELECT hashes FROM tiles WHERE origin = ? AND level = ? AND idx = ?",
            (first, level, index),
        ).fetchone()
        if row is not None and row[0]:
            return bytes(row[0])
        begin, end = index * WIDTH, min((index + 1) * WIDTH, size >> HEIGHT * level)
        if level == 0:
            hashes = leaves(db, first + begin, end - begin, archives)
        else:
            roots = dict(_roots(db, first, level - 1, begin, end))
            hashes = [roots.get(n) or complete(tile(level - 1, n)) for n in range(begin, end)]
        if len(hashes) < end - begin:
            raise LookupError(f"records between {first + begin} and {first + end} are missing")
        return b"".join(hashes)

    return tile


def _edge_of(db: sqlite3.Connection, first: int) -> Edge:
    """The edge behind the full tiles that are stored: no leaf that is not in one of them."""
    count = db.execute(
        "SELECT coalesce(max(idx) + 1, 0) FROM tiles WHERE origin = ? AND level = 0", (first,)
    ).fetchone()[0]
    size = count * WIDTH
    rows: list[list[bytes]] = [[]]
    while count:
        above, level = count // WIDTH, len(rows) - 1
        rows.append([root for _, root in _roots(db, first, level, above * WIDTH, count)])
        count = above
    return Edge(size, rows)


def _roots(
    db: sqlite3.Connection, first: int, level: int, begin: int, end: int
) -> list[tuple[int, bytes]]:
    return db.execute(
        "SELECT idx, root FROM tiles WHERE origin = ? AND level = ? AND idx >= ? AND idx < ? "
        "ORDER BY idx",
        (first, level, begin, end),
    ).fetchall()


def leaves(
    db: sqlite3.Connection, begin: int, count: int, archives: Archives | None = None
) -> list[bytes]:
    """The leaf hashes of up to `count` records from `begin` on, from archives where they are there.

    Raises LedgerUnavailable if an archive can't be read.
    """
    end = begin + count - 1
    rows = db.execute("SELECT seq, body FROM events WHERE seq >= ? AND seq <= ?", (begin, end))
    held = {seq: leaf_hash(body.encode()) for seq, body in rows}
    held |= {seq: one.leaf for seq, one in redactions(db).items() if seq in held}
    if len(held) < count:
        with nullcontext(archives) if archives else closing(Archives(_path(db))) as found_in:
            found_in.refresh(db)
            held |= dict(found_in.leaves(begin, end))
    found = []
    while begin in held:
        found.append(held[begin])
        begin += 1
    return found


def _path(db: sqlite3.Connection) -> Path:
    return Path(
        db.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    )
