"""The ledger when it is empty and when it holds a million events."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import percentile, say, spread
from benchmarks.latency import PEOPLE, ready_in, taps
from demo.rig import Rig
from gateway.ledger import Ledger, LedgerReader, chain
from gateway.ledger.event import NewEvent

MILLION = 1_000_000
EVENT = NewEvent(
    "access.granted",
    "yard",
    {
        "door": "yard",
        "reader": "yard-in",
        "reason": "granted",
        "rule": "plant/always",
        "person": {"id": "e1", "name": "Ana", "company": "Acme"},
        "took_ms": 0.7,
    },
)


def fill(path: Path, count: int) -> None:
    """Write a valid ledger of `count` events, without the writer, to save time."""
    Ledger.open(path, gateway="demo-gate").close()
    first = LedgerReader(path).after(0, 1)[0]
    name, prev = str(first.data["chain"]), bytes.fromhex(first.hash)
    now = datetime.now(UTC)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    for seq in range(2, count + 1):
        body = chain.body_of(EVENT, f"{name}-{seq}", now)
        prev = chain.link(prev, seq, chain.digest_of(body))
        db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq, body, prev))
    db.execute("COMMIT")
    db.close()


async def appends(ledger: Ledger, count: int, pause_s: float) -> list[float]:
    """Milliseconds of single appends from asyncio, `pause_s` apart."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        await ledger.append(EVENT)
        took.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(pause_s)
    return took


async def throughput(ledger: Ledger, count: int) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(ledger.append_soon(EVENT) for _ in range(count)))
    return count / (time.perf_counter() - begun)


async def run(folder: Path) -> None:
    small = Ledger.open(folder / "small.db", gateway="g")
    path = folder / "gate" / "data" / "ledger.db"
    path.parent.mkdir(parents=True)
    fill(path, MILLION)
    begun = time.perf_counter()
    large = Ledger.open(path, gateway="g")
    opened = (time.perf_counter() - begun) * 1000
    # In turns, so that both see the same noise of the machine.
    few: list[float] = []
    many: list[float] = []
    for _ in range(6):
        few += await appends(small, 100, 0.02)
        many += await appends(large, 100, 0.02)
    say("append when empty, 50/s (ms)", spread(few))
    say("append after 1 million events, 50/s (ms)", spread(many))
    ratio = percentile(many, 0.5) / percentile(few, 0.5)
    say("  ratio of the medians", f"{ratio:.2f}", "1.20")
    rates = [(await throughput(small, 5000), await throughput(large, 5000)) for _ in range(3)]
    say(
        "appends together, empty / million (events/s)",
        f"{max(a for a, _ in rates):.0f} / {max(b for _, b in rates):.0f}",
    )
    say("open a ledger of 1 million (ms)", f"{opened:.1f}")
    small.close()
    large.close()

    rig = Rig(folder / "gate", pulse_s=30.0)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    fresh = Rig(folder / "fresh", pulse_s=30.0)
    await fresh.acli("people", "sync", str(fresh.write_people(PEOPLE)), "--apply")
    empty, full = [], []
    for _ in range(5):
        for gate, times in ((fresh, empty), (rig, full)):
            times.append(await ready_in(gate))
            await gate.stop_daemon()
    medians = (percentile(empty, 0.5), percentile(full, 0.5))
    say(
        "start to ready, empty / million (s)",
        f"{medians[0]:.2f} / {medians[1]:.2f}",
        "2 s, ratio 1.20",
    )
    say("  ratio of the medians", f"{medians[1] / medians[0]:.2f}", "1.20")
    await rig.start()
    await taps(rig, 20)
    say(
        "badge to relay after 1 million events (ms)",
        spread(await taps(rig, 400)),
        "median 1.5 ms, p99 3 ms",
    )
    await rig.stop()
    await fresh.stop()
    begun = time.perf_counter()
    report = LedgerReader(path).verify()
    assert report.ok
    say("verify", f"{report.count} events in {time.perf_counter() - begun:.1f} s")
