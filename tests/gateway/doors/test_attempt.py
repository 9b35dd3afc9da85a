"""One attempt: what it needs, in which order, and what ends it.  Nothing here waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.base import CardRead
from gateway.decide.model import Confirmation, Credential, Person, PersonStatus, PinOutcome, Reason
from gateway.decide.policy import Action, Area, Direction, Mode, Subsystem
from gateway.doors.attempt import AccessAttempt, RecentlyAdmitted
from gateway.doors.hardware import DoorCondition
from gateway.doors.services import AccessPoint, Services
from gateway.doors.steps import (
    CompanyNeeded,
    FaceNeeded,
    GuardNeeded,
    PinNeeded,
    Presented,
    Verdict,
)
from gateway.people import Found, RosterUnavailable
from tests.gateway.doors.world import ANA, MATCH, World, by_rules, now

READY = DoorCondition(lock_ready=True, out_of_service=False, tampered=False, blocked_by="")
BEN = Person("e2", "Ben", access_levels=("all",))
pytestmark = pytest.mark.looptime


def badge(number: str) -> Presented:
    return Presented(Credential("em4100", "1", number))


def attempt_of(services: Services, number: str = "1") -> AccessAttempt:
    recent = RecentlyAdmitted()
    point = AccessPoint("d", "r", Direction.IN, "c")
    return AccessAttempt(services, point, badge(number), now(), recent)


def with_areas(world: World, area: Area, **more: object) -> Services:
    """The services of `world` with the door leading into `area`."""
    site = world.services.site
    doors = {"d": replace(site.doors["d"], area=area.name)}
    site = replace(site, doors=doors, areas={area.name: area})
    return replace(by_rules(world.services, site=site), **more)  # type: ignore[arg-type]


def outcome(step: object) -> list[str]:
    """The reasons of verdicts; fails if the attempt needs something."""
    assert isinstance(step, tuple)
    assert all(isinstance(verdict, Verdict) for verdict in step)
    return [verdict.decision.reason.value for verdict in step]


async def test_each_need_comes_once_and_then_the_verdict() -> None:
    attempt = attempt_of(World(Mode.BADGE_FACE_PIN).services)
    assert attempt.next(READY) == PinNeeded(ANA)
    attempt.add_pin(PinOutcome.CORRECT, locked=False)
    assert attempt.next(READY) == FaceNeeded(ANA)
    attempt.add_face(MATCH)
    assert outcome(attempt.next(READY)) == ["granted"]


async def test_a_need_that_nobody_answers_is_an_error_and_not_an_endless_loop() -> None:
    attempt = attempt_of(World(Mode.BADGE_PIN).services)
    attempt.next(READY)
    with pytest.raises(RuntimeError, match="comes twice"):
        attempt.next(READY)


async def test_the_door_is_looked_at_anew_each_time() -> None:
    attempt = attempt_of(World(Mode.BADGE_PIN).services)
    attempt.next(READY)
    attempt.add_pin(PinOutcome.CORRECT, locked=False)
    assert outcome(attempt.next(replace(READY, tampered=True))) == ["denied_tampered"]
    assert outcome(attempt.next(replace(READY, blocked_by="b"))) == ["denied_interlock"]


async def test_a_wrong_pin_that_came_after_too_many_is_told_as_locked() -> None:
    attempt = attempt_of(World(Mode.BADGE_PIN).services)
    attempt.next(READY)
    attempt.add_pin(PinOutcome.CORRECT, locked=True)
    assert outcome(attempt.next(READY)) == ["denied_pin_locked"]


async def test_a_guard_is_asked_about_what_failed() -> None:
    area = Area("a", degraded={Subsystem.DISK: Action.CONFIRM})
    world = World()
    services = with_areas(world, area, failing=lambda *_: {Subsystem.DISK: "full"})
    attempt = attempt_of(services)
    assert attempt.next(READY) == GuardNeeded(ANA, "disk")
    attempt.add_confirmation(Confirmation.REFUSED)
    assert outcome(attempt.next(READY)) == ["denied_not_confirmed"]


async def test_company_is_another_badge_and_both_are_granted_or_none() -> None:
    world = World()
    people = {"1": ANA, "2": BEN}
    world.find = lambda credential: Found(people[credential.number], 3, 1)  # type: ignore[method-assign]
    attempt = attempt_of(with_areas(world, Area("a", two_person=True, second_s=7.0)))
    assert attempt.companion(badge("2"), now()) is None  # nobody asked for company yet
    assert attempt.next(READY) == CompanyNeeded(ANA, 7.0)
    assert attempt.companion(badge("1"), now()) is None  # the same badge again
    other = attempt.companion(badge("2"), now())
    assert other is not None
    assert outcome(other.next(READY)) == ["granted"]
    attempt.add_company(other)
    assert outcome(attempt.next(READY)) == ["granted", "granted"]
    people["2"] = replace(BEN, status=PersonStatus.REVOKED)
    assert outcome(attempt.next(READY)) == ["denied_revoked", "denied_no_second_person"]
    people.update({"1": replace(ANA, status=PersonStatus.REVOKED), "2": BEN})
    assert outcome(attempt.next(READY)) == ["denied_no_second_person", "denied_revoked"]
    # A fault of ours: each has a verdict of their own.
    assert outcome(attempt.failed(ValueError("x"))) == ["denied_internal_error"] * 2


async def test_one_who_came_with_another_does_not_pass_alone_where_they_alone_might() -> None:
    world = World()
    people = {"1": ANA, "2": BEN}
    world.find = lambda credential: Found(people[credential.number], 3, 1)  # type: ignore[method-assign]
    services = with_areas(world, Area("a", two_person=True))
    attempt = attempt_of(services)
    attempt.next(READY)
    other = attempt.companion(badge("2"), now())
    assert other is not None
    other.next(READY)
    attempt.add_company(other)
    people["2"] = replace(BEN, status=PersonStatus.REVOKED)
    # Meanwhile two persons are required no more, so Ana alone could pass.
    attempt.rules = other.rules = world.services.rules.now
    verdicts = attempt.next(READY)
    assert outcome(verdicts) == ["denied_revoked", "denied_no_second_person"]
    assert isinstance(verdicts, tuple) and verdicts[1].decision.rule == "the other may not"


async def test_an_escort_that_the_list_can_not_show_any_more_leads_nobody_in() -> None:
    world = World()
    guest = Person("e3", "Guest", access_levels=("all",), needs_escort=True)
    ben = replace(BEN, access_levels=("all",))
    answers: dict[str, Found | Exception] = {"2": Found(ben, 3, 1), "3": Found(guest, 3, 1)}

    def find(credential: Credential) -> Found:
        found = answers[credential.number]
        if isinstance(found, Exception):
            raise found
        return found

    world.find = find  # type: ignore[method-assign]
    levels = world.services.site.access_levels
    site = replace(
        world.services.site, access_levels={"all": replace(levels["all"], may_escort=True)}
    )
    services = by_rules(world.services, site=site)
    recent = RecentlyAdmitted()
    point = AccessPoint("d", "r", Direction.IN)
    attempt = AccessAttempt(services, point, badge("2"), now(), recent)
    step = attempt.next(READY)
    assert isinstance(step, tuple)
    recent.add(step[0].request)
    follower = AccessAttempt(services, point, badge("3"), now(), recent)
    assert outcome(follower.next(READY)) == ["granted"]
    answers["2"] = RosterUnavailable("gone")
    follower = AccessAttempt(services, point, badge("3"), now(), recent)
    assert follower.next(READY) == CompanyNeeded(guest, services.rules.now.escort_s)


async def test_a_reading_is_the_age_that_it_had_when_it_was_served() -> None:
    world = World()
    world.reader.on_reading(CardRead("em4100", "1", "2"), now() - 5.01)
    await world.settle()
    assert world.reasons == [Reason.DENIED_STALE_BADGE.value]
