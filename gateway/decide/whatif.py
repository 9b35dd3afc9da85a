"""What would let a person in: everything that stands in the way, one after the other.

`settled` decides a request as if everything that is asked for at the reader were given.  `ways`
goes on from a refusal: it notes what stands in the way and who can change it, takes it away, and
decides again, until the person would pass or nobody can help.  Each answer is that of `decide()`
itself, so no rule is written down twice.  Pure functions: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.decide import Step, explain
from gateway.decide.model import (
    Confirmation,
    Credential,
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
    Requirement,
    TemporaryGrant,
)
from gateway.decide.policy import Site
from gateway.decide.waysout import WAYS, Way, calmer, kind_of, unknown

_MOST = 60  # rules end long before
_BADGE = Credential("explained", "", "0")

ASKED: Mapping[Outcome, str] = {
    Outcome.NEED_PIN: "pin_required",
    Outcome.NEED_FACE: "face_required",
    Outcome.NEED_ESCORT: "escort_required",
    Outcome.NEED_SECOND: "second_required",
    Outcome.NEED_CONFIRM: "confirm_required",
}
"""The reason code of each thing that a reader asks for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, what each rule said, and what was asked for and taken as given."""

    decision: Decision
    steps: tuple[Step, ...]
    asked: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way, and what can be done about it, the usual first.  `final`: what comes
    behind it can't be told before it is solved."""

    reason: Reason
    rule: str
    ways: tuple[Way, ...]
    final: bool = False


def settled(request: Request, site: Site, when: datetime) -> Answer:
    """The decision if everything that is asked for is given."""
    asked: list[Outcome] = []
    while True:
        decision, steps = explain(request, site, when)
        if decision.outcome not in ASKED or decision.outcome in asked:
            return Answer(decision, steps, tuple(asked))
        asked.append(decision.outcome)
        request = _give(request, site, decision.outcome)


def ways(request: Request, site: Site, when: datetime) -> tuple[Obstacle, ...]:
    """What stands between the person and the door at `when` (aware), in the order of the rules;
    nothing if they would pass.  What they themselves show at the reader (PIN, face ...) is taken
    as given, unless it was shown and refused."""
    found: list[Obstacle] = []
    known: set[tuple[Reason, str]] = set()
    for _ in range(_MOST):
        decision = settled(request, site, when).decision
        key = (decision.reason, decision.rule)
        if decision.granted or key in known:
            break
        known.add(key)
        ways_out = WAYS.get(decision.reason, unknown)(request, site, when, decision.rule)
        solved = _without(request, site, when, decision)
        found.append(Obstacle(*key, tuple(ways_out), final=solved is None))
        if solved is None:
            break
        request = solved
    return tuple(found)


def _give(request: Request, site: Site, asked: Outcome) -> Request:
    """The same request, with what was asked for given as it should be."""
    if asked is Outcome.NEED_PIN:
        return replace(request, pin=PinOutcome.CORRECT)
    if asked is Outcome.NEED_FACE:
        return replace(request, face=FaceResult(FaceOutcome.MATCH, 0.0, 1, liveness=Liveness(True)))
    if asked is Outcome.NEED_CONFIRM:
        return replace(request, confirmation=Confirmation.CONFIRMED)
    return _accompanied(request, site)


def _accompanied(request: Request, site: Site) -> Request:
    """With company: somebody who may escort, and is no visitor themselves."""
    assert request.person is not None
    levels = tuple(n for n, a in site.access_levels.items() if a.may_escort and not a.needs_escort)
    who = request.person.escorts[0] if request.person.escorts else "somebody else"
    other = Person(who, who, access_levels=levels)
    return replace(request, companions=(*request.companions, other), waited=False)


