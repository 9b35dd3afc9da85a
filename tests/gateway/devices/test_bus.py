"""A bus of readers on its port: what a session tells is told on, whatever the port does."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.base import CardRead, KeyInstalled, LinkChange, Signal, Tamper
from drivers.buses import BusEvent, BusStep
from drivers.readers.osdp.messages import Cmd, Colour, Nak, Reply
from drivers.serialport import PortClosed
from drivers.simulated.osdp import SimulatedReader
from gateway.config import BusTable, DoorTable, ReaderTable
from gateway.decide.policy import Mode
from gateway.devices import OutputLock, ReaderBus
from gateway.devices.bus import WORDS
from gateway.ledger.event import NewEvent
from gateway.locale import LANGUAGES, catalogue
from gateway.vault.readerkeys import ReaderKeys, ReaderKeysError
from gateway.vault.sitekey import SiteKey


class Port:
    """In place of the serial port: what is written is answered at once."""

    def __init__(self, reader: SimulatedReader) -> None:
        self.reader = reader
        self.connected = True
        self.fault = False
        self.bus: Any = None

    def write(self, data: bytes) -> None:
        if self.fault:
            self.connected = False
            raise PortClosed(5, "gone")
        if answer := self.reader.feed(data):
            asyncio.get_running_loop().call_soon(lambda: self.bus._bytes(answer, time.monotonic()))


class Site:
    def __init__(self, path: Path) -> None:
        self.reader = SimulatedReader(1)
        self.devices: list[tuple[str, bool]] = []
        self.notes: list[NewEvent] = []
        self.keys = ReaderKeys(path / "keys.json", SiteKey(bytes(32)))
        table = BusTable(driver="osdp", port="/dev/none", options={"poll_s": 0.005})
        self.bus = ReaderBus(
            "b",
            table,
            {"r": ReaderTable(bus="b", address=1)},
            self.keys,
            lambda kind, name, online, detail: self.devices.append((name, online)),
            self.notes.append,
        )
        self.port = Port(self.reader)
        self.port.bus, self.bus.port = self.bus, self.port  # type: ignore[assignment]

    async def secured(self) -> None:
        self.bus._pump()
        await self.bus.install("r", 5, "me")
        async with asyncio.timeout(3):
            while not self.bus.readers["r"].device.secured:
                await asyncio.sleep(0.01)


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    await site.secured()
    return site


async def test_what_happened_is_told_also_when_the_port_goes_at_that_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[bool] = []
    site.bus.readers["r"].listen(LinkChange, lambda change, now: lost.append(change.online))
    told = BusStep(b"to another", 0.0, [BusEvent(1, LinkChange(False, "no answer"))])
    monkeypatch.setattr(site.bus._bus, "step", lambda now: told)
    site.port.fault = True
    site.bus._pump()
    assert lost == [False] and ("r", False) in site.devices


async def test_a_reader_shows_after_a_short_loss_of_power_what_it_showed(site: Site) -> None:
    reader = site.bus.readers["r"]
    reader.signal(Signal.ALARM)
    await asyncio.sleep(0.2)
    site.reader.led = Colour.BLACK
    site.reader.shown = ""
    site.reader.power_cycle()
    await asyncio.sleep(0.5)
    assert reader.device.secured and site.reader.led is Colour.RED
    assert site.reader.shown == "CLOSE THE DOOR"
    assert [e.type for e in site.notes].count("reader.restarted") == 1


async def test_a_badge_is_handed_on_before_anything_is_sent_to_its_reader(site: Site) -> None:
    reader = site.bus.readers["r"]
    order: list[object] = []
    show = reader.device.show
    reader.device.show = lambda signal, words, now: (  # type: ignore[method-assign]
        order.append(signal),
        show(signal, words, now),
    )
    reader.listen_readings(lambda reading, now: order.append(reading))
    badge = CardRead("h10301", "18", "1001")
    reader.take(badge, 0.0)
    assert order == [badge, Signal.WAIT]


async def test_an_order_to_the_lock_does_not_wait_for_lights_and_words(site: Site) -> None:
    reader, true = site.bus.readers["r"], site.reader._do
    done: list[int] = []
    site.reader._do = lambda code, data: (  # type: ignore[method-assign]
        done.append(code),
        true(code, data),
    )[1]
    await asyncio.sleep(0.05)
    done.clear()
    reader.signal(Signal.WAIT)
    reader.output(1, True, 3.0, lambda: None)
    reader.signal(Signal.GRANTED)
    await asyncio.sleep(0.2)
    sent = [code for code in done if code != Cmd.POLL]
    # The lock first; of the two signals the reader got the last one alone.
    assert sent[:4] == [Cmd.OUT, Cmd.LED, Cmd.BUZ, Cmd.TEXT] and Cmd.OSTAT in sent
    assert sent.count(Cmd.LED) == 1 and site.reader.flash is Colour.GREEN


async def test_a_listener_that_fails_keeps_nothing_from_the_others(site: Site) -> None:
    heard: list[bool] = []
    reader = site.bus.readers["r"]
    reader.listen(Tamper, lambda event, now: heard.append(1 / 0 > 0))
    reader.listen(Tamper, lambda event, now: heard.append(event.active))
    reader.take(Tamper(True), 0.0)
    assert heard == [True]


async def test_an_output_that_is_not_as_it_was_told_is_noticed_once(site: Site) -> None:
    lock = OutputLock(
        "l",
        site.bus.readers["r"],
        {"d": DoorTable(mode=Mode.BADGE, reader="r", lock="l", channel=2, fail="secure")},
        lambda *about: None,
    )
    wrong: list[str] = []
    lock.on_wrong("d", wrong.append)
    true, stuck, knows = site.reader._do, [False], [True]

    def do(code: int, data: bytes) -> bytes:
        if code == Cmd.OSTAT and not knows[0]:
            return bytes((Reply.NAK, Nak.UNKNOWN_COMMAND))
        if code == Cmd.OUT and stuck[0]:
            return bytes((Reply.ACK,))
        return true(code, data)

    site.reader._do = do  # type: ignore[method-assign]

    async def drive(released: bool) -> None:
        lock.drive("d", released)
        await asyncio.sleep(0.15)

    await drive(True)
    assert site.reader.outputs == [False, True] and not wrong
    await drive(False)
    await drive(True)
    stuck[0] = True
    await drive(False)
    await drive(False)
    assert wrong == ["its output says released, ordered was at rest"]
    stuck[0] = False
    await drive(False)
    stuck[0] = True
    await drive(True)
    assert wrong[1:] == ["its output says at rest, ordered was released"]
    # What it tells of itself at a poll may be from before the order.
    stuck[0] = False
    await drive(True)
    site.reader._told.append(bytes((Reply.OSTATR, 0, 0)))
    await asyncio.sleep(0.1)
    assert len(wrong) == 2
    # One that does not know the question is no fault.
    knows[0], stuck[0] = False, True
    await drive(False)
    assert len(wrong) == 2 and site.bus.readers["r"].online


async def test_every_question_ends_and_is_forgotten(site: Site) -> None:
    reader = site.bus.readers["r"]
    for _ in range(5):
        asked = asyncio.create_task(reader.ping())
        await asyncio.sleep(0)
        site.reader.power_cycle()
        await asked
    await asyncio.sleep(0.3)
    assert reader._done == {}


async def test_a_refused_key_is_not_said_to_be_taken(site: Site) -> None:
    true = site.reader._do
    site.reader._do = lambda code, data: (  # type: ignore[method-assign]
        bytes((Reply.NAK, Nak.UNABLE)) if code == Cmd.KEYSET else true(code, data)
    )
    assert site.bus.readers["r"].status()["key"] == {"done": True, "detail": ""}
    await site.bus.install("r", 5, "me")
    assert site.bus.readers["r"].status()["key"] is None
    await asyncio.sleep(0.3)
    status = site.bus.readers["r"].status()
    assert status["secure"] and not status["key"]["done"] and "NAK" in status["key"]["detail"]


async def test_a_key_that_can_not_be_filed_is_on_record_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> None:
        raise ReaderKeysError("disk full")

    monkeypatch.setattr(site.keys, "_write", full)
    site.bus.readers["r"].take(KeyInstalled(True, "", b"k" * 16), 0.0)
    assert [e.type for e in site.notes].count("reader.key_set") == 2
    site.bus._files.close()
    assert "keys of readers on b: disk full" in caplog.text


async def test_a_key_that_can_not_be_written_is_not_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise ReaderKeysError("disk full")

    monkeypatch.setattr(site.keys, "_write", full)
    with pytest.raises(ReaderKeysError, match="disk full"):
        await site.bus.install("r", 5, "me")
    assert not site.bus.readers["r"].device.installing


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_display_shows_fits_it_in_every_language(language: str) -> None:
    assert WORDS.keys() == set(Signal)
    shown = [catalogue(language).gettext(words) for words in WORDS.values()]
    assert all(words.isascii() and len(words) <= 16 for words in shown)
    if language == "es":
        assert "MUESTRE GAFETE" in shown and not set(shown) & set(WORDS.values())
