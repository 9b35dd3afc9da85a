"""A recorded badge decided again: the same list and policy say the same, others what differs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from gateway.decide import RULES, decide
from gateway.decide.model import (
    Decision,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Outcome,
    Person,
    PersonStatus,
    PinOutcome,
    Reason,
    Request,
)
from gateway.decide.policy import Direction, DoorPolicy, Mode, Site, Subsystem
from gateway.decide.record import access_event
from gateway.decide.replay import (
    THE_OTHER,
    Holder,
    NotReplayable,
    replay_event,
    replay_steps,
    request_of,
)
from gateway.ledger import chain
from gateway.ledger.event import Event
from gateway.uplink import cloud_event, schemas
from tests.gateway.decide.policy_world import ANA, BADGE, GOOD, NOW, SITE, requests

SCHEMA = jsonschema.Draft202012Validator(schemas.schema("events"))


class Keys:
    def fingerprint(self, key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()[:16]


class People:
    """A list to decide by: who holds the one badge, and everybody by id."""

    def __init__(self, holder: Holder, *others: Person) -> None:
        self._holder = holder
        self._people = {person.id: person for person in others}

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        assert fingerprint == Keys().fingerprint(BADGE.key)
        return self._holder

    def person(self, person_id: str) -> Person | None:
        return self._people.get(person_id)


def recorded(request: Request, now: datetime = NOW, site: Site = SITE) -> Event:
    """The event as it comes back from the log."""
    about = {"reader": "r", "way": request.direction, "took_ms": 1.0}
    new = access_event(request, decide(request, site, now), site, Keys(), about)
    event = chain.to_event(1, chain.body_of(new, "i", now), b"1" * 32, b"2" * 32)
    SCHEMA.validate(json.loads(cloud_event(event, "g")))
    return event


def same_list(request: Request) -> People:
    holder = Holder(request.person, request.templates, request.has_pin, request.list_version)
    own = () if request.person is None else (request.person,)
    return People(holder, *own, *request.companions, *request.recent)


@given(requests)
def test_the_same_list_and_policy_say_the_same(request_: Request) -> None:
    event = recorded(request_)
    then, now = replay_event(event, SITE, same_list(request_))
    decided = decide(request_, SITE, NOW)
    assert (now.outcome, now.reason, now.rule) == (decided.outcome, decided.reason, decided.rule)
    assert then.reason is decided.reason
    assert (now.fallback, now.criteria) == (decided.fallback, decided.criteria)


def test_another_list_and_another_policy_say_what_differs() -> None:
    event = recorded(GOOD)
    revoked = Holder(replace(ANA, status=PersonStatus.REVOKED), 3, True, 8)
    then, now = replay_event(event, SITE, People(revoked))
    assert then.granted and now.reason is Reason.DENIED_REVOKED and now.list_version == 8
    assert replay_event(event, SITE, People(Holder()))[1].reason is (
        Reason.DENIED_UNKNOWN_CREDENTIAL
    )
    stricter = replace(
        SITE, doors={**SITE.doors, "gate": DoorPolicy("gate", Mode.BADGE_FACE)}, policy_version="p2"
    )
    _, now = replay_event(event, stricter, same_list(GOOD))
    assert now.outcome is Outcome.NEED_FACE and now.policy_version == "p2"
    unknown = recorded(replace(GOOD, person=None, lookup=Lookup.UNKNOWN))
    then, now = replay_event(unknown, SITE, same_list(GOOD))
    assert not then.granted and now.granted


FACE = FaceResult(FaceOutcome.MATCH, 0.3, 1, liveness=Liveness(True))
ALONE = replace(
    GOOD,
    door="kiosk",
    credential=None,
    identified=True,
    enrolled=9,
    face=FACE,
    face_until=date(2026, 11, 25),
)


def test_a_face_without_a_badge_replays_by_the_person_it_was_found_to_be() -> None:
    then, now = replay_event(recorded(ALONE), SITE, same_list(ALONE))
    assert then.granted and now.granted
    gone = People(Holder())
    assert replay_event(recorded(ALONE), SITE, gone)[1].reason is Reason.DENIED_NOT_IDENTIFIED
    over = replace(ALONE, face_until=date(2026, 11, 24))
    then, now = replay_event(recorded(over), SITE, same_list(over))
    assert then.reason is now.reason is Reason.DENIED_FACE_NOT_ENROLLED
    suspect = replace(FACE, liveness=Liveness(True, True, "flat"))
    site = replace(SITE, doors={"kiosk": replace(SITE.doors["kiosk"], deny_suspect=True)})
    event = recorded(replace(ALONE, face=suspect), site=site)
    then, now = replay_event(event, site, same_list(ALONE))
    assert then.reason is now.reason is Reason.DENIED_NOT_LIVE and then.rule == now.rule == "flat"
    assert replay_event(event, SITE, same_list(ALONE))[1].granted


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (replace(ALONE, face=replace(FACE, distance=0.32001)), Reason.DENIED_FACE_MISMATCH),
        (replace(ALONE, face=replace(FACE, distance=0.32)), Reason.GRANTED),
        (replace(ALONE, face=replace(FACE, distance=0.319999)), Reason.GRANTED),
        (replace(GOOD, age_s=5.01), Reason.DENIED_STALE_BADGE),
        (replace(GOOD, age_s=5.001), Reason.DENIED_STALE_BADGE),
        (replace(GOOD, age_s=5.0), Reason.GRANTED),
    ],
)
def test_what_was_just_beyond_a_limit_is_so_on_record(request_: Request, reason: Reason) -> None:
    then, now = replay_event(recorded(request_), SITE, same_list(request_))
    assert then.reason is now.reason is reason


def test_one_refused_for_the_others_sake_is_no_decision_of_their_own() -> None:
    decision = Decision(Outcome.DENY, Reason.DENIED_NO_SECOND_PERSON, THE_OTHER)
    about = {"reader": "r", "way": "in", "took_ms": 1.0}
    new = access_event(replace(GOOD, waited=True), decision, SITE, Keys(), about)
    event = chain.to_event(1, chain.body_of(new, "i", NOW), b"", b"")
    with pytest.raises(NotReplayable, match="the other"):
        replay_event(event, SITE, same_list(GOOD))


def test_under_duress_replays_as_the_right_pin() -> None:
    request = replace(GOOD, failing={Subsystem.DISK: "x"}, pin=PinOutcome.DURESS)
    then, now = replay_event(recorded(request), SITE, same_list(request))
    assert then.granted and now.granted


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("door.forced", {}),
        ("access.granted", {}),
        ("access.granted", {"facts": {}}),
        ("access.granted", {"facts": {}, "reason": "no such"}),
        ("access.granted", {"facts": [], "reason": "granted", "door": "gate"}),
        ("access.denied", {"facts": {}, "reason": "denied_internal_error", "door": "gate"}),
        ("access.denied", {"facts": {"place": [1]}, "reason": "denied_expired", "door": "gate"}),
        ("access.denied", {"facts": {"failing": {"x": 1}}, "reason": "granted", "door": "gate"}),
    ],
)
def test_what_is_no_decision_is_said_to_be_none(kind: str, data: dict[str, Any]) -> None:
    event = Event(1, "i", NOW.isoformat(), kind, "gate", data, "", "")
    with pytest.raises(NotReplayable):
        replay_event(event, SITE, People(Holder()))


@pytest.mark.parametrize("way", ["sideways", "OUT", "", None, 5, ["out"], {}])
def test_an_unknown_direction_in_a_record_is_read_as_in(way: object) -> None:
    """More rules hold on the way in, so what nobody understands is judged by those."""
    assert Direction.read(way) is Direction.IN
    request = replace(GOOD, direction=Direction.OUT)
    event = access_event(request, decide(request, SITE, NOW), SITE, Keys(), {"way": way})
    data = json.loads(json.dumps(event.data))
    assert request_of(data, same_list(request)).direction is Direction.IN
    data["way"] = "out"
    assert request_of(data, same_list(request)).direction is Direction.OUT


@pytest.mark.parametrize(
    "spoilt", [{"facts": 5}, {"facts": {"place": [1]}}, {"reason": "unheard_of"}, {"face": {}}]
)
def test_a_record_that_is_not_in_its_form_is_not_replayed(spoilt: dict[str, object]) -> None:
    event = recorded(GOOD)
    with pytest.raises(NotReplayable, match="not in its form"):
        replay_event(replace(event, data={**event.data, **spoilt}), SITE, same_list(GOOD))


def test_a_replay_in_steps_decides_as_one_without() -> None:
    event, people = recorded(GOOD), same_list(GOOD)
    then, now, steps = replay_steps(event, SITE, people)
    assert (then, now) == replay_event(event, SITE, people)
    assert [step.name for step in steps] == [name for name, _ in RULES]
    assert all(step.end is None for step in steps)
