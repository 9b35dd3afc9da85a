"""One door: every badge gets one answer, and no fault on the way opens it.

The parts around the door are stand-ins here, to fail on demand; tests/system drives the real
ones.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from drivers.base import BadRead, BadReadReason, CardRead, Keys, Signal
from drivers.serialport import PortClosed
from gateway.decide.model import (
    FaceOutcome,
    FaceResult,
    Liveness,
    PersonStatus,
    PinOutcome,
)
from gateway.decide.policy import Mode
from gateway.doors import reader as module
from gateway.doors.interlock import Interlock
from gateway.doors.pinpad import PinLimits
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.people import RosterUnavailable, SealedPin
from tests.gateway.doors.world import ANA, MATCH, World, now

pytestmark = pytest.mark.looptime


async def test_a_grant_unlocks_after_its_record_and_locks_again() -> None:
    world = World()
    await world.tap()
    assert world.reasons == ["granted"] and world.driven == [True]
    await asyncio.sleep(0.15)
    assert world.driven == [True, False]
    assert [e.type for e in world.events] == ["access.granted", "door.unlocked", "door.locked"]
    assert "masked" in world.events[0].data["credential"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RosterUnavailable("gone"), "denied_list_unavailable"),
        (RuntimeError("a bug"), "denied_internal_error"),
    ],
)
async def test_a_list_that_fails_denies(fault: Exception, reason: str) -> None:
    world = World()
    world.list_fault = fault
    await world.tap()
    assert world.reasons == [reason] and world.driven == []
    world.list_fault = None
    await world.tap()
    assert world.reasons[-1] == "granted"


async def test_a_record_that_can_not_be_written_denies(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.ledger_fault = LedgerUnavailable("disk full")
    await world.tap(3)
    assert world.driven == [] and world.reader.unrecorded == 3
    assert "nobody passes until it can" in caplog.text
    assert world.controller.last == {"reason": "denied_ledger_unavailable", "seq": None}
    world.ledger_fault = None
    await world.tap()
    assert world.driven == [True]


async def test_a_lock_that_is_away_denies_and_one_that_fails_is_noted() -> None:
    world = World()
    world.ready = False
    await world.tap()
    assert world.reasons == ["denied_lock_unavailable"] and world.driven == []
    world.ready = True
    world.lock_fault = PortClosed("gone")
    await world.tap()
    kinds = [event.type for event in world.events]
    assert kinds[-3:] == ["access.granted", "door.unlocked", "door.lock_fault"] or kinds[-2:] == [
        "access.granted",
        "door.lock_fault",
    ]
    world.lock_fault = None
    await asyncio.sleep(0.2)
    assert world.driven == []  # the wish to unlock is gone, not waiting


async def test_a_lock_that_can_not_be_driven_costs_no_other_event() -> None:
    world = World()
    await world.tap()
    world.lock_fault = PortClosed(5, "gone")
    world.hardware.set_out_of_service("being painted")
    kinds = [event.type for event in world.events]
    assert kinds[-2:] == ["door.lock_fault", "door.out_of_service"] and "door.locked" not in kinds
    world.lock_fault = ValueError("a driver with a bug")
    world.hardware.release(1)
    assert not world.hardware.door.released


async def test_a_fire_with_the_lock_away_is_one_fault_and_released_when_it_is_back() -> None:
    world = World()
    world.hardware.door._fire_releases = True
    world.lock_fault = PortClosed(5, "gone")
    world.hardware.on_fire(True)
    await asyncio.sleep(0.35)
    kinds = [event.type for event in world.events]
    assert kinds == ["door.fire", "door.lock_fault"] and world.driven == []
    world.lock_fault = None
    await asyncio.sleep(0.15)
    assert world.driven[0] is True
    world.hardware.on_fire(False)
    assert world.driven[-1] is False


async def test_a_board_that_vanishes_while_unlocked_is_a_fault() -> None:
    world = World()
    await world.tap()
    world.hardware.on_lock_lost()
    assert world.events[-1].type == "door.lock_fault"
    await asyncio.sleep(0.15)
    assert world.driven == [True]


@pytest.mark.parametrize(
    ("face", "reason"),
    [
        (lambda: MATCH, "granted"),
        (lambda: FaceResult(FaceOutcome.MISMATCH, 0.8, 3), "denied_face_mismatch"),
        (lambda: replace(MATCH, distance=None), "denied_face_mismatch"),
        (lambda: FaceResult(FaceOutcome.UNAVAILABLE), "denied_face_unavailable"),
        (lambda: 1 / 0, "denied_face_unavailable"),
    ],
)
async def test_the_face_decides_and_a_bug_in_it_denies(face: Any, reason: str) -> None:
    world = World(Mode.BADGE_FACE)
    world.face = face
    await world.tap()
    assert world.reasons == [reason]
    assert world.driven == ([True] if reason == "granted" else [])
    assert world.events[0].data["face"]["threshold"] == 0.4


async def test_a_clock_that_jumped_back_just_now_is_noticed_by_the_badge_itself() -> None:
    world = World()
    clock = world.clock
    await world.tap()
    clock._wall = lambda: time.time() - 3600
    await world.tap()
    assert world.reasons == ["granted", "denied_clock_untrusted"]
    denied = next(event for event in world.events if event.type == "access.denied")
    assert denied.data["degraded"] == ["clock"]


async def test_a_record_that_can_not_be_formed_denies() -> None:
    world = World()
    world.ledger_fault = ValueError("no JSON")
    await world.tap()
    assert world.driven == [] and world.reader.unrecorded == 1


async def test_after_three_failed_challenges_a_right_one_does_not_count() -> None:
    world = World(Mode.BADGE_FACE, challenge=True)
    for turned, rule in ((False, "flat"),) * 3 + ((True, "too_many_tries"),):
        face = replace(MATCH, liveness=Liveness(challenge=turned, detail=rule))
        world.face = lambda face=face: face  # type: ignore[misc]
        await world.tap()
        last = [event for event in world.events if event.type == "access.denied"][-1].data
        assert (last["reason"], last["rule"]) == ("denied_not_live", rule)
    assert world.driven == []


async def test_who_is_revoked_while_they_look_at_the_camera_stays_out() -> None:
    world = World(Mode.BADGE_FACE)

    def revoked_meanwhile() -> FaceResult:
        world.person = replace(ANA, status=PersonStatus.REVOKED)
        return MATCH

    world.face = revoked_meanwhile
    await world.tap()
    assert world.reasons == ["denied_revoked"] and world.driven == []


async def test_a_badge_that_waited_too_long_is_stale() -> None:
    world = World()
    world.reader.on_reading(CardRead("em4100", "1", "2"), now() - 6)
    await world.settle()
    assert world.reasons == ["denied_stale_badge"] and world.driven == []


async def test_badges_beyond_the_queue_are_refused_with_their_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "QUEUE_LIMIT", 10)
    world = World()
    await world.tap(25)
    assert world.reasons == ["granted"] * 10 + ["denied_busy"]
    assert world.events[-1].data["count"] == 15


async def test_noise_is_recorded_at_once_and_then_gathered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "NOISE_WINDOW_S", 0.2)
    world = World()
    for reason in (BadReadReason.CHECKSUM, BadReadReason.FRAMING, BadReadReason.CHECKSUM):
        world.reader.on_reading(BadRead(reason), now())
    await world.settle()
    assert world.reasons == ["denied_bad_read"]
    assert world.events[0].data["bad_reads"] == {"checksum": 2, "framing": 1}
    for _ in range(100):
        world.reader.on_reading(BadRead(BadReadReason.CHECKSUM), now())
    await world.settle()
    assert len(world.events) == 1
    await asyncio.sleep(0.2)
    await world.settle()
    assert [event.data["count"] for event in world.events] == [3, 100]


# PINs


async def typed(world: World, *keys: str) -> None:
    """A badge, and keys while the reader waits for them."""
    task = asyncio.create_task(world.reader.run())
    world.reader.on_reading(CardRead("em4100", "1", "2"), now())
    for pressed in keys:
        await asyncio.sleep(0.03)
        world.reader.on_reading(Keys(pressed), now())
    await asyncio.sleep(0.45)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (("1234#",), "granted"),
        (("1", "2", "3", "4", "#"), "granted"),
        (("99*1234#",), "granted"),
        (("1235#",), "denied_wrong_pin"),
        (("#",), "denied_wrong_pin"),
        (("1" * 5000 + "#",), "denied_wrong_pin"),
        (("1234",), "denied_no_pin"),
        ((), "denied_no_pin"),
    ],
)
async def test_a_pin_decides(keys: tuple[str, ...], reason: str) -> None:
    world = World(Mode.BADGE_PIN)
    await typed(world, *keys)
    assert world.reasons == [reason]
    assert bool(world.driven) == (reason == "granted")
    assert world.signals[0] is Signal.PIN
    assert world.signals[-1] is (Signal.GRANTED if reason == "granted" else Signal.DENIED)
    assert "1234" not in str(world.events)


async def test_a_pin_typed_before_the_badge_counts_for_nothing() -> None:
    world = World(Mode.BADGE_PIN)
    world.reader.on_reading(Keys("1234#"), now())
    await typed(world)
    assert world.reasons == ["denied_no_pin"]


async def test_duress_opens_and_tells_silently() -> None:
    world = World(Mode.BADGE_PIN)
    await typed(world, "4321#")
    assert world.reasons == ["granted"] and world.driven[0] is True
    kinds = [event.type for event in world.events]
    assert kinds[:2] == ["alarm.duress", "access.granted"]
    assert world.events[1].data["pin"] == "correct"  # the record of the badge says nothing
    assert world.signals[-1] is Signal.GRANTED


async def test_duress_is_told_where_the_face_refuses() -> None:
    world = World(Mode.BADGE_FACE_PIN)
    world.face = lambda: FaceResult(FaceOutcome.NO_FACE)
    await typed(world, "4321#")
    assert [event.type for event in world.events] == ["alarm.duress", "access.denied"]
    assert world.driven == []


def test_the_right_pin_ends_no_lock_that_another_door_has_begun() -> None:
    limits = PinLimits(3, 300)
    for _ in range(3):
        limits.tried("e1", PinOutcome.WRONG, 0.0)
    limits.tried("e1", PinOutcome.CORRECT, 1.0)
    assert limits.locked("e1", 2.0) and not limits.locked("e1", 301.0)


async def test_wrong_pins_lock_also_the_right_one() -> None:
    world = World(Mode.BADGE_PIN)
    for _ in range(3):
        await typed(world, "0000#")
    await typed(world, "1234#")
    assert world.reasons == ["denied_wrong_pin"] * 3 + ["denied_pin_locked"]
    assert world.driven == []


async def test_a_reader_that_restarts_does_not_glue_two_halves_of_a_pin() -> None:
    world = World(Mode.BADGE_PIN)
    task = asyncio.create_task(world.reader.run())
    world.reader.on_reading(CardRead("em4100", "1", "2"), now())
    async with asyncio.timeout(5):
        while Signal.PIN not in world.signals:
            await asyncio.sleep(0.002)
        world.reader.on_reading(Keys("12"), now())
        world.reader.on_interrupted()
        world.reader.on_reading(Keys("34#"), now())
        while not world.reasons:
            await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.reasons == ["denied_no_pin"] and not world.driven


async def test_the_next_badge_ends_the_wait_for_a_pin() -> None:
    world = World(Mode.BADGE_PIN)
    task = asyncio.create_task(world.reader.run())
    world.reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.05)
    world.reader.on_reading(CardRead("em4100", "1", "3"), now())
    await asyncio.sleep(0.05)
    world.reader.on_reading(Keys("1234#"), now())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.reasons == ["denied_no_pin", "granted"]


async def test_a_pin_that_can_not_be_looked_up_denies() -> None:
    world = World(Mode.BADGE_PIN)

    def broken(person_id: str) -> SealedPin:
        raise RosterUnavailable("gone")

    world.pin = broken  # type: ignore[method-assign]
    await typed(world, "1234#")
    assert world.reasons == ["denied_list_unavailable"] and world.driven == []


# Interlock


async def test_never_both_doors_of_an_interlock() -> None:
    """Both badges at once: the second is refused while the first is still being recorded."""
    interlock = Interlock("sally-port")
    worlds = [World(name=name, watched=True, interlock=interlock) for name in "ab"]
    for world in worlds:
        world.hardware.on_contact(False)
    slow = asyncio.Event()
    quick = worlds[0].append

    async def append(event: NewEvent) -> Event:
        await slow.wait()
        return await quick(event)

    worlds[0].append = append  # type: ignore[method-assign]
    tasks = [asyncio.create_task(world.reader.run()) for world in worlds]
    worlds[0].reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.02)
    worlds[1].reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.02)
    slow.set()
    await asyncio.sleep(0.02)
    worlds[0].hardware.on_contact(True)
    worlds[1].reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.02)
    assert worlds[0].reasons == ["granted"]
    assert worlds[1].reasons == ["denied_interlock"] * 2 and worlds[1].driven == []
    assert worlds[1].events[0].data["rule"] == "a"
    worlds[0].hardware.on_contact(False)
    worlds[1].reader.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.02)
    assert worlds[1].reasons[-1] == "granted"
    worlds[1].hardware.on_contact_lost()  # unknown is not shut
    assert interlock.blocked_by("a", now()) == "b"
    interlock.override(now() + 1)
    assert interlock.blocked_by("a", now()) == ""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_grant_that_could_not_be_recorded_gives_the_interlock_back() -> None:
    interlock = Interlock("i")
    world = World(interlock=interlock)
    interlock.add("other", world.hardware.door)
    world.ledger_fault = LedgerUnavailable("disk full")
    await world.tap()
    assert interlock.blocked_by("other", now()) == ""


async def test_a_refusal_at_the_other_reader_gives_no_reservation_back() -> None:
    interlock = Interlock("i")
    world = World(interlock=interlock)
    interlock.add("other", world.hardware.door)
    world.hardware.reserve()  # a grant that is being recorded at one reader
    world.person = replace(ANA, status=PersonStatus.REVOKED)
    world.ledger_fault = ValueError("what no record can hold")
    await world.tap()  # a refusal at the other
    assert interlock.blocked_by("other", now()) == "d"
    world.hardware.reserve()  # and one more grant there
    world.hardware.give_back()
    assert interlock.blocked_by("other", now()) == "d"
    world.hardware.give_back()
    assert interlock.blocked_by("other", now()) == ""


async def test_a_bug_while_recording_gives_the_interlock_back() -> None:
    interlock = Interlock("i")
    world = World(interlock=interlock)
    interlock.add("other", world.hardware.door)
    world.ledger_fault = RuntimeError("a bug")
    await world.tap()
    assert world.driven == [] and interlock.blocked_by("other", now()) == ""


async def test_a_door_whose_lock_is_away_is_not_known_to_be_locked() -> None:
    """The board may have kept its relay energised."""
    interlock = Interlock("i")
    world = World(interlock=interlock)
    interlock.add("other", World().hardware.door)
    world.hardware.release(1)
    world.ready = False
    world.hardware.on_lock_lost()
    assert not world.hardware.door.released and interlock.blocked_by("other", now()) == "d"
    world.ready = True
    assert interlock.blocked_by("other", now()) == ""
