"""The rules as properties, the night the clocks change, and what stands in for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide import covered_since, decide, face_threshold, is_open
from gateway.decide.model import (
    Confirmation,
    FaceOutcome,
    FaceResult,
    Liveness,
    Outcome,
    Person,
    PinOutcome,
    Reason,
    Request,
    Requirement,
    TemporaryGrant,
)
from gateway.decide.policy import (
    DEGRADED,
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
from tests.gateway.decide.policy_world import ANA, GOOD, NOW, SITE, requests

WEEK = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
MATCH = FaceResult(FaceOutcome.MATCH, 0.1, 1)

# What stands in for what failed: a test per cell

OPEN = replace(
    SITE,
    doors={"d": DoorPolicy("d", Mode.BADGE_FACE, area="a")},
    access_levels={"all": replace(SITE.access_levels["all"], areas={"a": "always"})},
    schedules={"always": Schedule("always", (Period(WEEK, time(0), None),))},
)
AT_DOOR = replace(GOOD, door="d", face=MATCH)
FAULTS = {
    Subsystem.CAMERA: replace(AT_DOOR, face=FaceResult(FaceOutcome.CAMERA_FAULT)),
    Subsystem.FACE: replace(AT_DOOR, face=FaceResult(FaceOutcome.UNAVAILABLE)),
    Subsystem.CLOCK: replace(AT_DOOR, clock_trusted=False),
}
DENIED = {
    Subsystem.CAMERA: Reason.DENIED_CAMERA_FAULT,
    Subsystem.FACE: Reason.DENIED_FACE_UNAVAILABLE,
    Subsystem.CLOCK: Reason.DENIED_CLOCK_UNTRUSTED,
}


def with_fault(thing: Subsystem) -> Request:
    return FAULTS.get(thing, replace(AT_DOOR, failing={thing: "why"}))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("thing", Subsystem)
@pytest.mark.parametrize("where", ["area", "site"])
def test_each_cell(thing: Subsystem, action: Action, where: str) -> None:
    other = Action.BADGE if action is Action.DENY else Action.DENY
    at_area = {thing: action} if where == "area" else {}
    site = replace(
        OPEN,
        areas={"a": Area("a", degraded=at_area)},
        degraded={**DEGRADED, thing: other if where == "area" else action},
    )
    request = with_fault(thing)
    decision = decide(request, site, NOW)
    assert thing.value in decision.degraded
    if action is Action.DENY:
        assert decision.reason is DENIED.get(thing, Reason.DENIED_DEGRADED)
        assert decision.fallback == {}
        return
    assert decision.fallback == {thing.value: action.value}
    if action is Action.BADGE:
        assert decision.granted
    elif action is Action.BADGE_PIN:
        assert decision.outcome is Outcome.NEED_PIN
        for pin in PinOutcome:
            good = pin in (PinOutcome.CORRECT, PinOutcome.DURESS)
            assert decide(replace(request, pin=pin), site, NOW).granted == good
        assert decide(replace(request, has_pin=False), site, NOW).reason is (
            Reason.DENIED_PIN_NOT_SET
        )
    else:
        assert decision.outcome is Outcome.NEED_CONFIRM and decision.rule == thing.value
        for word in Confirmation:
            answered = decide(replace(request, confirmation=word), site, NOW)
            assert answered.granted == (word is Confirmation.CONFIRMED)


@pytest.mark.parametrize("thing", Subsystem)
def test_without_a_word_in_the_policy_whatever_bears_on_identity_denies(thing: Subsystem) -> None:
    site = replace(OPEN, areas={"a": Area("a")}, degraded={})
    granted = decide(with_fault(thing), site, NOW).granted
    assert granted == (
        thing
        in (
            Subsystem.SYNC,
            Subsystem.LIST_COPY,  # whoever lost access since the copy is suspended by the log
            Subsystem.DISK,
            Subsystem.CHANNEL,
            Subsystem.BROKER,
            Subsystem.PEERS,
        )
    )


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("thing", Subsystem)
def test_each_cell_without_a_badge(thing: Subsystem, action: Action) -> None:
    """Nothing stands in for the face there; everything else comes on top of it as ever."""
    doors = {"d": replace(OPEN.doors["d"], identify=Identify(0.3, 500))}
    site = replace(OPEN, doors=doors, areas={"a": Area("a", degraded={thing: action})})
    alone: dict[str, Any] = {"credential": None, "identified": True, "enrolled": 100}
    request = replace(
        with_fault(thing), **alone, pin=PinOutcome.CORRECT, confirmation=Confirmation.CONFIRMED
    )
    decision = decide(request, site, NOW)
    if thing in (Subsystem.CAMERA, Subsystem.FACE) or action is Action.DENY:
        assert decision.reason is DENIED.get(thing, Reason.DENIED_DEGRADED)
        assert decision.fallback == {}
        return
    assert decision.granted and decision.fallback == {thing.value: action.value}
    for face in (None, FaceResult(FaceOutcome.NO_FACE), FaceResult(FaceOutcome.MATCH, 0.35, 1)):
        assert not decide(replace(request, face=face), site, NOW).granted


def test_several_faults_ask_for_all_that_each_asks_for() -> None:
    actions = {Subsystem.CAMERA: Action.CONFIRM, Subsystem.DISK: Action.BADGE_PIN}
    site = replace(OPEN, areas={"a": Area("a", degraded=actions)})
    request = replace(FAULTS[Subsystem.CAMERA], failing={Subsystem.DISK: "full"})
    assert decide(request, site, NOW).outcome is Outcome.NEED_PIN
    request = replace(request, pin=PinOutcome.CORRECT)
    assert decide(request, site, NOW).outcome is Outcome.NEED_CONFIRM
    granted = decide(replace(request, confirmation=Confirmation.CONFIRMED), site, NOW)
    assert granted.granted and granted.fallback == {"camera": "confirm", "disk": "badge+pin"}


def test_nobody_in_front_of_the_camera_is_no_fault_of_it() -> None:
    site = replace(OPEN, areas={"a": Area("a", degraded={Subsystem.CAMERA: Action.BADGE})})
    for outcome in (FaceOutcome.NO_FACE, FaceOutcome.MISMATCH):
        assert not decide(replace(AT_DOOR, face=FaceResult(outcome)), site, NOW).granted


# Properties

Change = Callable[[Request, Site], tuple[Request, Site]]


def of_person(**changes: Any) -> Change:
    def change(request: Request, site: Site) -> tuple[Request, Site]:
        person = request.person and replace(request.person, **changes)
        return replace(request, person=person), site

    return change


def of_request(**changes: Any) -> Change:
    return lambda request, site: (replace(request, **changes), site)


def of_areas(**changes: Any) -> Change:
    def change(request: Request, site: Site) -> tuple[Request, Site]:
        areas = {name: replace(area, **changes) for name, area in site.areas.items()}
        return request, replace(site, areas=areas)

    return change


def of_threats(**changes: Any) -> Change:
    def change(request: Request, site: Site) -> tuple[Request, Site]:
        levels = {n: replace(level, **changes) for n, level in site.threat_levels.items()}
        return request, replace(site, threat_levels=levels)

    return change


def one_more_required(request: Request, site: Site) -> tuple[Request, Site]:
    areas = {n: replace(a, requires=(*a.requires, "check")) for n, a in site.areas.items()}
    return request, replace(site, areas=areas)


def first_in(request: Request, site: Site) -> tuple[Request, Site]:
    schedules = {n: replace(s, first_in="boss") for n, s in site.schedules.items()}
    return request, replace(site, schedules=schedules)


RESTRICTIONS: dict[str, Change] = {
    "passback": of_areas(passback=Passback.HARD),
    "full": of_areas(maximum=1),
    "two": of_areas(two_person=True),
    "requires": one_more_required,
    "denies": of_areas(degraded=dict.fromkeys(Subsystem, Action.DENY)),
    "first": first_in,
    "closed": of_threats(closed=("*",)),
    "threat pin": of_threats(pin=True),
    "threat face": of_threats(face=True),
    "threat strict": of_threats(face_threshold=0.2),
    "threat two": of_threats(two_person=("yard", "vault")),
    "escort": of_person(needs_escort=True),
    "one escort": of_person(needs_escort=True, escorts=("nobody",)),
    "no requirement": of_person(requirements=()),
    "no grants": of_person(grants=()),
    "no levels": of_person(access_levels=()),
    "expired": of_person(valid_until=date(2020, 1, 1)),
    "clock": of_request(clock_trusted=False),
    "service": of_request(out_of_service=True),
    "interlock": of_request(interlocked="x"),
    "no word": of_request(confirmation=None),
    "no pin": of_request(has_pin=False),
    "no company": of_request(companions=()),
    "alone": of_request(companions=(), recent=()),
    "no face": of_request(templates=0),
    "face over": of_request(face_until=date(2026, 11, 24)),
    "none enrolled": of_request(enrolled=0),
    **{f"{thing} fails": of_request(failing={thing: "x"}) for thing in Subsystem},
}
grants = st.sampled_from(
    [
        (),
        (TemporaryGrant("door", "vault", NOW, NOW + timedelta(hours=1)),),
        (TemporaryGrant("area", "yard", NOW, NOW + timedelta(hours=1)),),
        (TemporaryGrant("door", "gate", NOW - timedelta(hours=2), NOW),),
    ]
)


@given(requests, grants, st.sampled_from(sorted(RESTRICTIONS)))
def test_a_restriction_never_grants(
    request_: Request, given_: tuple[TemporaryGrant, ...], name: str
) -> None:
    request_, _ = of_person(grants=given_)(request_, SITE)
    # What failed is kept, so that "X fails" is one fault more and not another one.
    request, site = RESTRICTIONS[name](request_, SITE)
    request = replace(request, failing={**request_.failing, **request.failing})
    if decide(request, site, NOW).granted:
        assert decide(request_, SITE, NOW).granted


@given(requests, st.dictionaries(st.sampled_from(Subsystem), st.sampled_from(Action)))
def test_what_failed_lets_in_nobody_whom_it_would_not_have(
    request_: Request, actions: dict[Subsystem, Action]
) -> None:
    """Whoever passes while something fails would pass if nothing did and their face were seen;
    a face that was seen, or that came without a badge, is as it is."""
    site = replace(SITE, degraded=actions, areas=of_areas(degraded=actions)(GOOD, SITE)[1].areas)
    if not decide(request_, site, NOW).granted:
        return
    broken = (FaceOutcome.CAMERA_FAULT, FaceOutcome.UNAVAILABLE)
    face = request_.face
    if not request_.identified and (face is None or face.outcome in broken):
        face = replace(MATCH, liveness=Liveness(True))
    whole = replace(request_, failing={}, clock_trusted=True, face=face)
    assert decide(whole, site, NOW).granted


@given(
    requests, st.dictionaries(st.sampled_from(Subsystem), st.sampled_from(Action)), st.booleans()
)
def test_without_a_badge_only_a_face_that_matches_passes(
    request_: Request, actions: dict[Subsystem, Action], threats: bool
) -> None:
    """Whatever fails and whatever the policy does about it, with and without threat levels."""
    site = replace(SITE, degraded=actions, areas=of_areas(degraded=actions)(GOOD, SITE)[1].areas)
    if not threats:
        site = replace(site, threat_levels={})
    request = replace(request_, identified=True, credential=None)
    if not decide(request, site, NOW).granted:
        return
    face, known = request.face, site.doors[request.door].identify
    assert known is not None and 0 < request.enrolled <= known.limit
    assert face is not None and face.outcome is FaceOutcome.MATCH and face.distance is not None
    assert face.distance <= face_threshold(request, site) <= known.threshold
    assert request.direction is Direction.IN or face.distance <= known.threshold
    assert face.liveness is not None and face.liveness.challenge is True


def test_the_stricter_threshold_holds_without_threat_levels_too() -> None:
    """A challenge compares with one person, by the door's looser threshold."""
    face = FaceResult(FaceOutcome.MATCH, 0.36, 1, liveness=Liveness(True))
    request = replace(
        GOOD, door="kiosk", credential=None, identified=True, enrolled=100, face=face, threat=""
    )
    site = replace(SITE, threat_levels={})
    for way in Direction:
        denied = decide(replace(request, direction=way), site, NOW)
        assert denied.reason is Reason.DENIED_FACE_MISMATCH
        near = replace(request, direction=way, face=replace(face, distance=0.3))
        assert decide(near, site, NOW).granted


