"""A badge reader on a serial port of its own, as the gateway sees it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from drivers import registry
from drivers.base import ReaderDriver, Reading
from gateway.config import ReaderTable
from gateway.devices.listeners import Listeners
from gateway.devices.ports import OnDevice, open_port


class ReaderPort(Listeners):
    """A badge reader on its serial port.  Those who listen get its readings.

    The driver is made anew each time the port opens: half a card from before a replug is gone with
    the old one.
    """

    def __init__(self, name: str, table: ReaderTable, on_device: OnDevice) -> None:
        super().__init__(name)
        self._factory = registry.load("readers", table.driver)
        self._options = table.options
        self._driver: ReaderDriver = self._factory.make(table.options)
        self._on_device = on_device
        self.port = open_port(table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state)

    def _bytes(self, data: bytes, now: float) -> None:
        self._report(self._driver.feed(data, now), now)

    def _tick(self, now: float) -> None:
        self._report(self._driver.tick(now), now)

    def _state(self, online: bool, detail: str) -> None:
        if online:
            self._driver = self._factory.make(self._options)
            self._tick(time.monotonic())
        self._on_device("reader", self.name, online, detail)

    def _report(self, readings: Sequence[Reading], now: float) -> None:
        for reading in readings:
            self.report(reading, now)