def _without(request: Request, site: Site, when: datetime, refused: Decision) -> Request | None:
    """The same request as if that which refused it were solved; None if nobody can say how."""
    person = request.person
    reason, rule = refused.reason, refused.rule
    plain = _PLAINLY.get(reason)
    if plain is not None:
        return replace(request, **plain)
    if reason is Reason.DENIED_THREAT_LEVEL:
        level = calmer(request, site, when)
        return replace(request, threat=level) if level is not None else None
    if reason is Reason.DENIED_DEGRADED:
        left = {k: v for k, v in request.failing.items() if k.value != rule.partition(":")[0]}
        return replace(request, failing=left)
    if person is None:
        return None
    if reason in _OF_PERSON:
        return replace(request, person=replace(person, **_OF_PERSON[reason]))
    if reason in _NO_ACCESS:
        grant = TemporaryGrant("door", request.door, when, when + timedelta(days=1))
        return replace(request, person=replace(person, grants=(*person.grants, grant)))
    if reason in (Reason.DENIED_REQUIREMENT_MISSING, Reason.DENIED_REQUIREMENT_LAPSED):
        kind = site.requirements.get(kind_of(rule))
        if kind is None:
            return None
        shown = Requirement(kind.name, kind.of)
        return replace(request, person=replace(person, requirements=(*person.requirements, shown)))
    if reason in (Reason.DENIED_PASSBACK, Reason.DENIED_AREA_FULL):
        place = request.area.place
        area = replace(request.area, known=True, occupancy=0)
        if reason is Reason.DENIED_PASSBACK:
            area = replace(area, place=replace(place, free=True) if place is not None else None)
        return replace(request, area=area)
    if reason in _FACES:
        face = FaceResult(FaceOutcome.MATCH, 0.0, 1, liveness=Liveness(True))
        return replace(request, face=face)
    if reason is Reason.DENIED_FACE_NOT_ENROLLED:
        least = max(1, site.doors[request.door].face_min_templates)
        return replace(request, templates=max(least, request.templates), face_until=None)
    if reason in (Reason.DENIED_NO_ESCORT, Reason.DENIED_NO_SECOND_PERSON):
        return _accompanied(request, site)
    return None


_PLAINLY: Mapping[Reason, dict[str, Any]] = {
    Reason.DENIED_BUSY: {"busy": False},
    Reason.DENIED_STALE_BADGE: {"age_s": 0.0},
    Reason.DENIED_CLOCK_UNTRUSTED: {"clock_trusted": True},
    Reason.DENIED_LOCK_UNAVAILABLE: {"lock_ready": True},
    Reason.DENIED_OUT_OF_SERVICE: {"out_of_service": False},
    Reason.DENIED_TAMPERED: {"tampered": False},
    Reason.DENIED_INTERLOCK: {"interlocked": ""},
    Reason.DENIED_PIN_NOT_SET: {"has_pin": True},
    Reason.DENIED_PIN_LOCKED: {"pin_locked": False},
    Reason.DENIED_NO_PIN: {"pin": PinOutcome.CORRECT},
    Reason.DENIED_WRONG_PIN: {"pin": PinOutcome.CORRECT},
    Reason.DENIED_NOT_CONFIRMED: {"confirmation": Confirmation.CONFIRMED},
    # A face that is not to be gone by: the badge does it.
    Reason.DENIED_IDENTIFY_LIMIT: {"identified": False, "credential": _BADGE},
}
_OF_PERSON: Mapping[Reason, dict[str, Any]] = {
    Reason.DENIED_REVOKED: {"status": PersonStatus.ACTIVE},
    Reason.DENIED_SUSPENDED: {"status": PersonStatus.ACTIVE},
    Reason.DENIED_NOT_YET_VALID: {"valid_from": None},
    Reason.DENIED_EXPIRED: {"valid_until": None, "until": None},
}
_NO_ACCESS = frozenset(
    {Reason.DENIED_NO_ACCESS_LEVEL, Reason.DENIED_OUT_OF_SCHEDULE, Reason.DENIED_FIRST_PERSON}
)
_FACES = frozenset(
    {
        Reason.DENIED_FACE_UNAVAILABLE,
        Reason.DENIED_CAMERA_FAULT,
        Reason.DENIED_NO_FACE,
        Reason.DENIED_FACE_MISMATCH,
        Reason.DENIED_NOT_LIVE,
    }
)


def request_for(person: Person | None, door: str, **facts: Any) -> Request:
    """The request that a person's badge makes at a door, with whatever else is known."""
    lookup = Lookup.FOUND if person is not None else Lookup.UNKNOWN
    return Request(door=door, credential=_BADGE, lookup=lookup, person=person, **facts)
