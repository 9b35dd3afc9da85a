"""Whose badge it is, and whether that person may pass anywhere today."""

from __future__ import annotations

from gateway.decide.model import Lookup, PersonStatus, Reason
from gateway.decide.policy import Action, Subsystem
from gateway.decide.rules.case import NOWHERE, Case, End, deny
from gateway.decide.rules.threat import face_threshold


def door(case: Case) -> End | None:
    """Find the door and the area behind it in the policy; deny if one of them is not there."""
    found = case.site.doors.get(case.request.door)
    if found is None:
        return deny(Reason.DENIED_UNKNOWN_DOOR)
    case.door = found
    case.face_threshold = face_threshold(case.request, case.site)
    case.face = case.request.identified
    for name in (found.area, found.from_area):
        if name and name not in case.site.areas:
            return deny(Reason.DENIED_UNKNOWN_DOOR, f"no area {name}")
    case.area = case.site.areas.get(found.leads_to(case.request.direction), NOWHERE)
    return None


def busy(case: Case) -> End | None:
    """Deny a badge that found too many others waiting."""
    return deny(Reason.DENIED_BUSY) if case.request.busy else None


def age(case: Case) -> End | None:
    """Deny a badge that was read too long ago, or in the future."""
    limit = case.door.badge_max_age_s
    if not 0 <= case.request.age_s <= limit:  # NaN fails both comparisons
        return deny(Reason.DENIED_STALE_BADGE, f"older than {limit:g} s")
    return None


def reading(case: Case) -> End | None:
    """Deny if the reader read no valid card.  A face without a card counts only at a door that
    opens to one, and only while few enough people are enrolled."""
    request, known = case.request, case.door.identify
    if not request.identified:
        return deny(Reason.DENIED_BAD_READ) if request.credential is None else None
    if known is None:
        return deny(Reason.DENIED_IDENTIFY_LIMIT, "this door wants a badge")
    if not 0 < request.enrolled <= known.limit:
        return deny(Reason.DENIED_IDENTIFY_LIMIT, f"{request.enrolled} of {known.limit} people")
    return None


def listed(case: Case) -> End | None:
    """Deny if nobody on the list holds the credential or has the face."""
    request = case.request
    if request.lookup is Lookup.UNAVAILABLE:
        return deny(Reason.DENIED_LIST_UNAVAILABLE)
    if request.lookup is not Lookup.FOUND or request.person is None:
        if request.identified:
            return deny(Reason.DENIED_NOT_IDENTIFIED)
        return deny(Reason.DENIED_UNKNOWN_CREDENTIAL)
    case.person = request.person
    return None


def status(case: Case) -> End | None:
    """Deny unless the person is active; a status that nobody knows counts as suspended."""
    if case.person.status is PersonStatus.REVOKED:
        return deny(Reason.DENIED_REVOKED)
    if case.person.status is not PersonStatus.ACTIVE:
        return deny(Reason.DENIED_SUSPENDED)
    return None


def clock(case: Case) -> End | None:
    """Deny while the clock is behind the newest record, unless the policy goes on.  Then `now` is
    at least the time of that record: gateway/state/clock.py sees to that."""
    if case.request.clock_trusted:
        return None
    action = case.action(Subsystem.CLOCK)
    if action is Action.DENY:
        return deny(Reason.DENIED_CLOCK_UNTRUSTED)
    case.fall_back(Subsystem.CLOCK, action)
    return None


def validity(case: Case) -> End | None:
    """Deny before the first valid day, after the last, and from the end of a visit on."""
    first, last, today = case.person.valid_from, case.person.valid_until, case.local.date()
    if first is not None and today < first:
        return deny(Reason.DENIED_NOT_YET_VALID, f"valid from {first}")
    if last is not None and today > last:
        return deny(Reason.DENIED_EXPIRED, f"valid until {last}")
    until = case.person.until
    if until is not None and case.local >= until:
        return deny(
            Reason.DENIED_EXPIRED,
            f"valid until {until.astimezone(case.local.tzinfo):%Y-%m-%d %H:%M}",
        )
    return None
