"""Where a record belongs: behind the newest one of an origin, or among those that came early, or
nowhere.  No I/O.

What is stored of an origin is a chain without holes.  A record is placed in it if it names the hash
of the newest one as the hash before it.  One that comes before the one before it is kept aside
(early).  One whose number is stored already is compared with what is stored; if it is another one,
it is a conflict, and stays one until the gateway's signature says otherwise (repair.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.collector.judge import Record
from gateway.proof.merkle import Frontier, leaf_hash

MOST_ORIGINS = 64
"""Of one gateway.  Whoever may publish could begin as many as they like."""


@dataclass(slots=True)
class Origin:
    """An origin as it is stored, and then with what is added to it.

    `id` is its row; None until it has one.  `stored` is `contiguous` as the database has it.  The
    tree is behind the records from the first one on whose data are missing.
    """

    gateway: str
    chain: str
    first: int
    prev: bytes
    contiguous: int
    hash: bytes
    tree: Frontier
    id: int | None = None
    stored: int = 0
    proven_size: int = 0
    proven_roots: bytes = b""
    opening: Record | None = None
    """The record that began it, if it is new."""

    @property
    def moved(self) -> bool:
        return self.contiguous != self.stored

    def add(self, record: Record) -> None:
        """The next record."""
        self.contiguous, self.hash = record.seq, record.hash
        if not record.omitted and self.tree.size == record.seq - self.first:
            self.tree.add(leaf_hash(record.body.encode()))


@dataclass(slots=True)
class Placed:
    """What to do with the records of a batch."""

    fresh: list[tuple[Origin, Record]] = field(default_factory=list)
    compare: list[tuple[tuple[Origin, ...], Record]] = field(default_factory=list)
    """The number of each is stored in those origins: hold it against what is there."""
    conflicts: list[tuple[Record, str]] = field(default_factory=list)
    """With why: wrong_hash, another_record, too_many_origins."""


class Places:
    """The origins of the gateways that a batch is about; `place` takes records in the order in
    which they came."""

    def __init__(self, origins: Iterable[Origin]) -> None:
        self.of: dict[str, list[Origin]] = defaultdict(list)
        for origin in origins:
            self.of[origin.gateway].append(origin)
        self._heads: dict[tuple[str, bytes], Origin] = {
            (one.gateway, one.hash): one for known in self.of.values() for one in known
        }
        self._new: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        """Hashes of what this batch added, by gateway and number."""
        self._early: dict[tuple[str, int, bytes], dict[bytes, Record]] = defaultdict(dict)
        self.placed = Placed()

    @property
    def early(self) -> list[Record]:
        """Those that came before the one before them."""
        return [record for same in self._early.values() for record in same.values()]

    def place(self, record: Record) -> bool:
        """Find the place of a record; True if it was added to an origin."""
        key = (record.gateway, record.prev)
        if not record.sound:
            self.placed.conflicts.append((record, "wrong_hash"))
            return False
        origin = self._heads.get(key)
        if record.first:
            return self._begin(record)
        if origin is not None and record.seq == origin.contiguous + 1:
            del self._heads[key]
            self._add(origin, record)
            return True
        self._elsewhere(record)
        return False

    def place_next(self, record: Record) -> bool:
        """Add a record that was kept aside, if it is the next one of an origin now."""
        origin = self._heads.get((record.gateway, record.prev))
        if origin is None or record.seq != origin.contiguous + 1:
            return False
        return self.place(record)

    def _add(self, origin: Origin, record: Record) -> None:
        """Add it, and those of this batch that come behind it."""
        while True:
            origin.add(record)
            self._new[(record.gateway, record.seq)].append(record.hash)
            self.placed.fresh.append((origin, record))
            key = (record.gateway, record.seq + 1, record.hash)
            if not (behind := self._early.get(key)):
                break
            record = behind.pop(next(iter(behind)))
        self._heads[(record.gateway, record.hash)] = origin

    def _keep(self, record: Record) -> None:
        self._early[(record.gateway, record.seq, record.prev)][record.hash] = record

    def _begin(self, record: Record) -> bool:
        known = self.of[record.gateway]
        if any(one.chain == record.chain for one in known):
            self._elsewhere(record)
            return False
        if len(known) >= MOST_ORIGINS:
            self.placed.conflicts.append((record, "too_many_origins"))
            return False
        origin = Origin(
            record.gateway,
            record.chain,
            record.seq,
            record.prev,
            record.seq - 1,
            record.prev,
            Frontier(),
            stored=record.seq - 1,
            opening=record,
        )
        known.append(origin)
        self._add(origin, record)
        return True

    def _elsewhere(self, record: Record) -> None:
        """A record that does not come next."""
        if record.hash in self._new[(record.gateway, record.seq)]:
            return  # the same one came twice in this batch
        known = self.of[record.gateway]
        named = [one for one in known if one.chain == record.chain]
        if record.chain and not named:
            self._keep(record)  # of an origin whose beginning has not come
            return
        covering = [one for one in named or known if one.first <= record.seq <= one.contiguous]
        if not covering:
            self._keep(record)
        elif stored := tuple(one for one in covering if record.seq <= one.stored):
            self.placed.compare.append((stored, record))
        else:
            self.placed.conflicts.append((record, "another_record"))
