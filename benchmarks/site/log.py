"""A real log of simulated days: chained, with its tree and signed checkpoints, written without the
gate's writer to save time.

The bytes are those that the writer would write.  About 50,000 records a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.site.raw import Raw, utc
from benchmarks.site.site import Site
from benchmarks.site.world import Shape, make
from gateway.ledger import Ledger, chain
from gateway.ledger.event import EventType
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.merkle import leaf_hash
from gateway.proof.note import Signer
from gateway.proof.tiles import Edge, complete

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""The key of every simulated log; never that of a gate."""
SIGNED_EVERY = 1000
CHAIN = "51a7e51a7e51a7e5"


@dataclass(frozen=True, slots=True)
class Written:
    """A log that was written: its last record, the first and last local day in it, and the signer
    of its checkpoints, of which the newest covers the last record."""

    path: Path
    last_seq: int
    first: date
    last: date
    signer: Signer
    site: Site


def write(
    path: Path,
    *,
    first: date = date(2026, 10, 1),
    days: int = 31,
    people: int = 60,
    seed: int = 1,
    records: int | None = None,
    gateway: str = "gate-1",
    site: Site | None = None,
) -> Written:
    """Write the log of `days` local days of a site, at `path` where nothing is yet.

    60 people make about 1,200 records a day.  With `records` it ends with that record, after as
    many days as that takes.  The same arguments give the same bytes.
    """
    shape = Shape(seed=seed, people=people, gateway=gateway, begin=first)
    site = site or Site(make(shape))
    signer = Signer(f"garita/{gateway}/{CHAIN}", KEY)
    Ledger.open(path, gateway=gateway).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        writer = _Writer(db, signer, gateway, site)
        day = first
        while (writer.seq < records - 1) if records is not None else (day - first).days < days:
            writer.day(day, records)
            day += timedelta(days=1)
        writer.checkpoint()
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Written(path, writer.seq, first, day - timedelta(days=1), signer, site)


class _Writer:
    def __init__(self, db: sqlite3.Connection, signer: Signer, gateway: str, site: Site) -> None:
        self.db, self.signer, self.gateway, self.site = db, signer, gateway, site
        self.seq, self.prev, self.edge = 0, chain.GENESIS, Edge()
        self.at, self.signed = 0, 0
        # The writer's first record has the moment and the name of this run: ours has neither.
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events")
        db.execute("UPDATE origins SET chain = ?", (CHAIN,))
        for table in ("tiles", "checkpoints"):
            db.execute(f"DELETE FROM {table}")
        begin = site.world.clock.ms(site.world.shape.begin, 0)
        self._put(Raw(begin, EventType.LEDGER_CREATED, gateway, {"chain": CHAIN}))
        db.execute(
            "CREATE TRIGGER events_no_delete BEFORE DELETE ON events "
            "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        )

    def day(self, day: date, records: int | None) -> None:
        """Write one day, or up to record `records` of the log."""
        for raw in self._records(day):
            if records is not None and self.seq >= records - 1:
                return
            self._put(raw)
            last = records is not None and self.seq >= records - 1
            if self.seq - self.signed >= SIGNED_EVERY and not last:
                self.checkpoint()

    def checkpoint(self) -> None:
        """Sign the head, with its record before it as the gate has one."""
        facts = {
            "key": str(self.signer.key),
            "boot": "simulated",
            "list_version": self.site.doors.version,
            "policy_version": self.site.doors.policy,
            "version": "0.1.0",
            "clock_trusted": True,
        }
        self._put(Raw(self.at, EventType.LEDGER_CHECKPOINT, self.gateway, facts))
        self.signed = self.seq
        note = sign(Checkpoint(self.signer.name, self.seq, self.edge.root()), self.signer)
        self.db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (1, self.seq, note.write()))

    def _records(self, day: date) -> Iterator[Raw]:
        """The day's records with the numbers that they get in this log."""
        yield from self.site.day(day)

    def _put(self, raw: Raw) -> None:
        self.seq += 1
        raw.seq, self.at = self.seq, max(self.at, raw.at)
        for key, other in raw.refs:
            raw.data[key] = other.seq
        body = chain.canonical(
            {
                "id": f"{CHAIN}-{self.seq}",
                "time": utc(self.at),
                "type": str(raw.type),
                "subject": raw.subject,
                "data": raw.data,
            }
        )
        encoded = body.encode()
        self.prev = chain.link(self.prev, self.seq, chain.digest_of(body))
        self.db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (self.seq, body, self.prev))
        for tile in self.edge.add(leaf_hash(encoded)):
            self.db.execute(
                "INSERT INTO tiles VALUES (?, ?, ?, ?, ?)", (1, *tile, complete(tile[2]))
            )
