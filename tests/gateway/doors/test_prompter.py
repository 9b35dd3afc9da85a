"""Asking at a reader: anything unclear comes back as an outcome that denies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from drivers.base import Signal
from gateway.decide.model import Confirmation, FaceOutcome, FaceResult, PinOutcome
from gateway.decide.policy import Direction, Identify
from gateway.doors.prompter import Prompter
from gateway.doors.services import AccessPoint, Services
from gateway.doors.steps import Presented
from tests.gateway.doors.world import ANA, MATCH, World, by_rules, now

pytestmark = pytest.mark.looptime


def prompter_of(
    world: World, services: Services | None = None, camera: str | None = "c"
) -> Prompter:
    point = AccessPoint("d", "r", Direction.IN, camera)
    return Prompter(services or world.services, point, world)


async def typed(prompter: Prompter, keys: str) -> tuple[PinOutcome, bool]:
    task = asyncio.create_task(prompter.pin("e1", prompter._services.rules.now))
    await asyncio.sleep(0)
    prompter.press(keys)
    return await task


async def test_each_wrong_pin_counts_although_nobody_waits_for_the_answer_any_more() -> None:
    world = World()
    prompter = prompter_of(world)
    assert [await typed(prompter, "0000#") for _ in range(3)] == [(PinOutcome.WRONG, False)] * 3
    assert await typed(prompter, "1234#") == (PinOutcome.CORRECT, True)


async def test_a_pin_that_is_not_set_can_not_be_right() -> None:
    world = World()
    world.pin = lambda person_id: None  # type: ignore[assignment, method-assign, return-value]
    assert await typed(prompter_of(world), "1234#") == (PinOutcome.UNAVAILABLE, False)


async def test_no_camera_or_no_face_process_is_unavailable() -> None:
    world = World()
    without = replace(world.services, faces=None)
    for prompter in (prompter_of(world, without), prompter_of(world, camera=None)):
        face = await prompter.face("e1", now(), world.services.rules.now)
        assert face.outcome is FaceOutcome.UNAVAILABLE and face.detail == "no camera at this door"
        assert await prompter.identify(1, world.services.rules.now) is None


async def test_the_steps_of_a_challenge_are_shown_and_other_words_are_not() -> None:
    world = World()

    async def match(
        camera: str, person_id: str, tapped_at: float, *, challenge: bool, on_prompt: object
    ) -> FaceResult:
        assert callable(on_prompt)
        for word in ("left", "right", "open the door", "granted", "straight"):
            on_prompt(word)
        return MATCH

    world.match = match  # type: ignore[method-assign, assignment]
    face = await prompter_of(world).face("e1", now(), world.services.rules.now)
    assert face is MATCH
    assert world.signals == [Signal.LEFT, Signal.RIGHT, Signal.STRAIGHT]


def identifying(world: World, found: FaceResult, person_id: str, **door: object) -> Prompter:
    """A prompter at a door that opens to a face alone, and what the search finds."""

    async def identify(camera: str, track: int, threshold: float) -> SimpleNamespace:
        return SimpleNamespace(person_id=person_id, result=found, searched=4)

    world.identify = identify  # type: ignore[attr-defined]
    site = world.services.site
    policy = replace(site.doors["d"], identify=Identify(0.3, 9), **door)  # type: ignore[arg-type]
    return prompter_of(world, by_rules(world.services, site=replace(site, doors={"d": policy})))


async def found_by(prompter: Prompter) -> Presented | None:
    return await prompter.identify(7, prompter._services.rules.now)


async def test_a_face_that_is_found_has_to_turn_where_the_door_asks_for_it() -> None:
    world = World()
    world.face = lambda: replace(MATCH, distance=0.25)
    presented = await found_by(identifying(world, MATCH, "e1", challenge=True))
    assert presented is not None and presented.identified and presented.person_id == "e1"
    assert presented.face is not None and presented.face.distance == 0.25
    assert world.signals == [Signal.LOOK]


@pytest.mark.parametrize(
    ("outcome", "person", "known"),
    [
        (FaceOutcome.MATCH, "e1", "e1"),
        (FaceOutcome.MISMATCH, "e1", ""),  # the nearest person is not that person
        (FaceOutcome.MATCH, "", ""),
        (FaceOutcome.NO_FACE, "", None),
        (FaceOutcome.CAMERA_FAULT, "", None),
        (FaceOutcome.UNAVAILABLE, "e1", None),
    ],
)
async def test_only_a_match_names_a_person(
    outcome: FaceOutcome, person: str, known: str | None
) -> None:
    prompter = identifying(World(), replace(MATCH, outcome=outcome), person)
    presented = await found_by(prompter)
    assert (presented.person_id if presented is not None else None) == known


async def test_the_next_badge_ends_the_question_to_the_guard() -> None:
    world = World()
    prompter = prompter_of(world)
    task = asyncio.create_task(prompter.confirmation(ANA, "camera"))
    await asyncio.sleep(0.01)
    [event] = world.events
    [waiting] = world.services.confirmations.waiting()
    assert event.type == "door.confirm_asked" and event.data["id"] == waiting["id"]
    prompter.give_up()
    assert await task is Confirmation.MISSING
    prompter.give_up()  # nobody is asked any more
