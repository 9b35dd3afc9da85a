"""One door: every badge gets one answer, and no fault on the way opens it.

The parts around the gate are stand-ins here, to fail on demand; tests/system drives the real
ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivers.base import BadRead, BadReadReason, CardRead
from drivers.serialport import PortClosed
from gateway import gate as module
from gateway.clock import Clock
from gateway.gate import Gate, Parts
from gateway.ledger import LedgerUnavailable
from gateway.model import (
    AccessLevel,
    Credential,
    DoorPolicy,
    Event,
    FaceOutcome,
    FaceResult,
    Mode,
    NewEvent,
    Period,
    Person,
    PersonStatus,
    Schedule,
    Site,
)
from gateway.roster import Found, RosterUnavailable

ANA = Person("e1", "Ana", access_levels=("all",))
DAYS = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
MATCH = FaceResult(FaceOutcome.MATCH, 0.3, 1, 0.01)


class World:
    """Stand-ins for the list, the ledger, the lock and the camera, each with a fault to set."""

    def __init__(self, mode: Mode = Mode.BADGE) -> None:
        self.person = ANA
        self.events: list[NewEvent] = []
        self.driven: list[bool] = []
        self.ready = True
        self.list_fault: Exception | None = None
        self.ledger_fault: Exception | None = None
        self.lock_fault: Exception | None = None
        self.face: Callable[[], FaceResult] = lambda: MATCH
        from datetime import time as clock_time

        site = Site(
            gateway="g",
            zone=ZoneInfo("UTC"),
            doors={"d": DoorPolicy("d", mode)},
            schedules={"a": Schedule("a", (Period(DAYS, clock_time(0), None),))},
            holidays={},
            access_levels={"all": AccessLevel("all", {"d": "a"})},
        )
        parts = Parts(site, self, self, Clock(None, 60), self, self)  # type: ignore[arg-type]
        self.gate = Gate("d", reader="r", lock=self, camera="c", pulse_s=0.1, parts=parts)

    def find(self, credential: Credential) -> Found:
        if self.list_fault:
            raise self.list_fault
        return Found(self.person, 3, 1)

    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]:
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        if self.ledger_fault:
            future.set_exception(self.ledger_fault)
        else:
            self.events.append(event)
            future.set_result(Event(len(self.events), "i", "t", event.type, "", {}, "", ""))
        return future

    async def append(self, event: NewEvent) -> Event:
        return await self.append_soon(event)

    def drive(self, door: str, released: bool) -> None:
        if self.lock_fault:
            raise self.lock_fault
        self.driven.append(released)

    def fingerprint(self, key: str) -> str:
        return "f" * 16

    async def match(self, camera: str, person_id: str, tapped_at: float) -> FaceResult:
        await asyncio.sleep(0)
        return self.face()

    async def tap(self, count: int = 1) -> None:
        """Badges, and the gate until it has answered them."""
        for _ in range(count):
            self.gate.on_reading(CardRead("em4100", "1", "2"), time.monotonic())
        await self.settle()

    async def settle(self) -> None:
        task = asyncio.create_task(self.gate.run())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def reasons(self) -> list[str]:
        return [e.data["reason"] for e in self.events if e.type.startswith("access.")]


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
    assert world.driven == [] and world.gate.unrecorded == 3
    assert "nobody passes until it can" in caplog.text
    assert world.gate.last == {"reason": "denied_ledger_unavailable", "seq": None}
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


async def test_a_board_that_vanishes_while_unlocked_is_a_fault() -> None:
    world = World()
    await world.tap()
    world.gate.on_lock_lost()
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
    assert world.events[0].data["face"]["threshold"] == 0.5


async def test_a_clock_that_jumped_back_just_now_is_noticed_by_the_badge_itself() -> None:
    world = World()
    clock = world.gate._parts.clock
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
    assert world.driven == [] and world.gate.unrecorded == 1


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
    world.gate.on_reading(CardRead("em4100", "1", "2"), time.monotonic() - 6)
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
        world.gate.on_reading(BadRead(reason), time.monotonic())
    await world.settle()
    assert world.reasons == ["denied_bad_read"]
    assert world.events[0].data["bad_reads"] == {"checksum": 2, "framing": 1}
    for _ in range(100):
        world.gate.on_reading(BadRead(BadReadReason.CHECKSUM), time.monotonic())
    await world.settle()
    assert len(world.events) == 1
    await asyncio.sleep(0.2)
    await world.settle()
    assert [event.data["count"] for event in world.events] == [3, 100]
