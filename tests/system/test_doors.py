"""Doors with secure OSDP readers, contact and keypad: the real daemon over ptys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from demo.rig import Rig
from drivers.readers import wiegand
from drivers.readers.osdp.messages import Colour
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event

MakeRig = Callable[..., Rig]
ANA, NOBODY = wiegand.encode("h10301", 18, 1001), wiegand.encode("h10301", 18, 9009)
PIN, DURESS = "4711", "4712"
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": "h10301:18:1001", "access_levels": "plant"},
    {"id": "e2", "name": "Luis", "credentials": "h10301:18:1002", "access_levels": "plant"},
]


def events(rig: Rig, prefix: str = "") -> list[Event]:
    reader = LedgerReader(rig.ledger_path)
    try:
        return [e for e in reader.after(0, 100_000) if e.type.startswith(prefix)]
    finally:
        reader.close()


async def recorded(rig: Rig, kind: str, count: int = 1) -> Event:
    """Wait until `count` events of a kind are on record; the newest."""
    async with asyncio.timeout(10):
        while len(found := [e for e in events(rig) if e.type == kind]) < count:
            await asyncio.sleep(0.02)
    return found[-1]


async def secured(rig: Rig) -> None:
    """Both readers in secure channel, and what they had kept is told."""
    await rig.until(lambda s: all(r["secure"] for r in s["readers"].values()))
    await asyncio.sleep(0.3)


@pytest.fixture
async def rig(make_rig: MakeRig) -> AsyncIterator[Rig]:
    """A vault door, both readers installed, Ana with a PIN and one for duress."""
    rig = make_rig(osdp=True, pulse_s=1.0)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.acli("people", "pin", "e1", stdin=f"{PIN}\n")
    await rig.acli("people", "pin", "e1", "--duress", stdin=f"{DURESS}\n")
    await rig.start(wait=False, log=rig.folder / "log")
    await rig.until(lambda s: s["readers"]["vault-in"]["identity"] is not None)
    for reader in ("vault-in", "vault-out"):
        await rig.acli("reader", "install", reader, "--seconds", "20")
    await secured(rig)
    yield rig


async def answer(rig: Rig, bits: str, keys: str = "") -> dict[str, Any]:
    """A badge at the vault, and keys once the reader asks for them."""
    before = (await rig.until(lambda s: True))["last"].get("vault")
    rig.vault_in.card(bits)
    if keys:
        await rig.until(lambda s: s["doors"]["vault"]["state"] == "waiting")
        for key in keys:
            rig.vault_in.press(key)
    status = await rig.until(lambda s: s["last"].get("vault") not in (None, before))
    found: dict[str, Any] = status["last"]["vault"]
    return found


async def test_no_card_counts_before_the_reader_has_a_key_and_keys_are_not_in_clear(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(osdp=True)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start(wait=False, log=rig.folder / "log")
    await rig.until(lambda s: s["readers"]["vault-in"]["identity"] is not None)
    rig.vault_in.card(ANA)
    await asyncio.sleep(0.5)
    assert not events(rig, "access.")
    await rig.acli("reader", "install", "vault-in", "--seconds", "20")
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
    assert [e.type for e in events(rig, "reader.") if "restarted" not in e.type] == [
        "reader.install_opened",
        "reader.key_set",
    ]
    denied = await recorded(rig, "access.denied")  # the card from before is old
    assert denied.data["bad_reads"] == {"stale": 1}
    key = rig.vault_in.key
    assert key is not None
    held = (rig.folder / "data" / "reader-keys.json").read_bytes()
    assert key not in held and key.hex().encode() not in held
    assert key.hex() not in (rig.folder / "log").read_text()
    # After a restart the key is there, and no window is open.
    await rig.stop_daemon()
    await rig.start(wait=False)
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
    assert rig.vault_in.key == key


async def test_badge_and_pin_open_and_the_way_through_is_on_record(rig: Rig) -> None:
    assert (await answer(rig, NOBODY))["reason"] == "denied_unknown_credential"
    assert (await answer(rig, ANA, "0000#"))["reason"] == "denied_wrong_pin"
    good = await answer(rig, ANA, f"{PIN}#")
    assert good["reason"] == "granted"
    await rig.board.wait_for(3, True)
    rig.vault_in.input(1, False)
    entered = await recorded(rig, "door.entered")
    assert entered.data["grant"] == good["seq"]
    rig.vault_in.input(1, True)
    await rig.board.wait_for(3, False)
    await recorded(rig, "door.closed")
    rig.vault_in.input(1, False)
    await recorded(rig, "door.forced")
    rig.vault_in.input(1, True)
    await recorded(rig, "door.forced_cleared")
    text = json.dumps([e.data for e in events(rig)]) + (rig.folder / "log").read_text()
    assert PIN not in text and "1001" not in text


async def test_no_entry_held_exit_and_the_other_reader(rig: Rig) -> None:
    assert (await answer(rig, ANA, f"{PIN}#"))["reason"] == "granted"
    await recorded(rig, "door.no_entry")
    rig.vault_in.input(2, True)
    await recorded(rig, "door.rex")
    rig.vault_in.input(1, False)
    await recorded(rig, "door.exit")
    await recorded(rig, "door.held_warning")
    await recorded(rig, "door.held")
    rig.vault_in.input(1, True)
    await recorded(rig, "door.held_cleared")
    rig.vault_out.card(ANA)  # on the way out a badge alone will do
    out = await recorded(rig, "access.granted", 2)
    assert out.data["way"] == "out" and out.data["reader"] == "vault-out"


async def test_duress_opens_and_is_told_and_wrong_pins_lock_beyond_a_restart(rig: Rig) -> None:
    assert (await answer(rig, ANA, f"{DURESS}#"))["reason"] == "granted"
    duress = await recorded(rig, "alarm.duress")
    assert duress.data["person"] == "e1"
    for _ in range(5):
        assert (await answer(rig, ANA, "0000#"))["reason"] == "denied_wrong_pin"
    assert (await answer(rig, ANA))["reason"] == "denied_pin_locked"
    await rig.stop_daemon()
    await rig.start(wait=False)
    await secured(rig)
    await asyncio.sleep(0.3)
    rig.vault_in.card(ANA)
    status = await rig.until(lambda s: s["last"].get("vault"))
    assert status["last"]["vault"]["reason"] == "denied_pin_locked"
    assert (await answer(rig, wiegand.encode("h10301", 18, 1002)))["reason"] == "denied_pin_not_set"


async def test_tamper_denies_until_it_is_over(rig: Rig) -> None:
    rig.vault_in.tamper(True)
    await recorded(rig, "door.tamper")
    assert (await answer(rig, ANA))["reason"] == "denied_tampered"
    rig.vault_in.tamper(False)
    await recorded(rig, "door.tamper_cleared")
    assert (await answer(rig, ANA, f"{PIN}#"))["reason"] == "granted"


async def test_an_alarm_that_was_open_at_a_restart_gets_its_end(rig: Rig) -> None:
    rig.vault_in.input(1, False)
    await recorded(rig, "door.forced")
    await rig.stop_daemon()
    rig.vault_in.input(1, True)
    await rig.start(wait=False)
    cleared = await recorded(rig, "door.forced_cleared")
    assert cleared.data["before_restart"] and 0 < cleared.data["open_s"] < 60
    status = await rig.until(lambda s: s["doors"]["vault"]["state"] == "locked")
    assert status["doors"]["vault"]["open"] is False


async def test_out_of_service_outlives_a_restart(rig: Rig) -> None:
    await rig.acli("door", "out-of-service", "vault", "--reason", "being painted")
    assert (await answer(rig, ANA))["reason"] == "denied_out_of_service"
    await rig.stop_daemon()
    await rig.start(wait=False)
    status = await rig.until(lambda s: s["doors"]["vault"]["state"] == "out_of_service")
    assert status["doors"]["vault"]["out_of_service"].startswith("being painted (")
    await rig.acli("door", "in-service", "vault")
    await rig.until(lambda s: s["doors"]["vault"]["state"] == "locked")


async def test_a_reader_that_was_away_is_back_within_2_s_and_shows_what_is_asked(
    rig: Rig,
) -> None:
    assert rig.bus is not None
    rig.bus.dead.add(1)
    await rig.until(lambda s: not s["readers"]["vault-in"]["online"])
    rig.vault_in.power_cycle()
    rig.bus.dead.clear()
    begun = time.monotonic()
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
    assert time.monotonic() - begun < 2.0
    assert (await rig.until(lambda s: True))["readers"]["vault-out"]["stats"]["timeouts"] == 0
    # The whole adapter.
    rig.bus.unplug()
    await rig.until(lambda s: not s["readers"]["vault-out"]["online"])
    rig.bus.replug()
    begun = time.monotonic()
    await secured(rig)
    assert time.monotonic() - begun < 2.0
    rig.vault_in.beeps = 0
    rig.vault_in.card(ANA)
    await rig.until(lambda s: s["doors"]["vault"]["state"] == "waiting")
    async with asyncio.timeout(2):
        while rig.vault_in.shown != "PIN AND #":
            await asyncio.sleep(0.01)
    assert rig.vault_in.flash is Colour.AMBER
    await rig.until(lambda s: (s["last"]["vault"] or {}).get("reason") == "denied_no_pin", 10)
    async with asyncio.timeout(2):
        while rig.vault_in.shown != "NO ACCESS":
            await asyncio.sleep(0.01)
    assert rig.vault_in.beeps >= 4


async def test_reader_commands_show_and_test_the_link(rig: Rig) -> None:
    listing = (await rig.acli("reader", "list")).stdout
    assert "vault-in" in listing and "secure" in listing
    shown = (await rig.acli("reader", "show", "vault-in")).stdout
    assert "sessions" in shown and "474152" in shown
    tested = (await rig.acli("reader", "test", "vault-in")).stdout
    assert "20 answers" in tested and rig.vault_in.beeps > 0
    done = await rig.acli("reader", "test", "nobody", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr


SALLY_PORT = """
[buses.rs485]
port = "dev/bus"
baudrate = 115200

