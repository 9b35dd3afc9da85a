"""Which door blocks which."""

from __future__ import annotations

from gateway.doors.interlock import Interlock
from gateway.doors.machine import Door, DoorTimes

TIMES = DoorTimes(3.0)


def test_a_released_door_blocks_the_others_until_an_override_ends_that() -> None:
    interlock = Interlock("i")
    one, two = Door("one", TIMES), Door("two", TIMES)
    interlock.add("one", one)
    interlock.add("two", two)
    assert interlock.doors == ("one", "two")
    one.release(0.0)
    assert interlock.blocked_by("two", 1.0) == "one" and interlock.blocked_by("one", 1.0) == ""
    interlock.override(10.0)
    assert interlock.blocked_by("two", 9.9) == ""
    assert interlock.blocked_by("two", 10.0) == "one"


def test_more_given_back_than_reserved_leaves_nothing_reserved() -> None:
    interlock = Interlock("i")
    for name in ("one", "two"):
        interlock.add(name, Door(name, TIMES))
    interlock.give_back("one")
    interlock.reserve("one")
    assert interlock.blocked_by("two", 0.0) == "one"
