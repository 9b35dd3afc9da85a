"""What is written down of a verdict, and the alarms beside it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.decide.model import (
    Decision,
    FaceOutcome,
    FaceResult,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Reason,
    Request,
)
from gateway.decide.policy import Direction
from gateway.doors.recorder import AccessRecorder
from gateway.doors.services import AccessPoint
from gateway.doors.steps import Verdict
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import Found, RosterUnavailable
from tests.gateway.doors.world import ANA, World, now

pytestmark = pytest.mark.looptime
LENT = FaceResult(FaceOutcome.MISMATCH, 0.8, 3, 0.01, nearest=("e2", 0.21239))
REQUEST = Request("d", None, Lookup.FOUND, ANA)
GRANTED = Decision(Outcome.GRANT, Reason.GRANTED)
MISMATCH = Decision(Outcome.DENY, Reason.DENIED_FACE_MISMATCH)


async def recorded(world: World, request: Request, decision: Decision) -> list[NewEvent]:
    recorder = AccessRecorder(world.services, AccessPoint("d", "r", Direction.OUT))
    await recorder.record([Verdict(request, decision, now())], world.services.site)
    await asyncio.sleep(0)
    return world.events


async def test_what_did_not_decide_is_on_record_beside_the_verdict() -> None:
    notes = ((EventType.AREA_PASSBACK, "in yard since 08:00"),)
    access, note = await recorded(World(), REQUEST, replace(GRANTED, notes=notes))
    assert access.data["way"] == "out" and access.data["reader"] == "r"
    assert note.type == "area.passback" and note.subject == "d"
    assert note.data["person"]["id"] == "e1" and note.data["detail"] == "in yard since 08:00"


@pytest.mark.parametrize("known", [True, False])
async def test_a_lent_badge_names_both_people_as_far_as_the_list_can_be_read(known: bool) -> None:
    world = World()

    def find_person(person_id: str) -> Found:
        if not known:
            raise RosterUnavailable("gone")
        return Found(Person(person_id, "Ben"), 3, 1)

    world.find_person = find_person  # type: ignore[attr-defined]
    alarm, access = await recorded(world, replace(REQUEST, face=LENT), MISMATCH)
    assert alarm.type == "alarm.lent_badge" and access.type == "access.denied"
    assert alarm.data["person"]["id"] == "e1" and alarm.data["face_person"] == "e2"
    assert alarm.data["face_name"] == ("Ben" if known else "")
    assert alarm.data["distance"] == 0.2124


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, face=replace(LENT, nearest=None)),
        replace(REQUEST, face=LENT, person=None),
        replace(REQUEST, face=LENT, identified=True),  # no badge was shown, so none is lent
        replace(REQUEST, face=None),
    ],
)
async def test_no_badge_is_called_lent_without_two_people(request_: Request) -> None:
    [access] = await recorded(World(), request_, MISMATCH)
    assert access.type == "access.denied"


async def test_duress_is_an_alarm_even_if_nobody_knows_whose() -> None:
    request = replace(REQUEST, person=None, pin=PinOutcome.DURESS)
    alarm, access = await recorded(World(), request, MISMATCH)
    assert alarm.type == "alarm.duress" and "person" not in alarm.data
    assert access.data["pin"] == "correct"


async def test_the_picture_is_kept_after_the_record_and_nobody_waits_for_it() -> None:
    world, kept, door = World(), [], asyncio.Event()

    async def keep_picture(event: Event, person_id: str, face: FaceResult) -> None:
        await door.wait()
        kept.append((event.type, person_id, face.picture))

    world.keep_picture = keep_picture  # type: ignore[attr-defined]
    face = FaceResult(FaceOutcome.MATCH, 0.2, 3, 0.01, picture=b"jpeg")
    await recorded(world, replace(REQUEST, face=face), GRANTED)
    assert kept == []
    door.set()
    await asyncio.sleep(0.01)
    assert kept == [("access.granted", "e1", b"jpeg")]
