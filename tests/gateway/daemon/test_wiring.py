"""The wiring of doors: which device tells which door."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.base import InputState, LinkChange, OutputState, Tamper
from gateway.config import Settings, load
from gateway.daemon.wiring import Plant, build_devices, build_doors
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import SiteKey

CONFIG = """
[site]
gateway = "g"
timezone = "America/Tijuana"
data_dir = "data"
run_dir = "run"
key_file = "site.key"

[access_levels.all]
doors = { gate = "always" }

[buses.b]
port = "/dev/bus"

[readers.outside]
bus = "b"
address = 1

[readers.inside]
bus = "b"
address = 2

[readers.elsewhere]
bus = "b"
address = 3

[locks.strike]
reader = "inside"

[doors.gate]
mode = "badge"
reader = "outside"
lock = "strike"
channel = 1
fail = "secure"
contact = { device = "inside", input = 1 }

[doors.other]
mode = "badge"
reader = "elsewhere"
lock = "strike"
channel = 2
fail = "secure"
"""


def plant_of(settings: Settings, keys: ReaderKeys, noted: list[Any]) -> Plant:
    """Devices and doors, as the daemon builds them."""
    services: Any = SimpleNamespace(note=noted.append)
    plant = build_devices(settings, keys=keys, on_device=nothing, note=noted.append)
    build_doors(plant, settings, services=services, on_device=nothing)
    return plant


def nothing(kind: str, name: str, online: bool, detail: str) -> None:
    return None


async def test_the_cover_of_a_reader_that_holds_the_lock_is_the_doors_tamper(
    tmp_path: Path,
) -> None:
    path = tmp_path / "garita.toml"
    path.write_text(CONFIG)
    settings = load(path)
    keys = ReaderKeys(tmp_path / "keys.json", SiteKey(bytes(32)))
    noted: list[Any] = []
    plant = plant_of(settings, keys, noted)
    inside = plant.bus_reader("inside")
    assert inside is not None
    inside.take(Tamper(True), 0.0)
    gate, other = plant.doors["gate"].hardware, plant.doors["other"].hardware
    assert gate.condition().tampered and other.condition().tampered
    assert [(e.type, e.subject) for e in noted] == [
        ("door.tamper", "gate"),
        ("door.tamper", "other"),
    ]
    elsewhere = plant.bus_reader("elsewhere")
    assert elsewhere is not None
    inside.take(Tamper(False), 0.0)
    elsewhere.take(Tamper(True), 0.0)
    assert not gate.condition().tampered and other.condition().tampered


async def test_a_lock_that_says_other_than_it_was_told_is_a_fault_of_its_door(
    tmp_path: Path,
) -> None:
    path = tmp_path / "garita.toml"
    path.write_text(CONFIG)
    keys = ReaderKeys(tmp_path / "keys.json", SiteKey(bytes(32)))
    noted: list[Any] = []
    plant = plant_of(load(path), keys, noted)
    inside = plant.bus_reader("inside")
    assert inside is not None
    inside._ordered[2] = False
    inside.take(OutputState(1, True), 0.0)  # never ordered: nothing to compare with
    inside.take(OutputState(2, True), 0.0)
    assert [(e.type, e.subject) for e in noted] == [("door.lock_fault", "other")]


async def test_a_chattering_contact_fills_no_log_and_ends_in_the_true_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.devices.debounce.GATHER_S", 0.3)
    path = tmp_path / "garita.toml"
    path.write_text(CONFIG.replace("input = 1 }", "input = 1, debounce_s = 0.001 }"))
    keys = ReaderKeys(tmp_path / "keys.json", SiteKey(bytes(32)))
    noted: list[Any] = []
    plant = plant_of(load(path), keys, noted)
    inside, gate = plant.bus_reader("inside"), plant.doors["gate"].hardware
    assert inside is not None
    for _ in range(100):
        inside.take(InputState(1, False), 0.0)
        await asyncio.sleep(0.002)
        inside.take(InputState(1, True), 0.0)
        await asyncio.sleep(0.002)
    assert gate.door.open is True and len(noted) < 30
    await asyncio.sleep(0.4)
    assert gate.door.open is False
    told = [e for e in noted if e.type == "door.input_chatter"]
    assert told[0].subject == "gate" and sum(e.data["count"] for e in told) > 80
    assert {k: told[0].data[k] for k in ("input", "device")} == {
        "input": "contact",
        "device": "inside:1",
    }
    # Its device goes away while it is at rest for a moment: nobody knows.
    inside.take(InputState(1, False), 0.0)
    inside.take(InputState(1, True), 0.0)
    inside.take(LinkChange(False, "no answer"), 0.0)
    await asyncio.sleep(0.02)
    assert gate.door.blind and gate.door.open is True