@given(requests)
def test_deny_overrides_whatever_is_granted_beside(request_: Request) -> None:
    """More levels and grants let in nobody who is denied for any other reason than wanting them."""
    decision = decide(request_, SITE, NOW)
    about_access = (
        Reason.DENIED_NO_ACCESS_LEVEL,
        Reason.DENIED_OUT_OF_SCHEDULE,
        Reason.DENIED_FIRST_PERSON,
        Reason.DENIED_THREAT_LEVEL,
    )
    if decision.outcome is not Outcome.DENY or decision.reason in about_access:
        return
    everything = tuple(
        TemporaryGrant(kind, target, NOW - timedelta(days=1), NOW + timedelta(days=1))
        for kind, target in (("door", "gate"), ("door", "vault"), ("area", "yard"))
    )
    levels = tuple(SITE.access_levels)
    more, _ = of_person(grants=everything, access_levels=levels)(request_, SITE)
    assert not decide(more, SITE, NOW).granted


UNKNOWN: dict[str, Change] = {
    "door": of_request(door="attic"),
    "level": of_person(access_levels=("ghost",), grants=()),
    "person": of_request(person=None),
    "threat": of_request(threat="purple"),
    "kind": of_areas(requires=("ghost",)),
    "areas": lambda request, site: (request, replace(site, areas={})),
    "schedules": lambda request, site: (request, replace(site, schedules={})),
    "levels": lambda request, site: (request, replace(site, access_levels={})),
}


