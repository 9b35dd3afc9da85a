"""What would let a person in: everything in the way, who can change it, no way around a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given

from gateway.decide import decide
from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    FaceOutcome,
    FaceResult,
    Lookup,
    PersonStatus,
    PinOutcome,
    Place,
    Reason,
    Request,
    TemporaryGrant,
)
from gateway.decide.policy import Period, Schedule, Subsystem, ThreatLevel
from gateway.decide.waysout import WAYS, opens_at
from gateway.decide.whatif import request_for, settled, ways
from gateway.wording.ways import SAID, WHO, sentence
from tests.gateway.decide.policy_world import ANA, CHECK, GOOD, NOW, SITE, requests

INSIDE = Place("vault", NOW - timedelta(hours=1))
VAULT = replace(
    GOOD,
    door="vault",
    area=AreaFacts(Place("yard", NOW - timedelta(hours=1)), 2, {"boss": NOW}),
)
CALM = {**SITE.threat_levels, "high": ThreatLevel("high", 1, ("vault",), open_to=("boss",))}


def codes(request: Request, when: datetime = NOW, **site: Any) -> dict[str, list[str]]:
    """By reason, the codes of what can be done."""
    found = ways(request, replace(SITE, **site), when)
    return {item.reason.value: [way.code for way in item.ways] for item in found}


def test_who_may_pass_needs_nothing() -> None:
    assert decide(GOOD, SITE, NOW).granted
    assert codes(GOOD) == {}


def test_everything_in_the_way_is_named_in_the_order_of_the_rules() -> None:
    person = replace(
        ANA, status=PersonStatus.SUSPENDED, valid_until=date(2026, 10, 31), requirements=()
    )
    request = replace(VAULT, door="gate", person=person, out_of_service=True)
    assert codes(request) == {
        "denied_suspended": ["list_status"],
        "denied_expired": ["list_days"],
        "denied_requirement_missing": ["requirement"],
        "denied_out_of_service": ["in_service", "other_door"],
    }


@pytest.mark.parametrize(
    ("changed", "reason", "first"),
    [
        ({"busy": True}, "denied_busy", "again"),
        ({"age_s": 9.0}, "denied_stale_badge", "again"),
        ({"clock_trusted": False, "door": "gate"}, "denied_clock_untrusted", "clock"),
        ({"lock_ready": False}, "denied_lock_unavailable", "repair_lock"),
        ({"tampered": True}, "denied_tampered", "tamper"),
        ({"interlocked": "other"}, "denied_interlock", "close_door"),
        ({"has_pin": False}, "denied_pin_not_set", "set_pin"),
        ({"pin_locked": True}, "denied_pin_locked", "wait_pin"),
        ({"pin": PinOutcome.WRONG}, "denied_wrong_pin", "right_pin"),
        ({"pin": PinOutcome.MISSING}, "denied_no_pin", "type_pin"),
        ({"templates": 1}, "denied_face_not_enrolled", "enroll"),
        ({"face": FaceResult(FaceOutcome.UNAVAILABLE)}, "denied_face_unavailable", "repair_face"),
        ({"face": FaceResult(FaceOutcome.NO_FACE)}, "denied_no_face", "stand_before"),
        ({"face": FaceResult(FaceOutcome.MISMATCH, 0.7)}, "denied_face_mismatch", "identity"),
        ({"area": AreaFacts(INSIDE, 1)}, "denied_passback", "leave_first"),
        ({"area": AreaFacts(VAULT.area.place, 4)}, "denied_area_full", "area_full"),
        ({"failing": {Subsystem.LIST_OLD: "90 h"}}, "denied_degraded", "new_list"),
        ({"threat": "high"}, "denied_threat_level", "threat_level"),
    ],
)
def test_each_thing_has_its_way_and_behind_it_the_person_passes(
    changed: dict[str, Any], reason: str, first: str
) -> None:
    found = ways(replace(VAULT, **changed), SITE, NOW)
    assert [item.reason.value for item in found] == [reason]
    assert found[0].ways[0].code == first and not found[0].final


def test_a_factor_that_nobody_asked_for_yet_is_taken_as_given() -> None:
    answer = settled(replace(VAULT, area=AreaFacts(VAULT.area.place, 0)), SITE, NOW)
    assert answer.decision.granted
    assert [item.value for item in answer.asked] == ["need_pin", "need_face", "need_second"]


def test_a_badge_of_nobody_ends_the_search_with_what_a_guard_can_do() -> None:
    found = ways(replace(GOOD, lookup=Lookup.UNKNOWN, person=None), SITE, NOW)
    assert [(item.reason, item.final) for item in found] == [
        (Reason.DENIED_UNKNOWN_CREDENTIAL, True)
    ]
    assert [way.code for way in found[0].ways] == ["find_person", "visitor_badge", "list_badge"]


def test_out_of_hours_says_when_the_door_opens_next() -> None:
    night = datetime(2026, 11, 26, 5, 0, tzinfo=UTC)  # 21:00 on the 25th in Tijuana
    found = ways(GOOD, SITE, night)
    assert [way.code for way in found[0].ways] == ["wait_until", "grant"]
    at = found[0].ways[0].facts["at"]
    assert at == datetime(2026, 11, 26, 6, 0, tzinfo=SITE.zone)
    assert "2026-11-26 06:00" in sentence(found[0].ways[0], SITE.zone)


def test_a_holiday_is_stepped_over() -> None:
    worked = Schedule("a", (Period(frozenset(("mon", "tue", "wed", "thu", "fri")), time(6), None),))
    site = replace(
        SITE, schedules={"a": worked}, holidays={date(2026, 11, 27): "the day after the feast"}
    )
    thursday_night = datetime(2026, 11, 27, 7, 59, tzinfo=UTC)
    assert opens_at(GOOD, site, thursday_night) == datetime(2026, 11, 30, 6, 0, tzinfo=SITE.zone)


def test_a_door_that_no_hour_opens_says_none() -> None:
    stranger = replace(GOOD, person=replace(ANA, access_levels=("ghost",)))
    assert opens_at(stranger, SITE, NOW) is None
    assert codes(stranger) == {"denied_no_access_level": ["grant", "level"]}


def test_a_grant_of_tomorrow_counts_as_the_time() -> None:
    since = NOW + timedelta(days=1)
    grant = TemporaryGrant("door", "gate", since, since + timedelta(hours=2))
    waiting = replace(GOOD, person=replace(ANA, access_levels=(), grants=(grant,)))
    assert opens_at(waiting, SITE, NOW) == since


def test_a_visitor_gets_no_grant_and_their_visit_is_extended() -> None:
    visitor = replace(ANA, until=NOW - timedelta(hours=1), requirements=(CHECK,))
    assert codes(replace(GOOD, person=visitor)) == {"denied_expired": ["extend_visit"]}
    elsewhere = replace(ANA, until=NOW + timedelta(hours=1), access_levels=())
    assert codes(replace(GOOD, person=elsewhere)) == {"denied_no_access_level": ["level"]}


def test_a_threat_level_names_who_may_enter_meanwhile() -> None:
    person = replace(ANA, access_levels=("all",))
    request = replace(VAULT, threat="high", person=person)
    assert codes(request, threat_levels=CALM)["denied_threat_level"] == ["threat_level", "open_to"]


def test_who_has_to_enter_first_is_named() -> None:
    person = replace(ANA, access_levels=("all",))
    found = ways(replace(GOOD, person=person), SITE, NOW)
    assert found[0].reason is Reason.DENIED_FIRST_PERSON
    assert found[0].ways[0].facts == {"levels": "boss"}


def test_a_face_alone_is_told_to_show_the_badge() -> None:
    request = replace(GOOD, identified=True, credential=None, enrolled=9)
    assert codes(request) == {"denied_identify_limit": ["show_badge"]}


def test_a_door_that_is_not_configured_ends_the_search() -> None:
    assert ways(request_for(ANA, "attic"), SITE, NOW)[0].final


def test_every_reason_to_deny_has_its_ways_and_every_way_its_words() -> None:
    denials = {reason for reason in Reason if reason.value.startswith("denied_")}
    assert denials == set(WAYS)
    seen = {
        way.code
        for door in SITE.doors
        for request in (replace(GOOD, door=door), replace(VAULT, door=door))
        for reason, make in WAYS.items()
        for way in make(request, SITE, NOW, "check of Acme")
    }
    assert seen <= set(SAID)
    assert {who for who, _ in SAID.values()} == set(WHO)


@given(requests)
def test_whatever_is_in_the_way_the_search_ends_and_repeats_nothing(request: Request) -> None:
    found = ways(request, SITE, NOW)
    first = settled(request, SITE, NOW).decision
    if first.granted:
        assert found == ()
        return
    assert found[0].reason is first.reason
    assert len({(item.reason, item.rule) for item in found}) == len(found)
    assert all(item.ways for item in found)
    assert [item.final for item in found[:-1]] == [False] * (len(found) - 1)
    for item in found:
        for way in item.ways:
            assert "{" not in sentence(way, SITE.zone)


def test_nothing_of_this_makes_a_request_pass_that_the_gate_would_deny() -> None:
    request = replace(VAULT, confirmation=Confirmation.REFUSED, pin=PinOutcome.WRONG)
    before = decide(request, SITE, NOW)
    ways(request, SITE, NOW)
    assert decide(request, SITE, NOW) == before
