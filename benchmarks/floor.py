"""The floor of this machine at this moment: what the smallest program takes that does the job.

`benchmarks/bare.py` is that program.  It is measured beside whatever else is measured, in the same
run, because the machine and its disk are seldom alone: a figure divided by the floor says more than
its milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from benchmarks.figures import percentile
from drivers.readers.rdm6300 import encode
from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard

ANA = 1001
RATE_S = 0.05
TAPS = 40


async def tap_times(
    reader: VirtualRdm6300, board: VirtualRelayBoard, count: int, number: int = ANA
) -> list[float]:
    """Show a badge `count` times, 20 a second; the time (ms) of each to the relay's frame."""
    took = []
    frame = encode(b"\x12" + number.to_bytes(4, "big"))
    for _ in range(count):
        seen = len(board.log)
        begun = time.monotonic()
        reader.send(frame)
        at = await board.energised(seen, timeout_s=5)
        took.append((at - begun) * 1000)
        await asyncio.sleep(max(0.0, RATE_S - (time.monotonic() - begun)))
    return took


async def burst(reader: VirtualRdm6300, board: VirtualRelayBoard, count: int) -> tuple[float, int]:
    """Show all badges at once; returns the seconds until the last relay frame, and their number."""
    seen = len(board.log)
    frame = encode(b"\x12" + ANA.to_bytes(4, "big"))
    begun = time.monotonic()
    await reader.send_all(frame * count)
    last, answered = begun, 0
    while answered < count and time.monotonic() - begun < 20:
        await asyncio.sleep(0.01)
        on = [switch for switch in board.log[seen:] if switch.on]
        answered, last = len(on), on[-1].at if on else begun
    return last - begun, answered


class BareGate:
    """benchmarks/bare.py on a reader and a board of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.reader = VirtualRdm6300(folder / "reader")
        self.board = VirtualRelayBoard(folder / "board")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @classmethod
    async def start(cls, folder: Path) -> BareGate:
        gate = cls(folder)
        paths = [str(folder / name) for name in ("reader", "board", ".")]
        gate._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.bare", *paths, stdout=asyncio.subprocess.PIPE
        )
        assert gate._process.stdout is not None
        await gate._process.stdout.readline()
        return gate

    async def taps(self, count: int) -> list[float]:
        return await tap_times(self.reader, self.board, count)

    async def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self.reader.close()
        self.board.close()


async def floor_ms(folder: Path) -> float:
    """Badge to relay of the bare gate now, the median of `TAPS` (ms)."""
    gate = await BareGate.start(folder)
    try:
        await gate.taps(5)
        return percentile(await gate.taps(TAPS), 0.5)
    finally:
        await gate.stop()
