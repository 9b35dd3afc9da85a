"""What comes from a serial port while somebody holds a badge to what is attached there.

The bytes go to each driver for readers that speak by themselves, and the one that makes a card of
them is the reader's.  Bytes of which none makes a card are a wrong speed, most of the time: the
port is opened with the next speed, and the badge has to be held again.  What a badge says is held
in memory only, and goes to nobody but who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers import registry
from drivers.base import CardRead, ReaderDriver, Reading
from drivers.serialport import SerialPort
from gateway.decide.model import Credential

SPEEDS = (9600, 115200, 19200, 38400, 57600, 4800)
DRIVERS = ("rdm6300", "line")  # in this order where both make a card of the bytes
BURST_S = 0.6  # after so much silence what was heard is a whole badge, or none


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known now.  `card` is as it goes into the list, and `driver` the one that read it,
    both "" before the first badge.  `why` says why the port is not open.  `unknown` counts the
    times that something came which is not a card, at whatever speed."""

    open: bool = False
    why: str = ""
    baudrate: int = SPEEDS[0]
    driver: str = ""
    card: str = ""
    cards: int = 0
    unknown: int = 0


class Listening:
    """Listens at `path` from `start` to `stop`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._speed = 0
        self._drivers: dict[str, ReaderDriver] = {}
        self._port: SerialPort | None = None
        self._task: asyncio.Task[None] | None = None
        self._next = asyncio.Event()
        self._open, self._why = False, ""
        self._driver = self._card = ""
        self._cards = self._unknown = 0
        self._bytes, self._at, self._read = 0, 0.0, False  # of the present burst

    def start(self) -> None:
        """Open the port and listen, in the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Close the port, and forget what was read."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._open, self._card = False, ""

    def heard(self) -> Heard:
        """What came so far."""
        return Heard(
            open=self._open,
            why=self._why,
            baudrate=SPEEDS[self._speed],
            driver=self._driver,
            card=self._card,
            cards=self._cards,
            unknown=self._unknown,
        )

    async def _run(self) -> None:
        while True:
            self._next.clear()
            self._drivers = {name: _made(name) for name in DRIVERS}
            self._bytes, self._read = 0, False
            port = SerialPort(
                self.path,
                baudrate=SPEEDS[self._speed],
                on_bytes=self._take,
                on_tick=self._tick,
                on_state=self._state,
            )
            running = asyncio.create_task(port.run())
            try:
                await self._next.wait()
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
            self._open = False
            self._speed = (self._speed + 1) % len(SPEEDS)

    def _state(self, online: bool, detail: str) -> None:
        self._open, self._why = online, "" if online else detail
        if online:
            self._tick(time.monotonic())

    def _take(self, data: bytes, now: float) -> None:
        self._bytes, self._at = self._bytes + len(data), now
        for name, driver in self._drivers.items():
            self._judge(name, driver.feed(data, now), now)

    def _tick(self, now: float) -> None:
        for name, driver in self._drivers.items():
            self._judge(name, driver.tick(now), now)
        if self._bytes and now - self._at >= BURST_S:
            read, self._bytes, self._read = self._read, 0, False
            if not read:
                self._unknown += 1
                if not self._card:
                    self._next.set()

    def _judge(self, name: str, readings: Sequence[Reading], now: float) -> None:
        for reading in readings:
            if not isinstance(reading, CardRead) or self._driver not in ("", name):
                continue
            key = Credential(reading.format, reading.facility, reading.number).key
            if not self._read or key != self._card:  # a badge that is held is sent again and again
                self._cards += 1
            self._read, self._driver, self._card = True, name, key


async def hear(
    paths: Sequence[str], until: Callable[[list[Heard]], bool]
) -> tuple[str, Heard] | None:
    """Listen at several ports at once until a badge is held to one: its path and what was heard.
    `until` sees what is known, ten times a second, in the order of `paths`; if it says so, the
    listening ends with None."""
    listeners = [Listening(path) for path in paths]
    try:
        for one in listeners:
            one.start()
        while True:
            heard = [one.heard() for one in listeners]
            for path, found in zip(paths, heard, strict=True):
                if found.card:
                    return path, found
            if until(heard):
                return None
            await asyncio.sleep(0.1)
    finally:
        for one in listeners:
            await one.stop()


def _made(name: str) -> ReaderDriver:
    driver: ReaderDriver = registry.load("readers", name).make({"hold_off_s": 0})
    return driver
