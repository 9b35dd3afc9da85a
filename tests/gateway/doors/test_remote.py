"""A door that opens to a command: the record first, then the lock, once; and what keeps it shut."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.decide.policy import Subsystem
from gateway.doors.interlock import Interlock
from gateway.doors.remote import NotOpened, open_once
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from tests.gateway.doors.world import World, by_rules

pytestmark = pytest.mark.looptime
ABOUT = {"by": "rosa", "key": "rosa", "counter": 17, "reason": "delivery"}


def world(**more: Any) -> World:
    """A world whose door may open from afar."""
    made = World(**more)
    services = made.services
    doors = {n: replace(door, remote_open=True) for n, door in services.site.doors.items()}
    made.services = by_rules(services, site=replace(services.site, doors=doors))
    return made


async def opened(at: World, *, late: bool = False) -> Event:
    return await open_once(at.hardware, at.services, ABOUT, lambda: late)


async def refused(at: World, *, late: bool = False) -> str:
    with pytest.raises(NotOpened) as caught:
        await opened(at, late=late)
    return str(caught.value)


async def test_the_record_comes_before_the_lock_and_the_lock_moves_once() -> None:
    at = world()
    driven_then: list[bool] = []
    append_soon = at.append_soon

    def watched(event: NewEvent) -> asyncio.Future[Event]:
        if event.type == "door.remote_opened":
            driven_then.extend(at.driven)
        return append_soon(event)

    at.append_soon = watched  # type: ignore[method-assign]
    record = await opened(at)
    assert driven_then == [] and at.driven == [True]
    await asyncio.sleep(0.2)
    assert at.driven == [True, False]
    kinds = [(event.type.value, event.data.get("grant")) for event in at.events]
    assert kinds == [
        ("door.remote_opened", None),
        ("door.unlocked", record.seq),
        ("door.locked", None),
    ]
    assert at.events[0].data == ABOUT and at.events[0].subject == "d"


async def test_a_door_is_shut_to_commands_unless_it_says_otherwise() -> None:
    at = World()
    assert await refused(at) == "denied_remote_off"
    assert at.events == [] and at.driven == []


async def test_nothing_opens_without_its_record() -> None:
    at = world()
    at.ledger_fault = LedgerUnavailable("full")
    with pytest.raises(LedgerUnavailable):
        await opened(at)
    assert at.driven == []


async def test_what_keeps_the_door_shut() -> None:
    at = world()
    at.ready = False
    assert await refused(at) == "denied_lock_unavailable"
    at = world()
    at.hardware.set_out_of_service("repair")
    assert await refused(at) == "denied_out_of_service"
    at = world()
    at.hardware.on_tamper("r", True)
    assert await refused(at) == "denied_tampered"
    at = world()
    at.services = replace(
        at.services,
        failing=lambda *_: {Subsystem.DISK: "1 MB free", Subsystem.CHANNEL: "in clear"},
    )
    assert (await opened(at)).seq == 1  # the policy lets badges pass all the same
    assert at.driven == [True]


async def test_a_slow_disk_does_not_open_the_door_later() -> None:
    """The record took longer than the command is good, or the door changed meanwhile."""
    at = world()
    assert await refused(at, late=True) == "expired"
    append_soon = at.append_soon

    def closing(event: NewEvent) -> asyncio.Future[Event]:
        if event.type == "door.remote_opened":
            at.hardware.set_out_of_service("meanwhile")
        return append_soon(event)

    at.append_soon = closing  # type: ignore[method-assign]
    assert await refused(at) == "denied_out_of_service"
    assert at.driven == []


async def test_a_lock_that_can_not_be_driven_is_told() -> None:
    at = world()
    at.lock_fault = OSError("gone")
    assert await refused(at) == "denied_lock_unavailable"
    await asyncio.sleep(1)
    assert "door.lock_fault" in [event.type for event in at.events]


async def test_two_doors_of_an_interlock_never_open_together() -> None:
    lock = Interlock("sally")
    one, two = world(name="one", interlock=lock), world(name="two", interlock=lock)
    answers = await asyncio.gather(opened(one), opened(two), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Event", "NotOpened"]
    assert one.driven + two.driven == [True]
    await asyncio.sleep(0.2)
    assert (await opened(two)).type == "door.remote_opened"  # and the reservation is given back


async def test_a_refusal_gives_the_reservation_back() -> None:
    lock = Interlock("sally")
    one, two = world(name="one", interlock=lock), world(name="two", interlock=lock)
    assert await refused(one, late=True) == "expired"
    one.ledger_fault = LedgerUnavailable("full")
    with pytest.raises(LedgerUnavailable):
        await opened(one)
    await opened(two)
    assert two.driven == [True]
