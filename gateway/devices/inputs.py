"""Boards of digital inputs: door contacts, request to exit, the fire panel.

A serial board is asked again and again and is offline when it does not answer; GPIO lines of
the box tell by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers import registry
from drivers.base import InputState
from drivers.serialport import PortClosed
from gateway.config import InputTable
from gateway.devices.ports import OnDevice, open_port

SILENT_S = 1.0


class InputBoard:
    """One board; `on_input` and `on_link` say who wants to know."""

    def __init__(self, name: str, table: InputTable, on_device: OnDevice) -> None:
        self.name = name
        self._on_device = on_device
        self._on_input: dict[int, list[Callable[[bool], None]]] = {}
        self._on_link: list[Callable[[bool, str], None]] = []
        self._online = False
        self._told: tuple[bool, str] | None = None
        self._driver = registry.load("inputs", table.driver).make(table.options)
        self._opened_at = 0.0
        self.port = open_port(
            table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state, tick_s=0.02
        )

    def on_input(self, number: int, callback: Callable[[bool], None]) -> None:
        """`callback` gets whether the circuit of input `number` (from 1) is closed."""
        self._on_input.setdefault(number, []).append(callback)

    def on_link(self, callback: Callable[[bool, str], None]) -> None:
        self._on_link.append(callback)

    def _bytes(self, data: bytes, now: float) -> None:
        states: Sequence[InputState] = self._driver.feed(data, now)
        if states:
            self._link(True, "")
        for state in states:
            for told in self._on_input.get(state.number, ()):
                told(state.active)

    def _tick(self, now: float) -> None:
        question = self._driver.poll(now)
        if question:
            try:
                self.port.write(question)
            except PortClosed:
                return
        heard = self._driver.heard_at
        if now - max(self._opened_at, heard if heard is not None else 0.0) > SILENT_S:
            self._link(False, "no answer")

    def _state(self, online: bool, detail: str) -> None:
        if not online:
            self._link(False, detail)

    def _link(self, online: bool, detail: str) -> None:
        if self._told == (online, detail):
            return
        self._told = (online, detail)
        for link in self._on_link:
            link(online, detail)
        self._on_device("inputs", self.name, online, detail)