@given(requests, st.sampled_from(sorted(UNKNOWN)))
def test_what_is_unknown_denies(request_: Request, name: str) -> None:
    request, site = UNKNOWN[name](replace(request_, direction=Direction.IN), SITE)
    assert not decide(request, site, NOW).granted


junk = st.none() | st.integers() | st.text(max_size=5) | st.just(object()) | st.just({})


@given(junk, junk, junk, junk)
def test_decide_never_raises(a: Any, b: Any, c: Any, d: Any) -> None:
    for request in (
        replace(GOOD, area=a, failing=b, companions=c, threat=d),
        replace(GOOD, person=replace(ANA, grants=a, requirements=b, escorts=c, needs_escort=True)),
        replace(GOOD, door="vault", recent=a, confirmation=b, area=c, failing=d),
    ):
        assert decide(request, SITE, NOW).outcome in Outcome
    assert not decide(replace(GOOD, area=object()), SITE, a).granted  # type: ignore[arg-type]
    site = replace(SITE, areas=a, requirements=b, threat_levels=c, degraded=d)
    assert decide(GOOD, site, NOW).outcome in Outcome


# The night the clocks change


def openings(zone: str, day: date, start: time, end: time | None) -> float:
    """For how many hours (UTC) a schedule of every day is open on `day`."""
    schedule = Schedule("s", (Period(WEEK, start, end),))
    site = replace(SITE, zone=ZoneInfo(zone), holidays={})
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    minutes = (begin + timedelta(minutes=m) for m in range(0, 48 * 60, 5))
    local = (minute.astimezone(site.zone) for minute in minutes)
    return (
        sum(is_open(schedule, at, site) for at in local if covered_from(schedule, at, site, day))
        / 12
    )


