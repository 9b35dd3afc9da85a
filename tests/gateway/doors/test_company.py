"""At the reader: two persons, escorts, a guard's word, areas; with the real log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from drivers.base import CardRead, Keys, Signal
from gateway.decide.model import (
    Credential,
    FaceOutcome,
    FaceResult,
    Liveness,
    Person,
    PersonStatus,
    PinOutcome,
)
from gateway.decide.policy import (
    AccessLevel,
    Action,
    Area,
    Direction,
    DoorPolicy,
    Identify,
    Mode,
    Passback,
    Period,
    Schedule,
    Site,
    Subsystem,
)
from gateway.doors.confirm import Confirmations, NoSuchRequest
from gateway.doors.controller import DoorController
from gateway.doors.machine import DoorTimes
from gateway.doors.pinpad import PinLimits
from gateway.doors.rules import Rules, RulesInForce
from gateway.doors.services import Services
from gateway.face.matcher import Identified
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.people import Found, SealedPin
from gateway.state.clock import Clock
from gateway.state.movement import Link
from gateway.state.presence import Presence
from gateway.uplink import cloud_event, schemas
from tests.gateway.doors.world import hold_time_while_writing, now

pytestmark = pytest.mark.looptime

WEEK = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
AREA = Area("vault", passback=Passback.HARD, two_person=True, second_s=0.4)
ANA = Person("1", "Ana", access_levels=("staff",))
BEN = Person("2", "Ben", access_levels=("staff",))
OLD = Person("3", "Old", access_levels=("staff",), status=PersonStatus.REVOKED)
GUEST = Person("4", "Guest", access_levels=("guests",))
PEOPLE = {person.id: person for person in (ANA, BEN, OLD, GUEST)}


class World:
    """One door with an in and an out reader; the list, the lock and the face are stand-ins."""

    def __init__(self, folder: Path, area: Area, mode: Mode = Mode.BADGE) -> None:
        self.people = dict(PEOPLE)
        self.driven: list[bool] = []
        self.ready = True
        self.failing: dict[Subsystem, str] = {}
        self.face = FaceResult(FaceOutcome.CAMERA_FAULT, detail="black")
        self.known = ""  # who the face of an arrival is
        self.signals: list[Signal] = []
        site = Site(
            gateway="g",
            zone=ZoneInfo("UTC"),
            doors={
                "d": DoorPolicy(
                    "d", mode, badge_max_age_s=2.0, area=area.name, identify=Identify(0.3, 9)
                )
            },
            schedules={"a": Schedule("a", (Period(WEEK, clock_time(0), None),))},
            holidays={},
            access_levels={
                "staff": AccessLevel("staff", {}, areas={area.name: "a"}, may_escort=True),
                "guests": AccessLevel("guests", {}, areas={area.name: "a"}, needs_escort=True),
            },
            areas={area.name: area},
        )
        self.ledger = Ledger.open(folder / "ledger.db", gateway="g")
        hold_time_while_writing(self.ledger)
        self.path = folder / "ledger.db"
        self.presence = Presence({"d": Link(area.name, "", False)}, frozenset({area.name}))
        self.ledger.observe(self.on_record)
        self.guard = Confirmations(0.5)
        services = Services(
            rules=RulesInForce(Rules(site, pin_timeout_s=0.3, escort_s=0.4)),
            roster=self,
            ledger=self.ledger,
            clock=Clock(None, 60),
            key=self,
            faces=self,  # type: ignore[arg-type]
            pins=self,
            pin_limits=PinLimits(3, 300),
            presence=self.presence,
            failing=lambda *_: self.failing,
            confirmations=self.guard,
        )
        controller = DoorController("d", lock=self, times=DoorTimes(0.05), services=services)
        self.hardware = controller.hardware
        self.reader = controller.add_reader("r", Direction.IN, "c", self)
        self.out = controller.add_reader("o", Direction.OUT, None)
        self.tasks = [asyncio.create_task(reader.run()) for reader in controller.readers]

    def on_record(self, event: Event) -> None:
        for more in self.presence.apply(event):
            self.ledger.append_soon(more)

    def find(self, credential: Credential) -> Found:
        return Found(self.people.get(credential.number), 3, 1, True)

    def pin(self, person_id: str) -> SealedPin:
        return SealedPin("1234")

    def verify(self, person_id: str, pin: str, sealed: SealedPin) -> PinOutcome:
        return PinOutcome.CORRECT if pin == sealed.hash else PinOutcome.WRONG

    async def match(
        self, camera: str, person_id: str, tapped_at: float, **more: object
    ) -> FaceResult:
        return self.face

    async def identify(self, camera: str, track: int, threshold: float) -> Identified:
        return Identified(self.known, replace(self.face, liveness=Liveness()), 4)

    def find_person(self, person_id: str) -> Found:
        return Found(self.people.get(person_id), 3, 1, True)

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def drive(self, door: str, released: bool) -> None:
        self.driven.append(released)

    def fingerprint(self, key: str) -> str:
        return "f" * 16

    async def tap(self, *people: Person, wait: float = 0.05, reader: Any = None) -> None:
        for person in people:
            card = CardRead("em4100", "1", person.id)
            (reader or self.reader).on_reading(card, now())
            await asyncio.sleep(wait)

    def events(self, prefix: str) -> list[Event]:
        reader = LedgerReader(self.path)
        try:
            return [e for e in reader.after(0, 500) if e.type.startswith(prefix)]
        finally:
            reader.close()

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(e.data["person"]["id"], e.data["reason"]) for e in self.events("access.")]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for event in self.events(""):
            SCHEMA.validate(json.loads(cloud_event(event, "g")))
        self.ledger.close()


SCHEMA = jsonschema.Draft202012Validator(schemas.schema("events"))
Make = Callable[..., World]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[World] = []

    def make(area: Area = AREA, mode: Mode = Mode.BADGE) -> World:
        made.append(World(tmp_path, area, mode))
        return made[-1]

    yield make
    for item in made:
        await item.stop()


async def test_two_enter_together_by_one_unlocking(world: Make) -> None:
    door = world()
    await door.tap(ANA)
    assert door.answers == [] and door.driven == [] and door.signals == [Signal.WAIT]
    await door.tap(BEN)
    assert door.answers == [("2", "granted"), ("1", "granted")]
    assert door.driven[0] is True and door.driven.count(True) == 1
    assert {key for key, _ in door.presence.inside()} == {"1", "2"}
    facts = door.events("access.")[1].data["facts"]
    assert facts["companions"] == ["2"] and facts["waited"] is True


@pytest.mark.parametrize("others", [(), (ANA,), (ANA, ANA), (OLD,), (OLD, OLD)])
async def test_nobody_enters_alone(world: Make, others: tuple[Person, ...]) -> None:
    door = world()
    await door.tap(ANA, *others)
    await asyncio.sleep(0.5)
    assert door.driven == []
    assert ("1", "denied_no_second_person") in door.answers
    assert "granted" not in [reason for _, reason in door.answers]
    assert door.presence.occupancy("vault") == 0


async def test_a_second_who_may_not_is_refused_and_another_may_still_come(world: Make) -> None:
    door = world()
    await door.tap(ANA, OLD, BEN)
    assert door.answers == [("3", "denied_revoked"), ("2", "granted"), ("1", "granted")]


async def test_who_is_revoked_while_they_wait_stays_out_and_so_does_the_other(world: Make) -> None:
    door = world()
    await door.tap(ANA)
    door.people["1"] = replace(ANA, status=PersonStatus.REVOKED)
    await door.tap(BEN)
    assert door.answers == [("2", "denied_no_second_person"), ("1", "denied_revoked")]
    assert door.driven == [] and door.presence.occupancy("vault") == 0


async def test_one_left_alone_is_told_and_may_be_joined(world: Make) -> None:
    door = world()
    await door.tap(ANA, BEN)
    await door.tap(BEN, reader=door.out)
    await asyncio.sleep(0.05)
    assert [(e.subject, e.data["area"]) for e in door.events("area.alone")] == [("1", "vault")]
    await door.tap(BEN)
    assert door.answers[-1] == ("2", "granted")


async def test_a_badge_handed_back_is_a_passback(world: Make) -> None:
    door = world(replace(AREA, two_person=False))
    await door.tap(ANA, ANA)
    assert door.answers == [("1", "granted"), ("1", "denied_passback")]
    note = NewEvent("area.forgiven", "1", {"person": "1", "left": False})
    await door.ledger.append(note)
    await door.tap(ANA)
    assert door.answers[-1] == ("1", "granted")


async def test_a_full_area_is_full_for_two_at_once(world: Make) -> None:
    door = world(replace(AREA, maximum=1))
    await door.tap(ANA, BEN)
    await asyncio.sleep(0.5)
    assert door.driven == [] and door.answers[0] == ("2", "denied_area_full")


async def test_a_visitor_waits_for_the_escort_or_follows_them(world: Make) -> None:
    door = world(replace(AREA, two_person=False))
    await door.tap(GUEST)
    assert door.answers == []
    await door.tap(BEN)
    assert door.answers == [("2", "granted"), ("4", "granted")]
    door.people["5"] = replace(GUEST, id="5")
    await door.tap(door.people["5"])  # Ben's badge is fresh enough for another
    assert door.answers[-1] == ("5", "granted")
    await asyncio.sleep(0.45)
    door.people["6"] = replace(GUEST, id="6")
    await door.tap(door.people["6"])
    await asyncio.sleep(0.45)
    assert door.answers[-1] == ("6", "denied_no_escort")


async def test_an_escort_who_is_revoked_since_leads_nobody_in(world: Make) -> None:
    door = world(replace(AREA, two_person=False))
    await door.tap(BEN)
    door.people["2"] = replace(BEN, status=PersonStatus.REVOKED)
    await door.tap(GUEST)
    await asyncio.sleep(0.45)
    assert door.answers == [("2", "granted"), ("4", "denied_no_escort")]


async def test_who_is_revoked_while_a_guard_is_asked_for_the_other_stays_out(world: Make) -> None:
    area = replace(AREA, degraded={Subsystem.DISK: Action.CONFIRM})
    door = world(area)
    door.failing = {Subsystem.DISK: "full"}
    await door.tap(ANA, BEN)
    for yes in (True, True):  # first for Ben, who came second and is judged first
        waiting = door.guard.waiting()[-1]
        if waiting["person"] == "1":
            door.people["2"] = replace(BEN, status=PersonStatus.REVOKED)
        door.guard.answer(door.guard.find(str(waiting["id"]), "d"), yes=yes)
        await asyncio.sleep(0.05)
    assert door.answers == [("2", "denied_revoked"), ("1", "denied_no_second_person")]
    assert door.driven == []


# A guard's word

CONFIRM = replace(
    AREA, passback=Passback.OFF, two_person=False, degraded={Subsystem.CAMERA: Action.CONFIRM}
)


async def asked(door: World, person: Person = ANA) -> str:
    """A badge at a door whose camera is dark; the id under which a guard is asked."""
    await door.tap(person)
    await asyncio.sleep(0.02)
    return str(door.guard.waiting()[-1]["id"])


@pytest.mark.parametrize(("yes", "reason"), [(True, "granted"), (False, "denied_not_confirmed")])
async def test_a_guard_answers_one_request(world: Make, yes: bool, reason: str) -> None:
    door = world(CONFIRM, Mode.BADGE_FACE)
    request = await asked(door)
    assert door.events("door.confirm_asked")[0].data["id"] == request
    waiting = door.guard.find(request, "d")
    assert door.guard.answer(waiting, yes=yes)
    assert not door.guard.answer(waiting, yes=True)
    await asyncio.sleep(0.05)
    assert door.answers == [("1", reason)]
    assert bool(door.driven) == yes
    event = door.events("access.")[0]
    assert event.data["degraded"] == ["camera"] and event.data["fallback"] == {"camera": "confirm"}
    assert event.data["confirmation"] == ("confirmed" if yes else "refused")
    with pytest.raises(NoSuchRequest):
        door.guard.find(request, "d")


async def test_no_word_in_time_denies_and_a_late_one_opens_nothing(world: Make) -> None:
    door = world(CONFIRM, Mode.BADGE_FACE)
    waiting = door.guard.find(await asked(door), "d")
    await asyncio.sleep(0.6)
    assert door.answers == [("1", "denied_not_confirmed")]
    assert not door.guard.answer(waiting, yes=True)
    request = await asked(door)
    assert request != waiting.id
    await asyncio.sleep(0.6)
    assert door.driven == []


async def test_a_word_for_one_person_never_lets_in_the_next(world: Make) -> None:
    door = world(CONFIRM, Mode.BADGE_FACE)
    first = await asked(door, ANA)
    second = await asked(door, BEN)  # their badge ends the wait of the one before
    assert door.answers == [("1", "denied_not_confirmed")] and first != second
    for request, name in ((first, "d"), (second, "other"), ("", "d")):
        with pytest.raises(NoSuchRequest):
            door.guard.find(request, name)
    await asyncio.sleep(0.6)
    assert door.answers[-1] == ("2", "denied_not_confirmed") and door.driven == []


async def test_a_word_for_who_was_revoked_meanwhile_opens_nothing(world: Make) -> None:
    door = world(CONFIRM, Mode.BADGE_FACE)
    request = await asked(door)
    door.people["1"] = replace(ANA, status=PersonStatus.REVOKED)
    door.guard.answer(door.guard.find(request, "d"), yes=True)
    await asyncio.sleep(0.05)
    assert door.answers == [("1", "denied_revoked")] and door.driven == []


async def test_a_badge_that_changes_hands_while_it_waits_opens_nothing(world: Make) -> None:
    door = world(CONFIRM, Mode.BADGE_FACE)
    request = await asked(door)
    door.people["1"] = replace(BEN)
    door.guard.answer(door.guard.find(request, "d"), yes=True)
    await asyncio.sleep(0.05)
    assert door.events("access.")[0].data["reason"] == "denied_unknown_credential"


async def test_a_pin_in_place_of_the_face(world: Make) -> None:
    door = world(replace(CONFIRM, degraded={Subsystem.CAMERA: Action.BADGE_PIN}), Mode.BADGE_FACE)
    await door.tap(ANA)
    for key in "1234#":
        door.reader.on_reading(Keys(key), now())
    await asyncio.sleep(0.05)
    assert door.answers == [("1", "granted")] and Signal.PIN in door.signals
    await door.tap(BEN)
    await asyncio.sleep(0.35)
    assert door.answers[-1] == ("2", "denied_no_pin")


async def test_what_can_not_be_recorded_counts_nobody(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = world(replace(AREA, two_person=False, maximum=1))

    async def broken(event: NewEvent) -> Event:
        raise LedgerUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(door.ledger, "append", broken)
        await door.tap(ANA)
    assert door.driven == [] and door.presence.occupancy("vault") == 0
    facts = door.presence.facts("d", Direction.IN, "1", datetime.now(UTC))
    assert facts.occupancy == 0
    await door.tap(ANA)
    assert door.answers == [("1", "granted")]


# A face without a badge, in company


SEEN = FaceResult(FaceOutcome.MATCH, 0.2, 3, 0.01)


async def arrive(door: World, person: Person) -> None:
    door.face, door.known = SEEN, person.id
    door.reader.on_arrival(7, now())
    await asyncio.sleep(0.05)


async def test_one_known_by_face_waits_for_a_second_badge_that_is_not_their_own(
    world: Make,
) -> None:
    door = world()
    await arrive(door, ANA)
    assert door.answers == [] and door.driven == [] and door.signals == [Signal.WAIT]
    await door.tap(ANA)
    assert door.driven == [] and door.answers == [("1", "denied_no_second_person")]
    await door.tap(BEN)
    assert door.answers[1:] == [("2", "granted"), ("1", "granted")]
    assert door.driven.count(True) == 1
    assert {key for key, _ in door.presence.inside()} == {"1", "2"}
    alone, second = (door.events("access.")[n].data for n in (2, 1))
    assert alone["identified"] == {"enrolled": 4} and "credential" not in alone
    assert "identified" not in second and second["facts"]["companions"] == ["1"]


async def test_who_was_found_by_face_and_revoked_while_they_wait_stays_out(world: Make) -> None:
    door = world()
    await arrive(door, ANA)
    door.people["1"] = replace(ANA, status=PersonStatus.REVOKED)
    await door.tap(BEN)
    assert door.answers == [("2", "denied_no_second_person"), ("1", "denied_revoked")]
    assert door.driven == [] and door.presence.occupancy("vault") == 0


async def test_a_visitor_follows_an_escort_who_was_known_by_face(world: Make) -> None:
    door = world(replace(AREA, two_person=False))
    await arrive(door, BEN)
    await door.tap(GUEST)
    assert door.answers == [("2", "granted"), ("4", "granted")]
    door.people["2"] = replace(BEN, status=PersonStatus.REVOKED)
    door.people["5"] = replace(GUEST, id="5")
    await door.tap(door.people["5"])
    await asyncio.sleep(0.45)
    assert door.answers[-1] == ("5", "denied_no_escort")


@pytest.mark.parametrize("outcome", [FaceOutcome.CAMERA_FAULT, FaceOutcome.UNAVAILABLE])
async def test_nothing_stands_in_for_a_face_without_a_badge(
    world: Make, outcome: FaceOutcome
) -> None:
    """Nobody is found then, so there is nobody to ask a guard about."""
    area = replace(AREA, two_person=False, degraded=dict.fromkeys(Subsystem, Action.BADGE))
    door = world(area)
    door.face, door.known = FaceResult(outcome), "1"
    door.reader.on_arrival(7, now())
    await asyncio.sleep(0.05)
    assert door.events("access.") == [] and door.driven == []


async def test_a_face_that_nobody_has_is_on_record_without_a_person(world: Make) -> None:
    door = world(replace(AREA, two_person=False))
    door.face = FaceResult(FaceOutcome.MISMATCH, 0.9, 3, 0.01)
    door.reader.on_arrival(7, now())
    await asyncio.sleep(0.05)
    [event] = door.events("access.")
    assert event.data["reason"] == "denied_not_identified" and "person" not in event.data
    assert door.driven == []


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 1e12])
async def test_an_arrival_with_a_wild_time_is_still_on_record(world: Make, at: float) -> None:
    door = world(replace(AREA, two_person=False))
    door.face, door.known = SEEN, "1"
    door.reader.on_arrival(7, at)
    await asyncio.sleep(0.05)
    [event] = door.events("access.")
    assert event.data["reason"] == "granted" and event.data["took_ms"] == 0
