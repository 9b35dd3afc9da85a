"""The verified copy of a list of a quarter of a million people, and what a badge feels of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

from benchmarks import roster
from benchmarks.figures import say, spread
from benchmarks.latency import taps
from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.people.listcopy import ListCopy

TICK_S = 0.001
BADGE = 200_001


async def run(folder: Path) -> None:
    rig = Rig(folder, pulse_s=30.0)
    await rig.acli("people", "sync", "--apply", str(roster.write(folder / "people.csv")))
    await rig.start()
    await made(rig, "")
    say(
        "people.db of 250,000 people, 4 requirements each (MB)",
        f"{rig.people_path.stat().st_size / 1e6:.0f}",
    )
    await taps(rig, 20, BADGE)
    quiet = await taps(rig, 300, BADGE)
    await rig.stop_daemon()
    await rig.acli(
        "people", "sync", "--apply", "--delta", str(roster.write_delta(folder / "d.csv", "Fitter"))
    )
    before = copy_of(rig)
    await rig.start()  # the list is another one than the copy's, so a copy is made at once
    begun, during = time.monotonic(), list[float]()
    while copy_of(rig) == before:
        during += await taps(rig, 10, BADGE)
    say(
        "the copy, from the start of the gateway to the end (s, a badge every 50 ms)",
        f"{time.monotonic() - begun:.1f}",
    )
    say("badge to relay, no copy (ms)", spread(quiet))
    say("badge to relay, while it is copied (ms)", spread(during))
    await rig.stop_daemon()
    await held_up(rig)
    await rig.stop()


def copy_of(rig: Rig) -> str:
    """The name of the copy that counts; it changes with each copy."""
    copy = ListCopy(rig.people_path).about()
    return copy.file if copy is not None else ""


async def made(rig: Rig, before: str) -> None:
    """Wait for another copy than `before`."""
    while copy_of(rig) == before:
        await asyncio.sleep(0.05)


async def held_up(rig: Rig) -> None:
    """An event loop that does nothing but tick, in one process with the thread that copies."""
    copies = ListCopy(rig.people_path)

    def work() -> float:
        begun = time.monotonic()
        with closing(LedgerReader(rig.ledger_path)) as records:
            copy = copies.make(records, time.time())
        say("  its size (MB)", f"{copy.bytes / 1e6:.0f}")
        return time.monotonic() - begun

    idle = await late(asyncio.create_task(asyncio.sleep(5.0)))
    task = asyncio.create_task(asyncio.to_thread(work))
    busy = await late(task)
    say("a copy alone (s)", f"{task.result():.1f}")
    say("a tick of the loop comes late, no copy (ms)", spread(idle))
    say("a tick of the loop comes late, while it is copied (ms)", spread(busy))


async def late(until: asyncio.Task[object]) -> list[float]:
    """How much later than TICK_S each tick came (ms), until `until` is done."""
    found: list[float] = []
    while not until.done():
        begun = time.perf_counter()
        await asyncio.sleep(TICK_S)
        found.append((time.perf_counter() - begun - TICK_S) * 1000)
    return found
