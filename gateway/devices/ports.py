"""A serial port as the configuration describes it, and how a device reports that it is there."""

from __future__ import annotations

from collections.abc import Callable

from drivers.serialport import SerialPort
from gateway.config import PortTable

OnDevice = Callable[[str, str, bool, str], None]
"""Called with kind, name, online and detail when a device comes online, goes offline, or the reason
changes."""


def open_port(
    table: PortTable,
    *,
    on_bytes: Callable[[bytes, float], None],
    on_tick: Callable[[float], None],
    on_state: Callable[[bool, str], None],
    tick_s: float = 0.1,
) -> SerialPort:
    return SerialPort(
        table.port,
        baudrate=table.baudrate,
        parity=table.parity,
        rs485=table.rs485,
        on_bytes=on_bytes,
        on_tick=on_tick,
        on_state=on_state,
        tick_s=tick_s,
    )
