"""A year of the log: what stays in ledger.db, what goes into archives, and what proofs then take.

``GARITA_YEAR=365 make bench ARGS=archive`` is the long form: 365 days of 20,000 records are 7.3
million.  Without it ten days are run.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import percentile, say, spread
from benchmarks.ledger import MILLION, appends, fill
from gateway.ledger import Ledger, LedgerReader, apart, archiver, archives, chain
from gateway.ledger.event import NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.pen import PRUNED, Head
from gateway.ledger.tree import LedgerTree
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.merkle import leaf_hash
from gateway.proof.note import Note, Signer
from gateway.proof.tiles import Edge, complete

A_DAY = 20_000
SIGNED_EVERY = 200
KEEP_DAYS = 90
ABOVE_MB = 1000
PRIVATE = Ed25519PrivateKey.generate()
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _body(rng: random.Random, event_id: str, time: str) -> str:
    """The body of a badge's record, as the gate writes it: about 0.6 KB."""
    number = rng.randrange(1500)
    return _FORM % (
        (number + 1) * 0x9E3779B97F4A7C15 % 2**64,
        number % 1000,
        rng.random(),
        "in" if number & 1 else "out",
        0.2 + rng.random() / 4,
        number % 9,
        number,
        number,
        "in" if number & 1 else "out",
        0.4 + rng.random() * 900,
        event_id,
        time,
    )


_FORM = chain.canonical(
    {
        "data": {
            "area": "plant",
            "criteria": {"ctpat-msc-2020": ["10.1", "10.2"]},
            "credential": {
                "fingerprint": "%016x",
                "format": "H10301",
                "masked": "**%03d",
            },
            "decision_ms": "%.3f",
            "direction": "%s",
            "door": "main",
            "face": {"distance": "%.4f", "nearest_other": 0.61},
            "list_version": 12,
            "person": {"company": "Acme %d", "id": "e%d", "name": "Name %d"},
            "policy_version": "2026-01",
            "reader": "main-%s",
            "reason": "granted",
            "rule": "plant/always",
            "took_ms": "%.1f",
        },
        "id": "%s",
        "subject": "main",
        "time": "%s",
        "type": "access.granted",
    }
)


