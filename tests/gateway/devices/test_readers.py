"""Readers with a port of their own, over real ptys: a replug never makes one card of two halves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.base import BadRead, CardRead, Reading
from drivers.readers import rdm6300
from drivers.readers.line import RESYNC_S
from drivers.simulated.port import VirtualPort
from gateway.config import ReaderTable
from gateway.devices import ReaderPort

pytestmark = pytest.mark.slow

SILENCE_S = 0.35  # longer than the time-out of a line, and than a tick


class Bench:
    """A reader on a pty, and what the gateway read from it."""

    def __init__(self, path: Path, driver: str, **options: Any) -> None:
        self.device = VirtualPort(path)
        self.readings: list[Reading] = []
        options = {"hold_off_s": 0, **options}
        table = ReaderTable(driver=driver, port=str(path), options=options)
        self.reader = ReaderPort("gate-in", table, lambda *_: None)
        self.reader.listen_readings(lambda reading, now: self.readings.append(reading))
        self.task: asyncio.Task[None] | None = None

    @property
    def read(self) -> list[str]:
        return [r.number if isinstance(r, CardRead) else "bad" for r in self.readings]

    async def open(self) -> None:
        self.task = asyncio.create_task(self.reader.port.run())
        await self.until(lambda: self.reader.port.connected)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)

    async def replug(self) -> None:
        self.device.unplug()
        await self.until(lambda: not self.reader.port.connected)
        self.device.replug()
        await self.until(lambda: self.reader.port.connected)

    async def send(self, data: bytes) -> None:
        """Send, and wait until the gateway has taken it."""
        taken: list[bytes] = []
        feed = self.reader._bytes

        def hear(data: bytes, now: float) -> None:
            taken.append(data)
            feed(data, now)

        self.reader.port._on_bytes = hear
        self.device.send(data)
        await self.until(lambda: b"".join(taken) == data)
        self.reader.port._on_bytes = feed


Make = Callable[..., Bench]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    benches: list[Bench] = []

    def build(driver: str = "line", **options: Any) -> Bench:
        benches.append(Bench(tmp_path / "tty", driver, **options))
        return benches[-1]

    yield build
    for bench in benches:
        if bench.task is not None:
            bench.task.cancel()
            await asyncio.gather(bench.task, return_exceptions=True)
        bench.device.close()


@pytest.mark.parametrize("between", [b"", b"\x00\xff\x07", b"9"], ids=["clean", "noise", "digit"])
async def test_a_half_scan_before_a_replug_is_not_glued_to_the_next(
    make: Make, between: bytes
) -> None:
    bench = make()
    await bench.open()
    await asyncio.sleep(SILENCE_S)
    await bench.send(b"1001\n")
    await bench.send(b"10")
    await bench.replug()
    await bench.send(between + b"01\n")
    assert bench.read == ["1001", "bad"]
    await bench.send(b"2002\n")
    assert bench.read == ["1001", "bad", "2002"]


async def test_after_a_replug_and_silence_the_first_badge_counts(make: Make) -> None:
    bench = make()
    await bench.open()
    await bench.send(b"10")
    await bench.replug()
    await asyncio.sleep(SILENCE_S)
    await bench.send(b"2002\n")
    assert bench.read == ["2002"]


async def test_a_half_scan_and_its_late_rest_are_not_a_shorter_number(make: Make) -> None:
    bench = make()
    await bench.open()
    await asyncio.sleep(SILENCE_S)
    await bench.send(b"10")
    await asyncio.sleep(SILENCE_S)
    await bench.send(b"01\n")
    assert bench.read == ["bad"]


async def test_a_half_scan_alone_is_reported_and_never_granted(make: Make) -> None:
    bench = make()
    await bench.open()
    await asyncio.sleep(SILENCE_S)
    await bench.send(b"10")
    await bench.until(lambda: bool(bench.readings))
    assert bench.readings == [BadRead(bench.readings[0].reason, 2)]  # type: ignore[union-attr]
    await bench.send(b"1001\n")
    assert bench.read == ["bad", "1001"]
    assert RESYNC_S > SILENCE_S


async def test_what_lay_in_the_kernel_before_the_open_is_not_read(make: Make) -> None:
    bench = make()
    bench.device.send(b"1001\n10")  # the gateway was not running
    await bench.open()
    await bench.send(b"01\n")
    assert bench.read == ["bad"]
    await bench.send(b"2002\n")
    assert bench.read == ["bad", "2002"]


async def test_a_half_frame_of_an_rdm6300_before_a_replug_is_not_glued_to_the_next(
    make: Make,
) -> None:
    # Two cards whose halves, glued, pass the check byte: 0102030405 and 0102030504.
    one, other = rdm6300.encode(bytes([1, 2, 3, 4, 5])), rdm6300.encode(bytes([1, 2, 3, 5, 4]))
    assert one[-3:] == other[-3:]
    bench = make("rdm6300")
    await bench.open()
    await bench.send(one[:9])
    await bench.replug()
    await bench.send(other[9:])
    assert bench.read == []
    await bench.send(one)
    assert bench.read == [str(0x02030405)]
