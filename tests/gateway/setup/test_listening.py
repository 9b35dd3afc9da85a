"""What a reader sends is found out from the bytes, whatever it is and at whatever speed."""

from __future__ import annotations

import asyncio
import termios
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drivers.simulated.port import VirtualPort
from drivers.simulated.reader import VirtualRdm6300
from gateway.setup.listening import SPEEDS, Heard, Listening


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[VirtualRdm6300]:
    port = VirtualRdm6300(tmp_path / "reader")
    yield port
    port.close()


async def until(listening: Listening, good: Callable[[Heard], bool]) -> Heard:
    async with asyncio.timeout(20):
        while not good(heard := listening.heard()):
            await asyncio.sleep(0.01)
    return heard


async def heard_with(reader: VirtualPort, send: Callable[[], None]) -> Heard:
    listening = Listening(str(reader.path))
    listening.start()
    try:
        await until(listening, lambda heard: heard.open)
        await asyncio.sleep(0.4)  # a line that began before we listened would be dropped
        send()
        return await until(listening, lambda heard: bool(heard.card or heard.unknown))
    finally:
        await listening.stop()


async def test_an_rdm6300_is_known_by_its_frame(reader: VirtualRdm6300) -> None:
    heard = await heard_with(reader, lambda: reader.present(18, 1001))
    assert (heard.driver, heard.card, heard.baudrate) == ("rdm6300", "em4100:18:1001", 9600)


async def test_a_scanner_is_known_by_its_line(reader: VirtualRdm6300) -> None:
    heard = await heard_with(reader, lambda: reader.send(b"VISIT-0042\r\n"))
    assert (heard.driver, heard.card) == ("line", "text::VISIT-0042")


async def test_what_is_no_card_has_the_port_opened_with_the_next_speed(
    reader: VirtualRdm6300,
) -> None:
    listening = Listening(str(reader.path))
    listening.start()
    try:
        await until(listening, lambda heard: heard.open)
        reader.send(b"\x80\xff\x07\x00")
        heard = await until(
            listening, lambda heard: heard.open and heard.baudrate == SPEEDS[1] and not heard.card
        )
        assert heard.unknown == 1
        assert reader._slave is not None
        assert termios.tcgetattr(reader._slave)[4] == termios.B115200
        reader.present(18, 1001)
        heard = await until(listening, lambda heard: bool(heard.card))
        assert heard.baudrate == 115200
        # Noise does not take away what was found.
        await until(listening, lambda heard: not listening._bytes)  # the badge was taken away
        reader.send(b"\x80\xff")
        heard = await until(listening, lambda heard: heard.unknown == 2)
        assert (heard.driver, heard.baudrate) == ("rdm6300", 115200)
    finally:
        await listening.stop()


async def test_a_badge_that_is_held_is_one_badge(reader: VirtualRdm6300) -> None:
    listening = Listening(str(reader.path))
    listening.start()
    try:
        await until(listening, lambda heard: heard.open)
        for _ in range(5):
            reader.present(18, 1001)
            await asyncio.sleep(0.02)
        assert (await until(listening, lambda heard: bool(heard.card))).cards == 1
        reader.present(18, 1002)
        heard = await until(listening, lambda heard: heard.cards == 2)
        assert heard.card == "em4100:18:1002" and heard.unknown == 0
    finally:
        await listening.stop()
    assert listening.heard().card == ""  # a badge's number is its secret


async def test_a_port_that_is_in_use_says_so(reader: VirtualRdm6300) -> None:
    first, second = Listening(str(reader.path)), Listening(str(reader.path))
    first.start()
    try:
        await until(first, lambda heard: heard.open)
        second.start()
        heard = await until(second, lambda heard: bool(heard.why))
        assert not heard.open
    finally:
        await second.stop()
        await first.stop()
