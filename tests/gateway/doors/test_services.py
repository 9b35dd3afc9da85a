"""What all doors share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from gateway.decide.policy import Action, Area, Subsystem
from gateway.doors.services import loop_time
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.doors.world import World, by_rules


def test_the_longest_wait_counts_a_guard_only_where_one_may_be_asked() -> None:
    services = by_rules(World().services, pin_timeout_s=15.0, escort_s=20.0)
    assert services.longest_wait_s == 2 * 15.0 + 20.0
    area = Area("a", second_s=90.0, degraded={Subsystem.DISK: Action.CONFIRM})
    services = by_rules(services, site=replace(services.site, areas={"a": area}))
    assert services.longest_wait_s == 2 * (15.0 + services.confirmations.longest_s) + 90.0


async def test_an_event_that_can_not_be_recorded_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.ledger_fault = LedgerUnavailable("disk full")
    world.services.note(NewEvent(EventType.DOOR_REX, "d", {}))
    await asyncio.sleep(0)
    assert caplog.text.count("disk full") == 1


async def test_the_loop_runs_on_the_clock_with_which_devices_stamp_their_readings() -> None:
    """Devices pass `time.monotonic()`, doors compare it with the loop's time."""
    before = time.monotonic()
    assert before <= loop_time() <= time.monotonic()
