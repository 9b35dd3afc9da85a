"""A badge reader on a serial port of its own, as the gateway sees it."""

from __future__ import annotations

from collections.abc import Callable

from drivers import registry
from drivers.base import ReaderDriver, Reading
from gateway.config import ReaderTable
from gateway.devices.ports import OnDevice, open_port

OnReading = Callable[[Reading, float], None]


class ReaderPort:
    """A badge reader on its serial port."""

    def __init__(
        self, name: str, table: ReaderTable, on_reading: OnReading, on_device: OnDevice
    ) -> None:
        self.name = name
        self._driver: ReaderDriver = registry.load("readers", table.driver).make(table.options)
        self._on_reading = on_reading
        self.port = open_port(
            table,
            on_bytes=self._bytes,
            on_tick=self._tick,
            on_state=lambda online, detail: on_device("reader", name, online, detail),
        )

    def _bytes(self, data: bytes, now: float) -> None:
        for reading in self._driver.feed(data, now):
            self._on_reading(reading, now)

    def _tick(self, now: float) -> None:
        for reading in self._driver.tick(now):
            self._on_reading(reading, now)
