"""Boards of digital inputs: door contacts, request to exit, the fire panel.

A serial board is asked again and again and is offline when it does not answer; the box's own
GPIO lines tell by themselves.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from drivers import registry
from drivers.base import InputState
from drivers.serialport import PortClosed, SerialPort
from gateway.config import InputTable
from gateway.devices.ports import OnDevice, open_port

SILENT_S = 1.0
RETRY_S = 1.0


class Inputs:
    """Who wants to know of which input, and of the device itself."""

    def __init__(self, name: str, on_device: OnDevice) -> None:
        self.name = name
        self._on_device = on_device
        self._on_input: dict[int, list[Callable[[bool], None]]] = {}
        self._on_link: list[Callable[[bool, str], None]] = []
        self._told: tuple[bool, str] | None = None

    def on_input(self, number: int, callback: Callable[[bool], None]) -> None:
        """`callback` gets whether the circuit of input `number` (from 1) is closed."""
        self._on_input.setdefault(number, []).append(callback)

    def on_link(self, callback: Callable[[bool, str], None]) -> None:
        """`callback` gets whether the device is there, at each change, and why not."""
        self._on_link.append(callback)

    def _tell(self, states: Sequence[InputState]) -> None:
        for state in states:
            for told in self._on_input.get(state.number, ()):
                told(state.active)

    def _link(self, online: bool, detail: str) -> None:
        if self._told == (online, detail):
            return
        self._told = (online, detail)
        for link in self._on_link:
            link(online, detail)
        self._on_device("inputs", self.name, online, detail)


class InputBoard(Inputs):
    """A board on a serial port."""

    def __init__(self, name: str, table: InputTable, on_device: OnDevice) -> None:
        super().__init__(name, on_device)
        self._driver = registry.load("inputs", table.driver).make(table.options)
        self._opened_at = 0.0
        self.port: SerialPort = open_port(
            table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state, tick_s=0.02
        )

    @property
    def progress_at(self) -> float:
        return self.port.progress_at

    async def run(self) -> None:
        await self.port.run()

    def _bytes(self, data: bytes, now: float) -> None:
        states: Sequence[InputState] = self._driver.feed(data, now)
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
        if not online:
            self._link(False, detail)


class GpioLines(Inputs):
    """GPIO lines of the box; opened again if they fail."""

    def __init__(self, name: str, table: InputTable, on_device: OnDevice) -> None:
        super().__init__(name, on_device)
        self._driver: Any = registry.load("inputs", table.driver).make(table.options)
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
                self._tell(self._driver.read())
        finally:
            loop.remove_reader(fd)


def make_inputs(name: str, table: InputTable, on_device: OnDevice) -> InputBoard | GpioLines:
    """The device behind an [inputs] table: one with a port is a board, one without is GPIO."""
    return (InputBoard if table.port else GpioLines)(name, table, on_device)
