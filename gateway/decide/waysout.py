"""What can be done about each reason to deny, and by whom: codes with facts, no sentences.

`WAYS` has a line for each reason; gateway/wording/ways.py has words for the codes.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from gateway.decide import explain
from gateway.decide.model import Reason, Request
from gateway.decide.policy import DoorPolicy, Site, Subsystem
from gateway.decide.rules.schedule import escorts

AHEAD_DAYS = 15  # so far ahead `opens_at` looks


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that somebody can do: a code of gateway/wording/ways.py, and its facts."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def opens_at(request: Request, site: Site, when: datetime) -> datetime | None:
    """When the door next opens to the person by a schedule, a grant or their first valid day, if
    nobody changes anything; None if not within `AHEAD_DAYS`.  In the site's zone."""
    local = when.astimezone(site.zone)
    starts = {period.start for known in site.schedules.values() for period in known.periods}
    times = [grant.since for grant in request.person.grants] if request.person else []
    for ahead in range(AHEAD_DAYS + 1):
        day = local.date() + timedelta(days=ahead)
        times += [datetime.combine(day, start, site.zone) for start in starts]
        times.append(datetime.combine(day, datetime.min.time(), site.zone))
    for at in sorted(times):
        if at > when and _reaches(request, site, at):
            return at.astimezone(site.zone)
    return None


def _reaches(request: Request, site: Site, at: datetime) -> bool:
    """Whether the rules about days and hours let pass at `at`."""
    passed = {step.name for step in explain(request, site, at)[1] if step.end is None}
    return {"validity", "access"} <= passed


def calmer(request: Request, site: Site, when: datetime) -> str | None:
    """The highest threat level under which that rule lets pass; None if no level does."""
    for level in sorted(site.threat_levels.values(), key=lambda level: -level.rank):
        decision = explain(replace(request, threat=level.name), site, when)[0]
        if decision.reason is not Reason.DENIED_THREAT_LEVEL:
            return level.name
    return None


def kind_of(rule: str) -> str:
    """The kind of requirement that a rule's detail names first."""
    return rule.split(" ", 1)[0]


Ways = Callable[[Request, Site, datetime, str], Iterator[Way]]


