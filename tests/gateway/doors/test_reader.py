"""One reader: its queue, and faults of our own while it serves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from drivers.base import CardRead, Keys
from gateway.decide.policy import Direction, Mode
from gateway.doors import attempt as attempt_module
from gateway.doors.machine import DoorState
from gateway.doors.steps import CompanyNeeded
from tests.gateway.doors import test_company as company
from tests.gateway.doors.test_company import ANA, BEN, Make
from tests.gateway.doors.world import World, now

pytestmark = pytest.mark.looptime
world = company.world


async def test_a_bug_while_a_second_badge_is_judged_refuses_them_and_the_first_still_waits(
    world: Make, caplog: pytest.LogCaptureFixture
) -> None:
    door = world()
    find = door.find

    def broken(credential: object) -> object:
        if credential.number == "2":  # type: ignore[attr-defined]
            raise RuntimeError("a bug")
        return find(credential)  # type: ignore[arg-type]

    door.find = broken  # type: ignore[method-assign, assignment]
    await door.tap(ANA, BEN)
    [event] = door.events("access.")
    assert event.data["reason"] == "denied_internal_error" and "person" not in event.data
    assert door.driven == [] and "internal error" in caplog.text
    door.find = find  # type: ignore[method-assign]
    await door.tap(BEN)
    reasons = [e.data["reason"] for e in door.events("access.")]
    assert reasons == ["denied_internal_error", "granted", "granted"]


async def test_a_bug_after_a_second_badge_came_leaves_a_record_of_both(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = world()

    def broken(*_: object) -> object:
        raise RuntimeError("a bug")

    monkeypatch.setattr(attempt_module.AccessAttempt, "_together", broken)
    await door.tap(ANA, BEN)
    reasons = [e.data["reason"] for e in door.events("access.")]
    assert reasons == ["denied_internal_error"] * 2 and door.driven == []


async def test_a_companion_who_would_need_company_is_a_bug_that_opens_nothing(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = world()
    real = attempt_module.AccessAttempt.next

    def needy(self: attempt_module.AccessAttempt, condition: object) -> object:
        if self._results.companions and self._companion is None:
            return CompanyNeeded(BEN, 1.0)
        return real(self, condition)  # type: ignore[arg-type]

    monkeypatch.setattr(attempt_module.AccessAttempt, "next", needy)
    await door.tap(ANA, BEN)
    await asyncio.sleep(0.5)
    reasons = [e.data["reason"] for e in door.events("access.")]
    assert reasons == ["denied_internal_error", "denied_no_second_person"] and door.driven == []


async def test_the_door_still_waits_after_a_second_badge_was_asked_and_refused(
    world: Make,
) -> None:
    door = world(replace(company.AREA, second_s=2.0), Mode.BADGE_PIN)
    await door.tap(ANA)
    door.reader.on_reading(Keys("1234#"), now())
    await asyncio.sleep(0.05)
    await door.tap(BEN)
    door.reader.on_reading(Keys("9999#"), now())
    await asyncio.sleep(0.05)
    assert door.answers == [("2", "denied_wrong_pin")]
    assert door.hardware.door.state is DoorState.WAITING
    await asyncio.sleep(2.0)
    assert door.answers[-1] == ("1", "denied_no_second_person")
    assert door.hardware.door.state is DoorState.LOCKED


async def test_a_search_for_a_face_that_fails_is_a_refusal_on_record(world: Make) -> None:
    door = world()

    async def broken(camera: str, track: int, threshold: float) -> object:
        raise RuntimeError("a bug")

    door.identify = broken  # type: ignore[method-assign, assignment]
    door.reader.on_arrival(7, now())
    await asyncio.sleep(0.05)
    [event] = door.events("access.")
    assert event.data["reason"] == "denied_internal_error" and door.driven == []


async def test_a_face_that_comes_while_a_badge_waits_is_not_queued(world: Make) -> None:
    door = world()
    door.reader.on_reading(CardRead("em4100", "1", "3"), now())
    door.reader.on_arrival(7, now())
    await asyncio.sleep(0.05)
    assert door.answers == [("3", "denied_revoked")]


async def test_progress_is_now_with_nothing_to_do_and_stands_still_while_a_badge_waits() -> None:
    stub = World()
    await asyncio.sleep(5)
    assert stub.reader.progress_at == now()
    stub.reader.on_reading(CardRead("em4100", "1", "2"), now())
    begun = now()
    await asyncio.sleep(5)  # nobody serves it
    assert stub.reader.progress_at == begun
    await stub.settle()
    assert stub.reader.progress_at == now()


async def test_a_reader_without_a_display_and_without_an_answer_yet() -> None:
    stub = World()
    assert stub.controller.last is None
    silent = stub.controller.add_reader("s", Direction.OUT, None)
    task = asyncio.create_task(silent.run())
    silent.on_reading(CardRead("em4100", "1", "2"), now())
    await asyncio.sleep(0.01)
    task.cancel()
    assert stub.reasons == ["granted"] and stub.signals == []
    last = stub.controller.last
    assert last is not None and last["reason"] == "granted"
    assert stub.controller.status()["state"] == "unlocked"