class Year:
    """A log that grows by days, written without the writer to save time: the records, the tree and
    the checkpoints are those that it would write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        ledger = Ledger.open(path, gateway="gate-1")
        self.chain = ledger.chain
        ledger.close()
        first = LedgerReader(path).after(0, 1)[0]
        self.seq, self.prev = 1, bytes.fromhex(first.hash)
        self.edge = Edge()
        self._rng = random.Random(7)
        self.signer = Signer(f"garita/gate-1/{self.chain}", PRIVATE)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("PRAGMA secure_delete = ON")
        body = self.db.execute("SELECT body FROM events").fetchone()[0]
        self.edge.add(leaf_hash(body.encode()))

    def day(self, number: int) -> None:
        """Write the records of one day."""
        begin, db = BEGIN + timedelta(days=number), self.db
        db.execute("BEGIN")
        for n in range(A_DAY):
            self.seq += 1
            moment = begin + timedelta(seconds=n * 86400 / A_DAY)
            key = f"{self.chain}-{self.seq}"
            if n % SIGNED_EVERY == SIGNED_EVERY - 1:
                event = NewEvent("ledger.checkpoint", "gate-1", {"key": str(self.signer.key)})
                body = chain.body_of(event, key, moment)
            else:
                body = _body(self._rng, key, chain.utc_text(moment))
            self.prev = chain.link(self.prev, self.seq, chain.digest_of(body))
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (self.seq, body, self.prev))
            for tile in self.edge.add(leaf_hash(body.encode())):
                row = (1, *tile, complete(tile[2]))
                db.execute("INSERT INTO tiles VALUES (?, ?, ?, ?, ?)", row)
            if n % SIGNED_EVERY == SIGNED_EVERY - 1:
                note = sign(Checkpoint(self.signer.name, self.seq, self.edge.root()), self.signer)
                row = (1, self.seq, note.write())
                db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", row)
        db.execute("COMMIT")

    def archive(self, number: int) -> Iterator[float]:
        """Archive what is due on that day; seconds of each archive."""
        before = chain.utc_text(BEGIN + timedelta(days=number - KEEP_DAYS))
        wanted = archiver.Wanted(before, ABOVE_MB)
        while True:
            begun = time.perf_counter()
            made = archiver.next_archive(self.path, wanted)
            if made is None:
                return
            took = time.perf_counter() - begun
            self.db.execute("BEGIN")
            archives.enter(self.db, made)
            while archives.prune(self.db, PRUNED):
                pass
            self.db.execute("COMMIT")
            yield took


def _signed(head: Head) -> Note:
    signer = Signer(f"garita/gate-1/{head.chain}", PRIVATE)
    return sign(Checkpoint(signer.name, head.size, head.root), signer)


class _NoTree(LedgerTree):
    """A log without a tree, to see what the tree costs."""

    def behind(self, last_seq: int) -> bool:
        return False

    def add(self, bodies: Iterable[str]) -> None:
        pass


async def run(folder: Path) -> None:
    """All figures of this theme."""
    await _appends(folder)
    await _take_over(folder)
    await _year(folder)


async def _appends(folder: Path) -> None:
    """What the tree adds to a single append, in turns with a log without one."""
    grown, bare = (Ledger.open(folder / name, gateway="g") for name in ("tree.db", "bare.db"))
    bare._pen._tree = _NoTree(1)
    while await grown.sign(_signed) is None:
        await asyncio.sleep(0.05)
    with_tree, without = list[float](), list[float]()
    for _ in range(8):
        without += await appends(bare, 100, 0.01)
        with_tree += await appends(grown, 100, 0.01)
    say("append without a tree (ms)", spread(without))
    say("append with a tree (ms)", spread(with_tree))
    more = percentile(with_tree, 0.5) - percentile(without, 0.5)
    say("  the tree adds at the median (ms)", f"{more:+.3f}", "0.05")
    grown.close()
    bare.close()


async def _take_over(folder: Path) -> None:
    """A log of before there were trees gets its tree in the background."""
    path = folder / "old.db"
    fill(path, MILLION)
    begun, used = time.perf_counter(), time.process_time()
    ledger = Ledger.open(path, gateway="g")
    while await ledger.sign(_signed) is None:
        await asyncio.sleep(0.2)
    took, cpu = time.perf_counter() - begun, time.process_time() - used
    ledger.close()
    say(f"take-over of {MILLION} records (s)", f"{took:.1f} ({cpu:.1f} of the CPU)", "30 s")


async def _year(folder: Path) -> None:
    days = int(os.environ.get("GARITA_YEAR", "10"))
    path = folder / "year" / "ledger.db"
    path.parent.mkdir()
    year, took, largest = Year(path), list[float](), 0
    for number in range(days):
        year.day(number)
        took += year.archive(number)
        files = (path, Path(f"{path}-wal"))
        largest = max(largest, sum(one.stat().st_size for one in files if one.exists()))
    if days < KEEP_DAYS:  # the short form has no old records
        took += year.archive(days + KEEP_DAYS)
    year.db.close()
    made = archives.registered(path)
    kept = sum(one.bytes for one in made)
    archived = made[-1].last
    say(f"records in {days} days", f"{year.seq}")
    say("  ledger.db at its largest (MB)", f"{largest / 1e6:.0f}")
    say(
        "  archives",
        f"{len(made)} files, {kept / 1e6:.0f} MB, {kept / archived:.0f} bytes a record",
    )
    say("  one archive of 65,536 records (s)", spread(took))
    await _proofs(path, year.seq)
    one = path.parent / archives.FOLDER / made[0].file
    begun = time.perf_counter()
    found = apart.check(one, [year.signer.key])
    assert found.signed and not found.problems
    rate = (found.last - found.first + 1) / (time.perf_counter() - begun)
    say("  verify one archive by itself (events/s)", f"{rate:.0f}")
    begun = time.perf_counter()
    report = LedgerReader(path).verify(keys=[year.signer.key])
    assert report.ok and report.count == report.head_seq
    rate = report.count / (time.perf_counter() - begun)
    say("  verify log and archives together (events/s)", f"{rate:.0f}", "200,000")


async def _proofs(path: Path, last: int) -> None:
    """Proofs, records and checkpoints of the log as it is then; milliseconds."""
    rng = random.Random(3)
    prove, show, check = list[float](), list[float](), list[float]()
    for _ in range(200):
        seq = rng.randrange(1, last)
        begun = time.perf_counter()
        found = Heads(path).prove(seq)
        prove.append((time.perf_counter() - begun) * 1000)
        assert found is not None
        begun = time.perf_counter()
        with closing(LedgerReader(path)) as reader:
            assert reader.get(seq) is not None
        show.append((time.perf_counter() - begun) * 1000)
    begun = time.perf_counter()
    ledger = Ledger.open(path, gateway="gate-1")
    opened = (time.perf_counter() - begun) * 1000
    while await ledger.sign(_signed) is None:
        await asyncio.sleep(0.05)
    for _ in range(100):
        await ledger.append(NewEvent("ledger.checkpoint", "gate-1", {"key": "-"}))
        begun = time.perf_counter()
        await ledger.sign(_signed)
        check.append((time.perf_counter() - begun) * 1000)
    ledger.close()
    say("  proof of one record (ms)", spread(prove), "10 ms")
    say("  one record by its number (ms)", spread(show))
    say("  checkpoint: sign and keep (ms)", spread(check), "5 ms")
    say("  open the log (ms)", f"{opened:.1f}")