def covered_from(schedule: Schedule, at: datetime, site: Site, day: date) -> bool:
    return covered_since(schedule, at, site) == day


@pytest.mark.parametrize(
    ("zone", "day", "two_to_three", "one_to_two", "whole"),
    [
        ("America/Tijuana", date(2026, 3, 8), 0, 1, 23),  # the hour from two is skipped
        ("America/Tijuana", date(2026, 11, 1), 1, 2, 25),  # the hour from one comes twice
        ("America/Tijuana", date(2027, 3, 14), 0, 1, 23),
        ("America/Tijuana", date(2027, 11, 7), 1, 2, 25),
        ("US/Eastern", date(2026, 3, 8), 0, 1, 23),
        ("US/Eastern", date(2026, 11, 1), 1, 2, 25),
        ("US/Eastern", date(2027, 3, 14), 0, 1, 23),
        ("US/Eastern", date(2027, 11, 7), 1, 2, 25),
        # Mexico has kept standard time since 2022, the towns at the border excepted.
        ("America/Mexico_City", date(2026, 4, 5), 1, 1, 24),
        ("America/Mexico_City", date(2026, 10, 25), 1, 1, 24),
        ("America/Mexico_City", date(2027, 4, 4), 1, 1, 24),
        ("America/Mexico_City", date(2027, 10, 31), 1, 1, 24),
    ],
)
def test_the_night_the_clocks_change(
    zone: str, day: date, two_to_three: float, one_to_two: float, whole: float
) -> None:
    assert openings(zone, day, time(2), time(3)) == two_to_three
    assert openings(zone, day, time(1), time(2)) == one_to_two
    assert openings(zone, day, time(0), None) == whole
    # A night shift that begins the evening before the change keeps its printed end.
    before = day - timedelta(days=1)
    hours = openings(zone, before, time(22), time(6))
    assert hours == 8 + (whole - 24)


