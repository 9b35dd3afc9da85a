"""Badge bytes to relay bytes, over ptys, with the record on disk in between."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import time
from pathlib import Path

from benchmarks.figures import percentile, resident_mb, say, spread
from demo.rig import Rig
from drivers.readers.rdm6300 import encode

ANA = 1001
PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
GOAL = "median 1.5 ms, p99 3 ms"
RATE_S = 0.05


async def started(folder: Path, *, mqtt: str = "", people: bool = True) -> Rig:
    """A gate with badge doors and a daemon that serves."""
    rig = Rig(folder, pulse_s=30.0, mqtt=mqtt)
    if people:
        await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    return rig


async def taps(rig: Rig, count: int, number: int = ANA) -> list[float]:
    """Badges at 20 a second; the time (ms) from each write to the relay's frame."""
    took = []
    frame = encode(b"\x12" + number.to_bytes(4, "big"))
    for _ in range(count):
        seen = len(rig.board.log)
        begun = time.monotonic()
        rig.yard_reader.send(frame)
        at = await rig.board.energised(seen, timeout_s=5)
        took.append((at - begun) * 1000)
        await asyncio.sleep(max(0.0, RATE_S - (time.monotonic() - begun)))
    return took


async def burst(rig: Rig, count: int) -> tuple[float, int]:
    """All badges at once; seconds until the last relay frame, and how many there were."""
    seen = len(rig.board.log)
    frame = encode(b"\x12" + ANA.to_bytes(4, "big"))
    begun = time.monotonic()
    await rig.yard_reader.send_all(frame * count)
    last, answered = begun, 0
    while answered < count and time.monotonic() - begun < 20:
        await asyncio.sleep(0.01)
        on = [switch for switch in rig.board.log[seen:] if switch.on]
        answered, last = len(on), on[-1].at if on else begun
    return last - begun, answered


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
    rig = await started(folder)
    await taps(rig, 20)
    bare, ours = BareCommits(folder / "bare.db"), []
    for _ in range(10):  # in turns: the disk of a shared machine has moods
        ours += await taps(rig, 100)
        bare.measure(50)
    say("badge to relay, 20 badges/s (ms)", spread(ours), GOAL)
    say("  a bare SQLite commit at that rate, same run (ms)", spread(bare.took))
    seconds, answered = await burst(rig, 500)
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