[readers.r1]
bus = "rs485"
address = 1
options = { hold_off_s = 0.0 }

[readers.r2]
bus = "rs485"
address = 2
options = { hold_off_s = 0.0 }

[locks.outer-strike]
reader = "r1"

[doors.outer]
mode = "badge"
reader = "r1"
lock = "outer-strike"
channel = 2
pulse_s = 0.5
fail = "secure"
contact = { device = "r1", input = 1 }

[doors.inner]
mode = "badge"
reader = "r2"
lock = "board"
channel = 3
pulse_s = 0.5
fail = "secure"
contact = { device = "r2", input = 1 }
fire = { device = "r2", input = 2, normally = "open" }
on_fire = "release"

[interlocks.sally-port]
doors = ["outer", "inner"]

[access_levels.trucks]
doors = { outer = "always", inner = "always" }
"""


async def test_a_sally_port_never_grants_both_and_a_readers_output_is_a_lock(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(osdp=True, osdp_doors=SALLY_PORT)
    outer, inner = rig.vault_in, rig.vault_out
    inner.inputs[0] = True
    people = [{**PEOPLE[0], "access_levels": "trucks"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.start(wait=False)
    await rig.until(lambda s: len(s["readers"]) == 2)
    for name in ("r1", "r2"):
        await rig.acli("reader", "install", name)
    await secured(rig)

    async def at(reader: Any, door: str) -> str:
        before = (await rig.until(lambda s: True))["last"].get(door)
        reader.card(ANA)
        status = await rig.until(lambda s: s["last"].get(door) not in (None, before))
        return str(status["last"][door]["reason"])

    assert await at(outer, "outer") == "granted"
    async with asyncio.timeout(3):
        while not outer.outputs[1]:
            await asyncio.sleep(0.005)
    outer.input(1, False)  # the truck drives in
    await recorded(rig, "door.entered")
    assert await at(inner, "inner") == "denied_interlock"
    assert rig.board.state.get(3) is not True
    done = await rig.acli(
        "interlock", "override", "sally-port", "--reason", "long load", "--seconds", "2"
    )
    assert "outer, inner" in done.stdout
    assert await at(inner, "inner") == "granted"
    inner.input(1, False)
    breached = await recorded(rig, "interlock.breached")
    assert breached.data["other"] == "outer"
    inner.input(1, True)
    outer.input(1, True)
    async with asyncio.timeout(5):
        while outer.outputs[1] or rig.board.state.get(3):
            await asyncio.sleep(0.01)
    await rig.until(lambda s: all(d["state"] == "locked" for d in s["doors"].values()))
    assert (await recorded(rig, "interlock.overridden")).data["reason"] == "long load"
    # The reader whose output is the lock goes away: its door denies, the other is blocked.
    assert rig.bus is not None
    await asyncio.sleep(2)  # the override ends
    rig.bus.dead.add(1)
    await rig.until(lambda s: not s["readers"]["r1"]["online"])
    assert await at(inner, "inner") == "denied_interlock"
    # Fire: this door releases by declaration, for as long as it lasts.
    inner.input(2, True)
    await rig.board.wait_for(3, True)
    await asyncio.sleep(0.8)
    assert rig.board.state[3] is True
    inner.input(2, False)
    await rig.board.wait_for(3, False)
    await recorded(rig, "door.fire_cleared")
    assert [e.type for e in events(rig, "door.fire")] == ["door.fire", "door.fire_cleared"]