def unknown(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("administrator")


def _codes(*codes: str) -> Ways:
    def made(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
        return iter([Way(code) for code in codes])

    return made


def _grant(request: Request) -> Iterator[Way]:
    """A temporary grant, which people of the list can have and visitors can't."""
    if request.person is not None and request.person.until is None:
        yield Way("grant", {"door": request.door})


def _no_level(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield from _grant(request)
    door = site.doors[request.door]
    opening = [name for name in site.access_levels if _opens(site, name, door)]
    if opening:
        yield Way("level", {"levels": ", ".join(opening)})


def _opens(site: Site, level: str, door: DoorPolicy) -> bool:
    known = site.access_levels[level]
    return door.name in known.grants or (door.area or door.from_area) in known.areas


def _hours(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    at = opens_at(request, site, when)
    if at is not None:
        yield Way("wait_until", {"at": at})
    yield from _grant(request)


def _not_yet(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    assert request.person is not None
    yield Way("wait_day", {"day": request.person.valid_from or date.max})
    yield Way("list_days")


def _expired(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    visitor = request.person is not None and request.person.until is not None
    yield Way("extend_visit" if visitor else "list_days")


def _first(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("first", {"levels": ", ".join(part.rpartition(": ")[2] for part in rule.split(", "))})
    yield from _grant(request)


def _threat(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    level = calmer(request, site, when)
    if level is not None:
        yield Way("threat_level", {"level": level})
    now = site.threat_levels.get(request.threat)
    if now is not None and now.open_to:
        yield Way("open_to", {"levels": ", ".join(now.open_to)})
    if level is None and now is None:
        yield Way("administrator")


def _required(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    kind = site.requirements.get(kind_of(rule))
    if kind is None:
        yield Way("administrator")
        return
    company = kind.of == "company"
    facts = {"kind": kind.name, "company": request.person.company if request.person else ""}
    yield Way("company_requirement" if company else "requirement", facts)


def _interlock(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("close_door", {"door": rule})


def _degraded(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    thing = rule.partition(":")[0]
    yield Way("new_list" if thing == Subsystem.LIST_OLD else "repair", {"thing": thing})


def _passback(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("leave_first")
    yield Way("forgive")


def _escort(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    named = request.person.escorts if request.person is not None else ()
    if named:
        yield Way("escort_named", {"people": ", ".join(named)})
        return
    may = [name for name in site.access_levels if escorts(site, (name,))]
    yield Way("escort", {"levels": ", ".join(may)})


def _faces_needed(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("enroll", {"count": max(1, site.doors[request.door].face_min_templates)})


def _unknown(request: Request, site: Site, when: datetime, rule: str) -> Iterator[Way]:
    yield Way("find_person")
    yield Way("visitor_badge")
    yield Way("list_badge")


WAYS: Mapping[Reason, Ways] = {
    Reason.DENIED_UNKNOWN_DOOR: _codes("configure_door"),
    Reason.DENIED_BAD_READ: _codes("again"),
    Reason.DENIED_BUSY: _codes("again"),
    Reason.DENIED_STALE_BADGE: _codes("again"),
    Reason.DENIED_LIST_UNAVAILABLE: _codes("repair_list"),
    Reason.DENIED_UNKNOWN_CREDENTIAL: _unknown,
    Reason.DENIED_REVOKED: _codes("reinstate", "list_status"),
    Reason.DENIED_SUSPENDED: _codes("list_status"),
    Reason.DENIED_CLOCK_UNTRUSTED: _codes("clock"),
    Reason.DENIED_NOT_YET_VALID: _not_yet,
    Reason.DENIED_EXPIRED: _expired,
    Reason.DENIED_NO_ACCESS_LEVEL: _no_level,
    Reason.DENIED_OUT_OF_SCHEDULE: _hours,
    Reason.DENIED_FIRST_PERSON: _first,
    Reason.DENIED_THREAT_LEVEL: _threat,
    Reason.DENIED_REQUIREMENT_MISSING: _required,
    Reason.DENIED_REQUIREMENT_LAPSED: _required,
    Reason.DENIED_LOCK_UNAVAILABLE: _codes("repair_lock"),
    Reason.DENIED_OUT_OF_SERVICE: _codes("in_service", "other_door"),
    Reason.DENIED_TAMPERED: _codes("tamper"),
    Reason.DENIED_INTERLOCK: _interlock,
    Reason.DENIED_DEGRADED: _degraded,
    Reason.DENIED_PASSBACK: _passback,
    Reason.DENIED_AREA_FULL: _codes("area_full"),
    Reason.DENIED_PIN_NOT_SET: _codes("set_pin"),
    Reason.DENIED_PIN_LOCKED: _codes("wait_pin"),
    Reason.DENIED_NO_PIN: _codes("type_pin"),
    Reason.DENIED_WRONG_PIN: _codes("right_pin"),
    Reason.DENIED_FACE_NOT_ENROLLED: _faces_needed,
    Reason.DENIED_FACE_UNAVAILABLE: _codes("repair_face"),
    Reason.DENIED_CAMERA_FAULT: _codes("repair_camera"),
    Reason.DENIED_NO_FACE: _codes("stand_before"),
    Reason.DENIED_FACE_MISMATCH: _codes("identity"),
    Reason.DENIED_NOT_LIVE: _codes("turn_head", "identity"),
    Reason.DENIED_NOT_IDENTIFIED: _codes("show_badge"),
    Reason.DENIED_IDENTIFY_LIMIT: _codes("show_badge"),
    Reason.DENIED_NO_ESCORT: _escort,
    Reason.DENIED_NO_SECOND_PERSON: _codes("second_person"),
    Reason.DENIED_NOT_CONFIRMED: _codes("confirm"),
    Reason.DENIED_REMOTE_OFF: _codes("at_the_door"),
    Reason.DENIED_LEDGER_UNAVAILABLE: _codes("repair_log"),
    Reason.DENIED_INTERNAL_ERROR: _codes("administrator"),
}
