"""Modbus boards against pymodbus over a pty; GPIO against a stand-in, for there is no chip here."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import InputState, LinkChange
from drivers.inputs.gpio import GpioInputs
from drivers.inputs.modbus import ModbusInputs, crc16
from drivers.simulated.port import VirtualPort
from gateway.config import InputTable
from gateway.devices import InputDevice, SerialInputs, input_number, make_inputs

OPTIONS = {"unit": 3, "first": 16, "inputs": 10}


def driver(**options: Any) -> ModbusInputs:
    return ModbusInputs(ModbusInputs.Options(**{**OPTIONS, **options}))


def answer(*octets: int) -> bytes:
    body = bytes((3, 2, len(octets), *octets))
    return body + crc16(body)


def test_the_question_is_the_standards() -> None:
    # The example of the Modbus application protocol, 6.2: inputs 197 to 218.
    asked = driver(unit=17, first=196, inputs=22).poll(0.0)
    assert asked[:-2].hex() == "110200c40016"
    assert crc16(b"\x01\x04\x02\xff\xff") == b"\xb8\x80"


def test_states_and_the_turn_of_questions() -> None:
    board = driver()
    assert board.poll(1.0) and not board.poll(1.1) and board.poll(1.21)
    states = board.feed(answer(0b101, 0b10), 1.22)
    assert [s.number for s in states if s.active] == [1, 3, 10] and len(states) == 10
    assert board.heard_at == 1.22 and not board.poll(1.23) and board.poll(1.27)


@pytest.mark.parametrize(
    "wrong",
    [b"", answer(1), answer(1, 2)[:-1], b"\x03\x82\x02" + crc16(b"\x03\x82\x02"), b"\xff" * 900],
)
def test_what_is_no_answer_gives_nothing(wrong: bytes) -> None:
    board = driver()
    board.poll(0.0)
    assert board.feed(wrong, 0.1) == [] and len(board._buffer) <= 256


def test_an_answer_that_nobody_asked_for_counts_for_nothing() -> None:
    board = driver()
    assert board.feed(answer(1, 2), 0.0) == []
    board.poll(0.0)
    assert board.feed(answer(1, 2), 0.1) and board.feed(answer(3, 3), 0.1) == []


@given(st.integers(0, 8 * len(answer(5, 2)) - 1), st.integers(1, 6))
def test_a_flipped_bit_changes_no_input(bit: int, piece: int) -> None:
    raw = bytearray(answer(5, 2))
    raw[bit // 8] ^= 1 << bit % 8
    board = driver()
    board.poll(0.0)
    for at in range(0, len(raw), piece):
        assert board.feed(bytes(raw[at : at + piece]), 0.1) == []


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_any_bytes_neither_raise_nor_grow(pieces: list[bytes]) -> None:
    board = driver()
    for number, piece in enumerate(pieces):
        board.poll(float(number))
        board.feed(piece, float(number))
        assert len(board._buffer) <= 256


SERVER = """
import sys
from pymodbus.server import StartSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
bits = [False] * 32
bits[1] = bits[9] = True
block = [SimData(0, values=bits, datatype=DataType.BITS)]
device = SimDevice(3, simdata=([SimData(0, values=[False] * 32, datatype=DataType.BITS)], block,
                               [SimData(0)], [SimData(0)]))
StartSerialServer(device, port=sys.argv[1], baudrate=9600)
"""


class Heard:
    """What a device told."""

    def __init__(self) -> None:
        self.states: dict[int, bool] = {}
        self.links: list[bool] = []
        self.devices: list[tuple[str, bool, str]] = []

    def on_device(self, kind: str, name: str, online: bool, detail: str) -> None:
        self.devices.append((kind, online, detail))

    def listen(self, device: InputDevice, *numbers: int) -> None:
        for number in numbers:
            device.listen(
                InputState,
                input_number(number, lambda active, n=number: self.states.update({n: active})),  # type: ignore[misc]
            )
        device.listen(LinkChange, lambda change, now: self.links.append(change.online))


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two ptys, joined by a process."""
    ends = tmp_path / "ours", tmp_path / "theirs"
    joined = subprocess.Popen(
        [sys.executable, "-c", CABLE, *map(str, ends)], stdout=subprocess.PIPE
    )
    assert joined.stdout is not None
    joined.stdout.readline()
    yield ends
    joined.kill()
    joined.wait()
    joined.stdout.close()


