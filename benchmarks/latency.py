"""Badge bytes to relay bytes, over ptys, with the record on disk in between."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import time
from pathlib import Path

from benchmarks.figures import percentile, resident_mb, say, spread
from benchmarks.floor import ANA, RATE_S, BareGate, burst, tap_times
from demo.rig import Rig

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
GOAL = "median 1.5 ms, p99 3 ms"


async def started(folder: Path, *, mqtt: str = "", people: bool = True) -> Rig:
    """A gate with badge doors and a daemon that serves."""
    rig = Rig(folder, pulse_s=30.0, mqtt=mqtt)
    if people:
        await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    return rig


async def taps(rig: Rig, count: int, number: int = ANA) -> list[float]:
    """Badges at the yard door, 20 a second; the time (ms) of each to the relay's frame."""
    return await tap_times(rig.yard_reader, rig.board, count, number)


class BareCommits:
    """One-row transactions in a file of their own (WAL, FULL): the floor under a record."""

    def __init__(self, path: Path) -> None:
        self.took: list[float] = []
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")

    def measure(self, count: int) -> None:
        for _ in range(count):
            begun = time.monotonic()
            self._db.execute("INSERT INTO t (b) VALUES (?)", ("x" * 600,))
            self.took.append((time.monotonic() - begun) * 1000)
            time.sleep(RATE_S)


async def ready_in(rig: Rig) -> float:
    """Seconds from the start of the process to READY=1."""
    path = rig.folder / "notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(30)
        os.environ["NOTIFY_SOCKET"] = str(path)
        try:
            begun = time.monotonic()
            await rig.start(wait=False)
            await asyncio.to_thread(listener.recv, 4096)
            return time.monotonic() - begun
        finally:
            del os.environ["NOTIFY_SOCKET"]


async def run(folder: Path) -> None:
    rig = await started(folder / "gate")
    await taps(rig, 20)
    floor, bare, ours = BareCommits(folder / "bare.db"), await BareGate.start(folder / "bare"), []
    least: list[float] = []
    for _ in range(10):  # in turns, because the disk of a shared machine varies
        ours += await taps(rig, 100)
        least += await bare.taps(50)
        floor.measure(50)
    await bare.stop()
    say("badge to relay, 20 badges/s (ms)", spread(ours), GOAL)
    say("  the least that does the job, same run (ms)", spread(least))
    ratio = percentile(ours, 0.5) / percentile(least, 0.5)
    say("  ratio of the medians", f"{ratio:.2f}")
    say("  a bare SQLite commit, same run (ms)", spread(floor.took))
    seconds, answered = await burst(rig.yard_reader, rig.board, 500)
    say("burst of 500 badges", f"{answered} answered in {seconds:.2f} s", "500")
    await rig.stop_daemon()
    times = []
    for _ in range(5):
        times.append(await ready_in(rig))
        await rig.stop_daemon()
    say("start to ready (s)", f"median {percentile(times, 0.5):.2f}", "2 s")
    await rig.stop()


async def memory(folder: Path) -> None:
    rig = await started(folder, mqtt='host = "127.0.0.1"\nport = 1')
    assert rig.daemon is not None
    await asyncio.sleep(5)
    idle = resident_mb(rig.daemon.pid)
    say("idle memory of the daemon, no cameras (MB)", f"{idle:.0f}", "60 MB")
    await taps(rig, 200)
    say("  after 200 badges (MB)", f"{resident_mb(rig.daemon.pid):.0f}")
    guards = await asyncio.create_subprocess_exec(
        "pgrep", "-P", str(rig.daemon.pid), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await guards.communicate()
    for pid in found.split():
        say("  its dead man, a process of its own (MB)", f"{resident_mb(int(pid)):.0f}")
    await rig.stop()
