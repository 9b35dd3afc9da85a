"""Rules that change while badges come: each attempt ends by those with which it began."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from drivers.base import CardRead
from gateway.decide.policy import Mode
from tests.gateway.doors.world import World, now

pytestmark = pytest.mark.looptime


def closed(world: World) -> object:
    """The same policy without any level that opens the door."""
    return replace(world.services.site, access_levels={}, policy_version="new")


async def put(world: World) -> None:
    async with world.services.rules.changing():
        site = closed(world)
        world.services.rules.now = replace(world.services.rules.now, site=site)


def versions(world: World) -> list[str]:
    return [e.data["policy_version"] for e in world.events if e.type.startswith("access.")]


async def test_somebody_who_types_a_pin_ends_by_the_rules_of_before() -> None:
    world = World(Mode.BADGE_PIN)
    task = asyncio.create_task(world.reader.run())
    world.reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.01)
    await put(world)
    world.reader._prompter.press("1234#")
    await asyncio.sleep(0.05)
    world.reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.reasons == ["granted", "denied_no_access_level"]
    assert versions(world) == ["", "new"]
    assert world.driven[0] and world.driven.count(True) == 1


async def test_no_attempt_begins_while_the_rules_change() -> None:
    world = World()
    task = asyncio.create_task(world.reader.run())
    async with world.services.rules.changing():
        world.reader.on_reading(CardRead("em4100", "1", "2"), now())
        await asyncio.sleep(1.0)
        assert world.reasons == []
        site = closed(world)
        world.services.rules.now = replace(world.services.rules.now, site=site)
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.reasons == ["denied_no_access_level"] and versions(world) == ["new"]


async def test_a_change_that_fails_holds_no_badge_back() -> None:
    world = World()
    with pytest.raises(OSError, match="full"):
        async with world.services.rules.changing():
            raise OSError("full")
    await world.tap()
    assert world.reasons == ["granted"]


async def test_wrong_pins_count_on_by_other_limits() -> None:
    world = World(Mode.BADGE_PIN)
    limits = world.services.pin_limits
    limits.remember([("e1", now())] * 2)
    limits.use(2, 300)
    assert limits.locked("e1", now())
    limits.use(5, 300)
    assert not limits.locked("e1", now())