CABLE = """
import os, select, sys, tty
masters = []
for path in sys.argv[1:]:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.symlink(os.ttyname(slave), path)
    masters.append(master)
print("ready", flush=True)
while True:
    for fd in select.select(masters, [], [])[0]:
        os.write(masters[1 - masters.index(fd)], os.read(fd, 4096))
"""


async def test_a_board_that_is_pymodbus(cable: tuple[Path, Path]) -> None:
    heard = Heard()
    table = InputTable(driver="modbus", port=str(cable[0]), options={"unit": 3, "inputs": 10})
    board = make_inputs("b", table, heard.on_device)
    heard.listen(board, 1, 2, 10)
    task = asyncio.create_task(board.run())
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(cable[1])])
    try:
        async with asyncio.timeout(15):
            while len(heard.states) < 3:
                await asyncio.sleep(0.02)
        assert heard.states == {1: False, 2: True, 10: True} and heard.links[-1] is True
        server.kill()
        async with asyncio.timeout(5):
            while heard.links[-1]:
                await asyncio.sleep(0.02)
        assert heard.devices[-1] == ("inputs", False, "no answer")
    finally:
        server.kill()
        server.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_board_that_is_unplugged_is_told_at_once(tmp_path: Path) -> None:
    heard = Heard()
    port = VirtualPort(tmp_path / "port")
    table = InputTable(driver="modbus", port=str(tmp_path / "port"))
    board = make_inputs("b", table, heard.on_device)
    heard.listen(board, 1)
    task = asyncio.create_task(board.run())
    await asyncio.sleep(0.2)
    port.unplug()
    await asyncio.sleep(0.2)
    assert heard.links and not any(heard.links)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_half_an_answer_before_a_replug_is_not_glued_to_the_next(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path / "port")
    table = InputTable(driver="modbus", port=str(tmp_path / "port"), options=OPTIONS)
    heard = Heard()
    board = make_inputs("b", table, heard.on_device)
    assert isinstance(board, SerialInputs)
    heard.listen(board, 1)
    task = asyncio.create_task(board.run())
    try:
        async with asyncio.timeout(10):
            while not board.port.connected:
                await asyncio.sleep(0.002)
            before = board._driver
            while not before._buffer:  # type: ignore[attr-defined]
                port.send(answer(1, 0)[:4])
                await asyncio.sleep(0.02)
            port.unplug()
            while board.port.connected:
                await asyncio.sleep(0.002)
            port.replug()
            while not board.port.connected:
                await asyncio.sleep(0.002)
        assert board._driver is not before
        port.send(answer(1, 0)[4:])
        await asyncio.sleep(0.1)
        assert heard.states == {}
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        port.close()


# GPIO: no chip here, so a stand-in takes the place of gpiod's request


def test_a_chip_that_is_not_there_is_an_oserror() -> None:
    pins = GpioInputs(GpioInputs.Options(chip="/dev/gpiochip-none", lines=[4, 5]))
    with pytest.raises(OSError):
        pins.open()


async def test_lines_tell_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    import gpiod

    reads, writes = os.pipe()
    values = {4: 1, 5: 0}
    asked: dict[str, Any] = {}

    class Request:
        fd = reads

        def wait_edge_events(self, timeout: float) -> bool:
            import select

            return bool(select.select([reads], [], [], 0)[0])

        def read_edge_events(self) -> None:
            os.read(reads, 1)

        def get_values(self, lines: list[int]) -> list[Any]:
            return [types.SimpleNamespace(value=values[line]) for line in lines]

        def release(self) -> None:
            asked["released"] = True

    def request_lines(chip: str, consumer: str, config: Any) -> Request:
        asked.update(chip=chip, config=config)
        return Request()

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    heard = Heard()
    lines = make_inputs("g", InputTable(driver="gpio", options={"lines": [4, 5]}), heard.on_device)
    heard.listen(lines, 1, 2)
    task = asyncio.create_task(lines.run())
    await asyncio.sleep(0.05)
    assert heard.states == {1: True, 2: False} and heard.links == [True]
    (settings,) = asked["config"].values()
    assert settings.active_low and settings.edge_detection is gpiod.line.Edge.BOTH
    values[5] = 1
    os.write(writes, b"e")
    await asyncio.sleep(0.05)
    assert heard.states == {1: True, 2: True}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked["released"]
    os.close(reads)
    os.close(writes)
