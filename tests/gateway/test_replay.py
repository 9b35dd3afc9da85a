"""A recorded badge decided again: the same list and policy say the same, others what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.accessrecord import access_event
from gateway.decide import decide
from gateway.ledger import chain
from gateway.model import (
    AccessLevel,
    AreaFacts,
    Confirmation,
    Credential,
    DoorPolicy,
    Event,
    FaceOutcome,
    FaceResult,
    Lookup,
    Mode,
    Outcome,
    Period,
    Person,
    PersonStatus,
    PinOutcome,
    Place,
    Reason,
    Request,
    Requirement,
    Schedule,
    Site,
)
from gateway.policy import Action, Area, Passback, RequirementKind, Thing, ThreatLevel
from gateway.replay import Holder, NotReplayable, replay_event

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
WEEK = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
BADGE = Credential("em4100", "1", "2")
SITE = Site(
    gateway="g",
    zone=ZoneInfo("America/Tijuana"),
    doors={
        "gate": DoorPolicy("gate", Mode.BADGE, area="yard"),
        "vault": DoorPolicy("vault", Mode.BADGE_FACE_PIN, area="vault", from_area="yard"),
    },
    schedules={"a": Schedule("a", (Period(WEEK, time(6), time(18)),), first_in="boss")},
    holidays={},
    access_levels={
        "all": AccessLevel("all", {}, areas={"yard": "a", "vault": "a"}),
        "boss": AccessLevel("boss", {"gate": "a"}, may_escort=True),
        "guest": AccessLevel("guest", {"gate": "a"}, needs_escort=True),
    },
    areas={
        "yard": Area("yard", ("check",), Passback.SOFT),
        "vault": Area(
            "vault", (), Passback.HARD, maximum=4, two_person=True,
            degraded={Thing.CAMERA: Action.CONFIRM, Thing.CLOCK: Action.CONFIRM},
        ),
    },
    requirements={"check": RequirementKind("check", criteria=("11.1",))},
    threat_levels={"normal": ThreatLevel("normal"), "high": ThreatLevel("high", 1, ("vault",))},
    degraded={Thing.DISK: Action.BADGE_PIN},
    evidence={"granted": ("9.4",)},
    policy_version="p1",
)  # fmt: skip
CHECK = Requirement("check", "person", date(2026, 12, 1))
ANA = Person("e1", "Ana", access_levels=("all", "boss"), requirements=(CHECK,))
BEN = Person("e2", "Ben", access_levels=("boss",))
GOOD = Request("gate", BADGE, Lookup.FOUND, ANA, 7, 3, threat="normal", has_pin=True)


class Keys:
    def fingerprint(self, key: str) -> str:
        return key[:16]


class People:
    """A list to decide by: who holds the one badge, and everybody by id."""

    def __init__(self, holder: Holder, *others: Person) -> None:
        self._holder = holder
        self._people = {person.id: person for person in others}

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        assert fingerprint == BADGE.key[:16]
        return self._holder

    def person(self, person_id: str) -> Person | None:
        return self._people.get(person_id)


def recorded(request: Request, now: datetime = NOW, site: Site = SITE) -> Event:
    """The event as it comes back from the log."""
    about = {"reader": "r", "way": request.way, "took_ms": 1.0}
    new = access_event(request, decide(request, site, now), site, Keys(), about)
    return chain.to_event(1, chain.body_of(new, "i", now), b"", b"")


def same_list(request: Request) -> People:
    holder = Holder(request.person, request.templates, request.has_pin, request.list_version)
    return People(holder, *request.companions, *request.recent)


people = st.builds(
    Person,
    id=st.just("e1"),
    name=st.just("Ana"),
    valid_until=st.none() | st.just(date(2026, 11, 1)),
    status=st.sampled_from([PersonStatus.ACTIVE, *PersonStatus]),
    access_levels=st.sampled_from([("all",), ("all", "boss"), ("guest",), ("ghost",)]),
    requirements=st.sampled_from([(), (CHECK,), (replace(CHECK, valid_until=date(2026, 1, 1)),)]),
    needs_escort=st.booleans(),
)
facts = st.builds(
    AreaFacts,
    place=st.none()
    | st.builds(
        Place, st.sampled_from(["", "yard", "vault"]), st.just(NOW - timedelta(hours=1)),
        st.booleans(),
    ),
    occupancy=st.integers(0, 5),
    entered=st.sampled_from([{}, {"boss": NOW}, {"boss": NOW - timedelta(days=2)}]),
    known=st.booleans(),
)  # fmt: skip
requests = st.builds(
    Request,
    door=st.sampled_from(["gate", "vault", "attic"]),
    credential=st.sampled_from([BADGE, BADGE, None]),
    lookup=st.just(Lookup.FOUND),
    person=people,
    list_version=st.integers(0, 5),
    templates=st.sampled_from([0, 3]),
    face=st.none()
    | st.builds(
        FaceResult, st.sampled_from(FaceOutcome),
        st.none() | st.sampled_from([0.1, 0.3, 0.5, 0.6]),
    ),
    age_s=st.sampled_from([0.0, 0.5, 9.0, -1.0, float("nan")]),
    clock_trusted=st.booleans(),
    lock_ready=st.sampled_from([True, True, False]),
    busy=st.sampled_from([False, False, True]),
    way=st.sampled_from(["in", "out"]),
    out_of_service=st.sampled_from([False, False, True]),
    interlocked=st.sampled_from(["", "", "x"]),
    has_pin=st.booleans(),
    pin_locked=st.sampled_from([False, False, True]),
    pin=st.none() | st.sampled_from([p for p in PinOutcome if p is not PinOutcome.DURESS]),
    area=facts,
    threat=st.sampled_from(["normal", "normal", "high", "none"]),
    failing=st.sampled_from([{}, {Thing.DISK: "1 MB"}, {Thing.SYNC: "x"}]),
    companions=st.sampled_from([(), (BEN,)]),
    recent=st.sampled_from([(), (BEN,)]),
    waited=st.booleans(),
    confirmation=st.none() | st.sampled_from(Confirmation),
)  # fmt: skip


@settings(max_examples=400)
@given(requests)
def test_the_same_list_and_policy_say_the_same(request_: Request) -> None:
    event = recorded(request_)
    then, now = replay_event(event, SITE, same_list(request_))
    decided = decide(request_, SITE, NOW)
    assert (now.outcome, now.reason, now.rule) == (
        decided.outcome, decided.reason, decided.rule
    )  # fmt: skip
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


def test_under_duress_replays_as_the_right_pin() -> None:
    request = replace(GOOD, failing={Thing.DISK: "x"}, pin=PinOutcome.DURESS)
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
