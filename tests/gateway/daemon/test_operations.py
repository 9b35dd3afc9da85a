"""What an operator asks for and can't have is refused at once, with a reason."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.serialport import SerialPort
from gateway.config import BusTable, ReaderTable
from gateway.daemon.control import LONGEST_S, Refused
from gateway.daemon.operations import LONGEST_TEST_S, Operations
from gateway.daemon.wiring import Plant
from gateway.devices import ReaderBus
from gateway.ledger.event import NewEvent
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import SiteKey


@pytest.fixture
def noted() -> list[NewEvent]:
    return []


@pytest.fixture
async def running(tmp_path: Path, noted: list[NewEvent], monkeypatch: pytest.MonkeyPatch) -> Any:
    """One bus with a reader in clear at 1, and two that must be secure at 2 and 3."""
    readers = {
        "clear": ReaderTable(bus="b", address=1, options={"secure": False}),
        "r": ReaderTable(bus="b", address=2),
        "other": ReaderTable(bus="b", address=3),
    }
    keys = ReaderKeys(tmp_path / "keys.json", SiteKey(bytes(32)))
    table = BusTable(driver="osdp", port="/dev/none")
    bus = ReaderBus("b", table, readers, keys, lambda *about: None, noted.append)
    monkeypatch.setattr(SerialPort, "connected", property(lambda port: True))
    return SimpleNamespace(plant=Plant(buses={"b": bus}), ledger=SimpleNamespace(note=noted.append))


def operations(running: Any) -> Operations:
    """The operations on readers; no other part is asked for anything here."""
    no: Any = None
    return Operations(
        gateway="g",
        plant=running.plant,
        ledger=running.ledger,
        faces=no,
        clock=no,
        presence=no,
        threat=no,
        confirmations=no,
        out_of_service=no,
        outbox=no,
    )


async def test_a_reader_without_secure_channel_gets_no_key(
    running: Any, noted: list[NewEvent]
) -> None:
    with pytest.raises(Refused, match="clear has secure = false"):
        await operations(running).reader_install({"reader": "clear"})
    assert not noted and not running.plant.buses["b"].readers["clear"].device.installing
    assert (await operations(running).reader_install({"reader": "r"}))["seconds"] == 60


@pytest.mark.parametrize(
    ("address", "baudrate", "why"),
    [
        (3, 9600, "that of other"),
        (127, 9600, "0 to 126"),
        (-1, 9600, "0 to 126"),
        (5, 9601, "speed"),
    ],
)
async def test_an_address_that_is_taken_is_no_new_one(
    running: Any, noted: list[NewEvent], address: int, baudrate: int, why: str
) -> None:
    asked: list[tuple[int, int]] = []

    async def set_line(address: int, baudrate: int) -> tuple[bool, str]:
        asked.append((address, baudrate))
        return True, ""

    running.plant.buses["b"].readers["r"].set_line = set_line
    order = {"reader": "r", "address": address, "baudrate": baudrate}
    with pytest.raises(Refused, match=why):
        await operations(running).reader_comset(order)
    assert not asked and not noted
    # Its own address at another speed, and a free one, are as good as before.
    for free in (2, 9):
        await operations(running).reader_comset({**order, "address": free, "baudrate": 115200})
    assert len(asked) == 2


async def test_a_test_of_a_slow_reader_ends_within_what_a_request_may_take(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("gateway.daemon.operations.time", SimpleNamespace(monotonic=lambda: now))

    async def ping() -> tuple[bool, str]:
        nonlocal now
        now += 2.9  # just in time, each time
        return True, ""

    begun = now
    running.plant.buses["b"].readers["r"].ping = ping
    answer = await operations(running).reader_test({"reader": "r"})
    assert now - begun < LONGEST_S - 5 and LONGEST_TEST_S < LONGEST_S
    assert not answer["good"] and answer["detail"] == "too slow: 7 answers in 20 s"
