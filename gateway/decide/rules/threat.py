"""What the threat level in force changes: areas closed but to some, factors added, a stricter
face, nobody alone.  It only ever restricts."""

from __future__ import annotations

from gateway.decide.model import Reason, Request
from gateway.decide.policy import Direction, Site
from gateway.decide.rules.case import EVERY_DAY, Case, End, deny


def level(case: Case) -> End | None:
    site, request = case.site, case.request
    if not site.threat_levels or case.leaving:
        return None
    found = site.threat_levels.get(request.threat)
    if found is None:
        return deny(Reason.DENIED_THREAT_LEVEL, f"no such level: {request.threat}")
    case.threat = found
    if found.closes(case.door.area) and not set(found.open_to) & set(case.person.access_levels):
        return deny(Reason.DENIED_THREAT_LEVEL, found.name)
    case.pin |= found.pin
    case.face |= found.face
    case.needs_second |= bool(case.area.name) and case.area.name in found.two_person
    return None


def face_threshold(request: Request, site: Site) -> float:
    """The largest distance that is the same face at this door now: the strictest of the door's,
    of what it wants of a face without a badge, and of the threat level's; 0 at a door that there
    is not."""
    door = site.doors.get(request.door)
    usual = door.face_threshold if door is not None else 0.0
    if request.identified and door is not None and door.identify is not None:
        usual = min(usual, door.identify.threshold)
    strict = site.threat_levels.get(request.threat, EVERY_DAY).face_threshold
    return min(usual, strict) if strict > 0 and request.direction is not Direction.OUT else usual
