"""The rules of an area: nobody enters twice without leaving, not too many at once, nobody alone,
and visitors with an escort."""

from __future__ import annotations

from datetime import timedelta

from gateway.decide.model import Outcome, Person, PersonStatus, Reason
from gateway.decide.policy import Passback, Site
from gateway.decide.rules.case import Case, End, deny
from gateway.decide.rules.schedule import escorts
from gateway.ledger.event import EventType


def passback(case: Case) -> End | None:
    """Deny an entry without an exit before it.  On the way out the rule only notes it and never
    denies, so that it keeps nobody inside."""
    area = case.area
    mode = area.passback
    if case.leaving:
        left = case.site.areas.get(case.door.area)
        place = case.request.area.place
        tracked = left is not None and left.passback is not Passback.OFF
        if tracked and left and place is not None and not place.free and place.area != left.name:
            case.notes.append(
                (EventType.AREA_PASSBACK, f"leaves {left.name}, was {_where(place.area)}")
            )
        return None
    if mode is Passback.OFF:
        return None
    facts = case.request.area
    why = "" if facts.known else "where people are is not known"
    place = facts.place
    if facts.known and place is not None and not place.free:
        since = f"since {place.since.astimezone(case.site.zone):%Y-%m-%d %H:%M}"
        if place.gate:
            since += f" (by {place.gate})"
        if place.area == area.name:
            over = place.since + timedelta(minutes=area.passback_minutes)
            if mode is not Passback.TIMED or case.now < over:
                why = f"in {area.name} {since}"
        elif mode is not Passback.TIMED and case.door.from_area not in ("", place.area):
            why = f"{_where(place.area)} {since}, not in {case.door.from_area}"
    if not why:
        return None
    if mode is Passback.SOFT:
        case.notes.append((EventType.AREA_PASSBACK, why))
        return None
    return deny(Reason.DENIED_PASSBACK, why)


def _where(area: str) -> str:
    return f"in {area}" if area else "outside"


def full(case: Case) -> End | None:
    """Deny if the area holds as many people as it may, or if nobody knows how many."""
    area, facts = case.area, case.request.area
    if case.leaving or not area.maximum:
        return None
    if not facts.known or facts.occupancy is None:
        return deny(Reason.DENIED_AREA_FULL, "the number inside is not known")
    if facts.place is not None and facts.place.area == area.name:
        return None  # they are counted already
    # Companions count too: all of them fit in, or none enters.
    if facts.occupancy + len(case.request.companions) >= area.maximum:
        return deny(Reason.DENIED_AREA_FULL, f"{facts.occupancy} of {area.maximum}")
    return None


def escort(case: Case) -> End | None:
    """A visitor passes with an escort who comes along, or who went first just before."""
    if not case.needs_escort or case.leaving:
        return None
    person, request = case.person, case.request
    if any(_may_escort(case, other) for other in (*request.companions, *request.recent)):
        return None
    who = ", ".join(person.escorts) or "anybody who may escort"
    if request.waited:
        return deny(Reason.DENIED_NO_ESCORT, who)
    return End(Outcome.NEED_ESCORT, Reason.ESCORT_REQUIRED, who)


def _may_escort(case: Case, other: Person) -> bool:
    if other.id == case.person.id or needs_escort(other, case.site):
        return False
    if other.status is not PersonStatus.ACTIVE:  # revoked since they were let through
        return False
    if case.person.escorts:
        return other.id in case.person.escorts
    return escorts(case.site, other.access_levels)


def needs_escort(person: Person, site: Site) -> bool:
    """Whether this person passes only together with an escort."""
    levels = (site.access_levels.get(name) for name in person.access_levels)
    return person.needs_escort or any(level.needs_escort for level in levels if level)


def second(case: Case) -> End | None:
    """Nobody enters an empty area alone.  A person who needs an escort does not count as the
    second person."""
    area, request = case.area, case.request
    if case.leaving or not (area.two_person or case.needs_second):
        return None
    facts = request.area
    inside = facts.occupancy if facts.known and facts.occupancy is not None else 0
    if inside > 0 and not (inside == 1 and facts.place and facts.place.area == area.name):
        return None
    for other in request.companions:
        if other.id != case.person.id and not needs_escort(other, case.site):
            return None
    if request.waited:
        return deny(Reason.DENIED_NO_SECOND_PERSON, area.name)
    return End(Outcome.NEED_SECOND, Reason.SECOND_REQUIRED, area.name)