def test_who_went_first_counts_for_the_night_that_began_then() -> None:
    """A night from 22:00: the foreman's entry at 22:10 opens it until six, not the next night."""
    zone = ZoneInfo("America/Tijuana")
    night = Schedule("a", (Period(WEEK, time(22), time(6)),), first_in="boss")
    site = replace(SITE, schedules={"a": night})
    worker = replace(ANA, access_levels=("all",), requirements=(Requirement("check", "person"),))

    def passes(now: datetime, entered: datetime) -> bool:
        at = now.astimezone(UTC)
        area = replace(GOOD.area, entered={"boss": entered.astimezone(UTC)})
        return decide(replace(GOOD, person=worker, area=area), site, at).granted

    entered = datetime(2026, 10, 31, 22, 10, tzinfo=zone)
    assert passes(datetime(2026, 10, 31, 23, 0, tzinfo=zone), entered)
    assert passes(datetime(2026, 11, 1, 5, 59, tzinfo=zone), entered)
    assert not passes(datetime(2026, 11, 1, 22, 1, tzinfo=zone), entered)


def test_a_grant_is_of_an_instant_and_not_of_a_wall_clock() -> None:
    """One that is given from 01:30 to 01:45 on the night that has two of them is one quarter."""
    since = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    until = since + timedelta(minutes=15)
    person = Person("e1", "Ana", grants=(TemporaryGrant("door", "vault", since, until),))
    site = replace(SITE, doors={"vault": DoorPolicy("vault", Mode.BADGE)})
    request = replace(GOOD, door="vault", person=person)
    assert decide(request, site, since).granted
    assert not decide(request, site, since + timedelta(hours=1)).granted
