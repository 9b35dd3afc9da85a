"""What the threat level in force changes: areas that are closed except to some people, further
factors, a stricter face, nobody alone.  A threat level only ever restricts."""

from __future__ import annotations

from gateway.decide.model import Reason, Request
from gateway.decide.policy import Direction, Site, ThreatLevel
from gateway.decide.rules.case import Case, End, deny

EVERY_DAY = ThreatLevel("")


def level(case: Case) -> End | None:
    """Apply the level in force, on the way in."""
    site, request = case.site, case.request
    if not site.threat_levels or case.leaving:
        return None
    found = site.threat_levels.get(request.threat)
    if found is None:
        return deny(Reason.DENIED_THREAT_LEVEL, f"no such level: {request.threat}")
    if found.closes(case.door.area) and not set(found.open_to) & set(case.person.access_levels):
        return deny(Reason.DENIED_THREAT_LEVEL, found.name)
    case.pin |= found.pin
    case.face |= found.face
    case.needs_second |= bool(case.area.name) and case.area.name in found.two_person
    return None


def face_threshold(request: Request, site: Site) -> float:
    """The largest distance that counts as the same face at this door now.

    That is the smallest of the door's threshold, its threshold for a face without a badge, and the
    threat level's.  For a door that the policy does not know it is 0.
    """
    door = site.doors.get(request.door)
    usual = door.face_threshold if door is not None else 0.0
    if request.identified and door is not None and door.identify is not None:
        usual = min(usual, door.identify.threshold)
    strict = site.threat_levels.get(request.threat, EVERY_DAY).face_threshold
    leaving = request.direction is Direction.OUT
    return min(usual, strict) if strict > 0 and not leaving else usual
