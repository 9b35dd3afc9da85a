"""A virtual LCUS relay board: understands the frames and keeps what each relay did, when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

from drivers.locks.lcus import START
from drivers.simulated.port import VirtualPort


class Switched(NamedTuple):
    """A frame that arrived: monotonic time (s), relay, and whether it was energised."""

    at: float
    channel: int
    on: bool


class VirtualRelayBoard(VirtualPort):
    """`log` holds every frame in order, `state` each relay as it is now."""

    def __init__(self, path: Path) -> None:
        self.state: dict[int, bool] = {}
        self.log: list[Switched] = []
        self.bad = 0
        self._buffer = bytearray()
        self._changed = asyncio.Event()
        super().__init__(path)

    def received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        while len(self._buffer) >= 4:
            frame = bytes(self._buffer[:4])
            if frame[0] != START or sum(frame[:3]) & 0xFF != frame[3] or frame[2] > 1:
                del self._buffer[0]
                self.bad += 1
                continue
            del self._buffer[:4]
            self.state[frame[1]] = bool(frame[2])
            self.log.append(Switched(now, frame[1], bool(frame[2])))
            self._changed.set()

    async def energised(self, since: int, timeout_s: float = 5.0) -> float:
        """Monotonic time of the first frame after log entry `since` that energises a relay."""
        async with asyncio.timeout(timeout_s):
            while not any(switch.on for switch in self.log[since:]):
                self._changed.clear()
                await self._changed.wait()
        return next(switch.at for switch in self.log[since:] if switch.on)

    async def wait_for(self, channel: int, on: bool, timeout_s: float = 5.0) -> None:
        """Wait until a relay is in a state; TimeoutError if it does not get there."""
        async with asyncio.timeout(timeout_s):
            while self.state.get(channel) is not on:
                self._changed.clear()
                await self._changed.wait()
