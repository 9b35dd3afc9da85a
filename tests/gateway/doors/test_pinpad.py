"""Keys as they come, and the limit on wrong ones."""

from __future__ import annotations

import asyncio

import pytest

from gateway.decide.model import PinOutcome
from gateway.doors.pinpad import PinLimits, PinPad

pytestmark = pytest.mark.looptime


def test_wrong_ones_from_before_a_restart_count() -> None:
    limits = PinLimits(3, 300.0)
    limits.remember([("e1", -250.0), ("e1", -200.0), ("e2", -5.0), ("e1", -100.0)])
    assert limits.locked("e1", 0.0) and not limits.locked("e2", 0.0)
    assert not limits.locked("e1", 60.0)  # the oldest is too old by then


def test_a_duress_pin_counts_as_right() -> None:
    limits = PinLimits(2, 300.0)
    limits.tried("e1", PinOutcome.WRONG, 0.0)
    limits.tried("e1", PinOutcome.DURESS, 1.0)
    limits.tried("e1", PinOutcome.WRONG, 2.0)
    assert not limits.locked("e1", 3.0)


def test_one_that_was_not_typed_counts_for_nothing() -> None:
    limits = PinLimits(1, 300.0)
    for outcome in (PinOutcome.MISSING, PinOutcome.UNAVAILABLE):
        limits.tried("e1", outcome, 0.0)
    assert not limits.locked("e1", 1.0)


async def test_keys_after_the_end_and_a_second_end_change_nothing() -> None:
    pad = PinPad()
    task = asyncio.create_task(pad.read(5.0))
    await asyncio.sleep(0)
    pad.press("12#34#")
    pad.press("5#")
    pad.give_up()
    assert await task == "12"
    pad.give_up()  # nobody waits
