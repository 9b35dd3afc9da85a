"""What a reader reads, for the installer who stands before it: `garita reader watch`.

A badge's number is its secret.  It is held in memory only, while somebody asks and for a few
seconds longer, and goes to nobody but the control socket.  The doors work as usual meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from drivers.base import CardRead, Keys, Reading
from gateway.daemon.control import Refused
from gateway.daemon.wiring import Plant
from gateway.decide.model import Credential
from gateway.locale import worded

LEASE_S = 15.0  # readings are held for so long after the last question
LONGEST_WAIT_S = 5.0
KEPT = 200


class Watching:
    """The readings of each reader of `plant` that somebody watches."""

    def __init__(self, plant: Plant) -> None:
        self._watched: dict[str, _Watched] = {}
        for device in (*plant.readers, *plant.bus_readers().values()):
            watched = self._watched[device.name] = _Watched()
            device.listen_readings(watched.take)

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The readings of `reader` since number `after`, or since now without one.  Waits up to
        `wait_s` seconds for the first.  `next` is the number to ask with next."""
        watched = self._watched.get(str(request["reader"]))
        if watched is None:
            raise Refused(worded("no door has the reader {name}", name=str(request["reader"])))
        after = request.get("after")
        wait_s = min(LONGEST_WAIT_S, max(0.0, float(request.get("wait_s", 0))))
        return await watched.since(None if after is None else int(after), wait_s)


class _Watched:
    """The readings of one reader."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT)
        self._next = 0
        self._news = asyncio.Event()
        self._end: asyncio.TimerHandle | None = None  # None: nobody watches, nothing is held

    def take(self, reading: Reading, now: float) -> None:
        if self._end is not None:
            self._held.append((self._next, {"at": time.time(), **about(reading)}))
            self._next += 1
            self._news.set()

    async def since(self, after: int | None, wait_s: float) -> dict[str, Any]:
        self._extend()
        if after is not None and after >= self._next:
            self._news.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._extend()
        found = [] if after is None else [about for number, about in self._held if number >= after]
        return {"readings": found, "next": self._next}

    def _extend(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(LEASE_S, self._forget)

    def _forget(self) -> None:
        self._end = None
        self._held.clear()


def about(reading: Reading) -> dict[str, Any]:
    """A reading as JSON values: `card` as it goes into the list, how many `keys`, or why it is
    `bad`."""
    if isinstance(reading, CardRead):
        return {"card": Credential(reading.format, reading.facility, reading.number).key}
    if isinstance(reading, Keys):
        return {"keys": len(reading.pressed)}
    return {"bad": reading.reason.value}
