"""Our control panel on a descriptor, driven by a plain loop: no gateway around it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from drivers.readers.osdp import OsdpBus, ReaderSession
from drivers.readers.osdp.cards import CardDecoder


class Panel:
    """`events` holds what was told, as (time, address, event)."""

    def __init__(self, fd: int, *sessions: ReaderSession, baudrate: int = 115200) -> None:
        self.bus = OsdpBus({s.address: s for s in sessions}, baudrate)
        self.events: list[tuple[float, int, Any]] = []
        self.wrote = bytearray()
        self.heard = bytearray()
        self.noise: Callable[[bytes], bytes] = lambda data: data
        self._fd = fd

    def turn(self) -> None:
        now = time.monotonic()
        try:
            data = self.noise(os.read(self._fd, 4096))
        except BlockingIOError:
            data = b""
        self.heard += data
        events = self.bus.feed(data, now) if data else []
        step = self.bus.step(now)
        if step.send:
            self.wrote += step.send
            os.write(self._fd, step.send)
        self.events += [(now, e.address, e.event) for e in events + step.events]

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()
            time.sleep(0.0003)

    def until(self, kind: type, timeout_s: float = 5.0, *, since: int = 0, **want: Any) -> float:
        """Run until an event of `kind` with these values was told; when that was."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for at, _, event in self.events[since:]:
                if isinstance(event, kind) and all(
                    getattr(event, key) == value for key, value in want.items()
                ):
                    return at
            self.turn()
            time.sleep(0.0003)
        raise AssertionError(f"no {kind.__name__} {want}; there were {self.events[since:]}")

    def of(self, kind: type) -> list[Any]:
        return [event for _, _, event in self.events if isinstance(event, kind)]


def session(address: int = 1, *keys: bytes, **options: Any) -> ReaderSession:
    return ReaderSession(address, CardDecoder(["h10301"]), keys=keys, **options)
