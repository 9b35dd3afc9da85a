"""Serial ports over real ptys: ours alone, back after a replug, never late."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import serial

from drivers.serialport import PortClosed, SerialPort
from drivers.simulated.port import VirtualPort

pytestmark = pytest.mark.slow

REPLUG_S = 2.0


class Device(VirtualPort):
    def __init__(self, path: Path) -> None:
        self.got = bytearray()
        super().__init__(path)

    def received(self, data: bytes) -> None:
        self.got += data


class Bench:
    def __init__(self, path: Path) -> None:
        self.device = Device(path)
        self.states: list[tuple[bool, str]] = []
        self.data = bytearray()
        self.port = SerialPort(
            str(path),
            on_bytes=lambda data, now: self.data.extend(data),
            on_state=lambda online, detail: self.states.append((online, detail)),
        )
        self.task = asyncio.create_task(self.port.run())

    async def until(self, condition: object, timeout_s: float = 10.0) -> float:
        started = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while not condition():  # type: ignore[operator]
                await asyncio.sleep(0.002)
        return time.monotonic() - started


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "tty")
    await bench.until(lambda: bench.port.connected)
    yield bench
    bench.task.cancel()
    await asyncio.gather(bench.task, return_exceptions=True)
    assert not bench.port.connected
    bench.device.close()


async def test_bytes_both_ways(bench: Bench) -> None:
    bench.device.send(b"hello")
    await bench.until(lambda: bench.data == b"hello")
    bench.port.write(b"\xa0\x01\x01\xa2")
    await bench.until(lambda: bench.device.got == b"\xa0\x01\x01\xa2")
    assert bench.states == [(True, "")]


async def test_back_within_two_seconds_of_reappearing(bench: Bench) -> None:
    for _ in range(3):
        bench.device.unplug()
        await bench.until(lambda: not bench.port.connected)
        await asyncio.sleep(1.2)  # long enough for the longest back-off
        bench.device.replug()
        took = await bench.until(lambda: bench.port.connected)
        assert took <= REPLUG_S
        bench.data.clear()
        bench.device.send(b"again")
        await bench.until(lambda: bench.data == b"again")
    assert [online for online, _ in bench.states if online] == [True] * 4


async def test_nothing_is_kept_for_a_port_that_is_away(bench: Bench) -> None:
    bench.device.unplug()
    await bench.until(lambda: not bench.port.connected)
    with pytest.raises(PortClosed):
        bench.port.write(b"unlock")
    bench.device.replug()
    await bench.until(lambda: bench.port.connected)
    await asyncio.sleep(0.2)
    assert bench.device.got == b""


async def test_a_second_program_is_kept_out(bench: Bench) -> None:
    with pytest.raises(serial.SerialException, match="lock"):
        serial.Serial(bench.port.path, exclusive=True)
    handle = os.open(bench.port.path, os.O_RDWR | os.O_NOCTTY)  # root may open; the lock holds
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)


async def test_a_port_in_use_is_said_and_taken_when_it_is_free(tmp_path: Path) -> None:
    device = Device(tmp_path / "tty")
    with serial.Serial(str(tmp_path / "tty"), exclusive=True):
        states: list[tuple[bool, str]] = []
        port = SerialPort(
            str(tmp_path / "tty"),
            on_bytes=lambda data, now: None,
            on_state=lambda online, detail: states.append((online, detail)),
        )
        task = asyncio.create_task(port.run())
        async with asyncio.timeout(5):
            while not states:
                await asyncio.sleep(0.01)
        assert states[0] == (False, "in use by another program")
    async with asyncio.timeout(5):
        while not port.connected:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    device.close()


async def test_a_missing_device_is_retried_and_the_mark_moves(tmp_path: Path) -> None:
    states: list[tuple[bool, str]] = []
    port = SerialPort(
        str(tmp_path / "none"),
        on_bytes=lambda data, now: None,
        on_state=lambda online, detail: states.append((online, detail)),
    )
    task = asyncio.create_task(port.run())
    await asyncio.sleep(1.0)
    first = port.progress_at
    await asyncio.sleep(1.5)
    assert port.progress_at > first
    assert states and all(state == (False, "No such file or directory") for state in states)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_handler_with_a_bug_does_not_cost_the_port(tmp_path: Path) -> None:
    device = Device(tmp_path / "tty")
    calls: list[bytes] = []

    def broken(data: bytes, now: float) -> None:
        calls.append(data)
        raise RuntimeError("bug")

    port = SerialPort(str(tmp_path / "tty"), on_bytes=broken)
    task = asyncio.create_task(port.run())
    async with asyncio.timeout(5):
        while not port.connected:
            await asyncio.sleep(0.01)
        device.send(b"1")
        while len(calls) < 1:
            await asyncio.sleep(0.01)
        device.send(b"2")
        while len(calls) < 2:
            await asyncio.sleep(0.01)
    assert port.connected
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    device.close()


async def test_a_device_that_takes_no_data_is_dropped_not_buffered_for_ever(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path / "tty")
    port = SerialPort(str(tmp_path / "tty"), on_bytes=lambda data, now: None)
    task = asyncio.create_task(port.run())
    async with asyncio.timeout(5):
        while not port.connected:
            await asyncio.sleep(0.01)
    assert device._master is not None
    asyncio.get_running_loop().remove_reader(device._master)  # it reads no more
    with pytest.raises(PortClosed, match="takes no data"):
        for _ in range(1000):
            port.write(b"x" * 1024)
    assert len(port._pending) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    device.close()


async def test_a_port_that_is_slow_to_close_holds_up_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel waits in close() for a device that takes no data, and every door did as well."""
    close = serial.Serial.close

    def slow(self: serial.Serial) -> None:
        time.sleep(0.5)
        close(self)

    monkeypatch.setattr(serial.Serial, "close", slow)
    longest, last = 0.0, time.monotonic()
    bench.device.close()
    while len(bench.states) < 2:  # online, then lost
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.3
