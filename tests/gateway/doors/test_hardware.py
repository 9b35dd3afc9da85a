"""What devices report reaches the door's machine, and what the machine says reaches the lock."""

from __future__ import annotations

import asyncio

import pytest

from drivers.base import Signal
from gateway.doors.interlock import Interlock
from gateway.doors.machine import DoorState
from tests.gateway.doors.world import World, now

pytestmark = pytest.mark.looptime


def kinds(world: World) -> list[str]:
    return [event.type.value for event in world.events]


async def test_a_door_that_is_forced_shows_its_alarm_at_the_reader_until_it_is_shut() -> None:
    world = World(watched=True)
    world.hardware.on_contact(False)
    world.hardware.on_contact(True)
    assert world.signals == [Signal.ALARM]
    world.hardware.on_contact(False)
    assert world.signals == [Signal.ALARM, Signal.IDLE]
    assert kinds(world) == ["door.forced", "door.forced_cleared"]


async def test_two_open_doors_of_an_interlock_are_on_record() -> None:
    interlock = Interlock("i")
    one, two = (World(name=n, watched=True, interlock=interlock) for n in ("one", "two"))
    for world in (one, two):
        world.hardware.on_contact(False)
    one.hardware.on_contact(True)
    assert "interlock.breached" not in kinds(one)
    two.hardware.on_contact(True)
    assert two.events[-1].type == "interlock.breached" and two.events[-1].data == {"other": "one"}


async def test_an_exit_is_not_a_break_in() -> None:
    world = World(watched=True)
    world.hardware.on_contact(False)
    world.hardware.on_rex(True)
    world.hardware.on_contact(True)
    assert kinds(world) == ["door.rex", "door.exit"]


async def test_a_contact_that_is_lost_is_not_known_to_be_shut() -> None:
    world = World(watched=True)
    world.hardware.on_contact(False)
    assert world.hardware.door.secure and world.controller.watched
    world.hardware.on_contact_lost()
    assert not world.hardware.door.secure and world.controller.status()["open"] is None


async def test_chatter_and_a_lock_that_is_wrong_are_on_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.hardware.on_chatter("rex", "board:2", 12)
    world.hardware.on_lock_wrong("relay 1 is on")
    assert [(e.type.value, dict(e.data)) for e in world.events] == [
        ("door.input_chatter", {"input": "rex", "device": "board:2", "count": 12}),
        ("door.lock_fault", {"detail": "relay 1 is on"}),
    ]
    assert "relay 1 is on" in caplog.text


async def test_a_tampered_device_makes_the_condition_tampered() -> None:
    world = World()
    world.hardware.on_tamper("r", True)
    assert world.hardware.condition().tampered
    await world.tap()
    assert world.reasons == ["denied_tampered"]
    world.hardware.on_tamper("r", False)
    assert not world.hardware.condition().tampered


async def test_an_alarm_from_before_a_restart_goes_on() -> None:
    world = World(watched=True)
    world.hardware.resume({"door.forced": now() - 60})
    assert world.hardware.door.state is DoorState.FORCED and world.signals == [Signal.ALARM]
    world.hardware.on_contact(False)
    assert world.events[-1].data == {"open_s": 60.0, "before_restart": True}


async def test_a_door_out_of_service_refuses_and_comes_back() -> None:
    world = World()
    world.hardware.set_out_of_service("being painted", "ana")
    assert world.controller.status()["state"] == "out_of_service"
    await world.tap()
    world.hardware.set_out_of_service("")
    await world.tap()
    assert world.reasons == ["denied_out_of_service", "granted"]


async def test_a_pulse_that_is_renewed_has_one_end() -> None:
    world = World()
    world.hardware.release(1)
    await asyncio.sleep(0.06)
    world.hardware.release(2)
    await asyncio.sleep(0.06)
    assert world.driven == [True, True]
    await asyncio.sleep(0.06)
    assert world.driven == [True, True, False]
