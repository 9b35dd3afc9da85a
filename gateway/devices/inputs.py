"""Digital inputs as the gateway sees them: door contacts, request to exit, the fire panel.

A serial board is asked again and again, and is offline when it does not answer.  The box's own
GPIO lines report by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence

from drivers import base, registry
from drivers.base import InputState, LinkChange
from drivers.registry import Factory
from drivers.serialport import PortClosed, SerialPort
from gateway.config import InputTable
from gateway.devices.listeners import Listeners
from gateway.devices.ports import OnDevice, open_port

SILENT_S = 1.0
RETRY_S = 1.0


class Inputs(Listeners):
    """A device with inputs.  Those who listen get `InputState` and `LinkChange` events."""

    def __init__(self, name: str, on_device: OnDevice) -> None:
        super().__init__(name)
        self._on_device = on_device
        self._told: LinkChange | None = None

    def _tell(self, states: Sequence[InputState]) -> None:
        now = time.monotonic()
        for state in states:
            self.report(state, now)

    def _link(self, online: bool, detail: str) -> None:
        change = LinkChange(online, detail)
        if self._told == change:
            return
        self._told = change
        self.report(change, time.monotonic())
        self._on_device("inputs", self.name, online, detail)


class SerialInputs(Inputs):
    """A board on a serial port.  Its driver is made anew each time the port opens: half an answer
    from before a replug is gone with the old one."""

    def __init__(self, name: str, table: InputTable, factory: Factory, on_device: OnDevice) -> None:
        super().__init__(name, on_device)
        self._factory = factory
        self._options = table.options
        self._driver: base.InputBoard = factory.make(table.options)
        self._opened_at = 0.0
        self.port: SerialPort = open_port(
            table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state, tick_s=0.02
        )

    @property
    def progress_at(self) -> float:
        """A monotonic mark (seconds) that moves while `run` works, for the watchdog."""
        return self.port.progress_at

    async def run(self) -> None:
        """Keep the port open for ever."""
        await self.port.run()

    def _bytes(self, data: bytes, now: float) -> None:
        states = self._driver.feed(data, now)
        if states:
            self._link(True, "")
            self._tell(states)

    def _tick(self, now: float) -> None:
        question = self._driver.poll(now)
        if question:
            try:
                self.port.write(question)
            except PortClosed:
                return
        if now - max(self._opened_at, self._driver.heard_at or 0.0) > SILENT_S:
            self._link(False, "no answer")

    def _state(self, online: bool, detail: str) -> None:
        self._opened_at = time.monotonic()
        if online:
            self._driver = self._factory.make(self._options)
        else:
            self._link(False, detail)


class LocalInputs(Inputs):
    """Inputs of the box itself; opened again when they fail."""

    def __init__(self, name: str, driver: base.InputLines, on_device: OnDevice) -> None:
        super().__init__(name, on_device)
        self._driver = driver
        self.progress_at = time.monotonic()

    async def run(self) -> None:
        """Watch the lines for ever."""
        while True:
            self.progress_at = time.monotonic()
            try:
                await self._watch(self._driver.open())
            except OSError as error:
                self._link(False, os.strerror(error.errno) if error.errno else str(error))
            finally:
                self._driver.close()
            await asyncio.sleep(RETRY_S)

    async def _watch(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        loop.add_reader(fd, changed.set)
        try:
            self._link(True, "")
            self._tell(self._driver.states())
            while True:
                self.progress_at = time.monotonic()
                try:
                    async with asyncio.timeout(RETRY_S):
                        await changed.wait()
                except TimeoutError:
                    continue
                changed.clear()
                # The loop can wake us once more after everything was read.
                with contextlib.suppress(BlockingIOError):
                    self._tell(self._driver.read())
        finally:
            loop.remove_reader(fd)


InputDevice = SerialInputs | LocalInputs


def make_inputs(name: str, table: InputTable, on_device: OnDevice) -> InputDevice:
    """The device behind an [inputs] table; the driver's class says which of the two it is."""
    factory = registry.load("inputs", table.driver)
    if factory.needs_port:
        return SerialInputs(name, table, factory, on_device)
    return LocalInputs(name, factory.make(table.options), on_device)
