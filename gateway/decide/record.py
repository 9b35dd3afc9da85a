"""A decision as an event for the log.

The event shows a badge masked and as a keyed fingerprint, a PIN as right or wrong, a face as a
distance.  It holds every fact that decided, so that `replay` can decide again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from gateway.decide import face_threshold
from gateway.decide.model import Decision, FaceResult, Liveness, PinOutcome, Request
from gateway.decide.policy import DoorPolicy, Site
from gateway.ledger.event import EventType, NewEvent


class Fingerprints(Protocol):
    def fingerprint(self, credential_key: str) -> str: ...


def access_event(
    request: Request,
    decision: Decision,
    site: Site,
    key: Fingerprints,
    about: Mapping[str, Any],
) -> NewEvent:
    """The event ``access.granted`` or ``access.denied``.

    `about` is what only the reader knows: its name, the direction (key ``way``), the time taken.
    """
    data: dict[str, Any] = {
        "door": request.door,
        "reason": decision.reason.value,
        "rule": decision.rule,
        "list_version": decision.list_version,
        "policy_version": decision.policy_version,
        "degraded": list(decision.degraded),
        "criteria": list(decision.criteria),
        "criteria_edition": site.criteria_edition,
        "facts": facts(request),
        **about,
    }
    if decision.fallback:
        data["fallback"] = dict(decision.fallback)
    if request.credential is not None:
        data["credential"] = {
            "masked": request.credential.masked,
            "fingerprint": key.fingerprint(request.credential.key),
        }
    if request.person is not None:
        person = request.person
        data["person"] = {"id": person.id, "name": person.name, "company": person.company}
    if request.pin is not None:
        # The record of a duress PIN looks like that of any right one.
        duress = request.pin is PinOutcome.DURESS
        data["pin"] = (PinOutcome.CORRECT if duress else request.pin).value
    if request.face is not None:
        threshold = face_threshold(request, site)
        data["face"] = _face(request.face, site.doors.get(request.door), threshold)
    if request.identified:
        data["identified"] = {"enrolled": request.enrolled}
    if request.confirmation is not None:
        data["confirmation"] = request.confirmation.value
    kind = EventType.ACCESS_GRANTED if decision.granted else EventType.ACCESS_DENIED
    return NewEvent(kind, request.door, data)


def facts(request: Request) -> dict[str, Any]:
    """The facts of a decision that are not recorded elsewhere, as far as they differ from the
    ordinary: enough to decide again (gateway/decide/replay.py)."""
    person, area = request.person, request.area
    found: dict[str, Any] = {name: getattr(request, name) for name in _PLAIN}
    found = {name: value for name, value in found.items() if value != _ORDINARY[name]}
    if not 0 <= request.age_s <= 1:  # NaN too
        found["age_s"] = _up(request.age_s, 2) if math.isfinite(request.age_s) else None
    if request.face_until is not None:
        found["face_until"] = request.face_until.isoformat()
    if person is not None:
        found["levels"] = list(person.access_levels)
    if area.place is not None:
        place = area.place
        found["place"] = [place.area, place.since.isoformat(timespec="seconds"), place.free]
        if place.gate:
            found["place"].append(place.gate)
    if area.occupancy:
        found["occupancy"] = area.occupancy
    if not area.known:
        found["known"] = False
    if area.entered:
        found["entered"] = {
            level: at.isoformat(timespec="seconds") for level, at in area.entered.items()
        }
    if request.failing:
        found["failing"] = {thing.value: why for thing, why in request.failing.items()}
    if request.companions:
        found["companions"] = [other.id for other in request.companions]
    if request.recent and person is not None:
        found["recent"] = [other.id for other in request.recent]
    return found


_ORDINARY: Mapping[str, Any] = {
    "threat": "",
    "templates": 0,
    "has_pin": False,
    "pin_locked": False,
    "clock_trusted": True,
    "lock_ready": True,
    "busy": False,
    "out_of_service": False,
    "tampered": False,
    "interlocked": "",
    "waited": False,
}
_PLAIN = tuple(_ORDINARY)


def _face(face: FaceResult, door: DoorPolicy | None, threshold: float) -> dict[str, Any]:
    """What a decision about a face rested on."""
    lives = face.liveness
    return {
        **face.about,
        "threshold": threshold,
        "outcome": face.outcome.value,
        "distance": None if face.distance is None else _up(face.distance, 4),
        "frames": face.frames,
        "frame_age_s": _rounded(face.frame_age_s),
        "seen_age_s": _rounded(face.seen_age_s),
        "detail": face.detail,
        "challenge": "off" if door is None or not door.challenge else _challenge(lives),
        "suspect": None if lives is None else lives.suspect,
        "liveness": "" if lives is None else lives.detail,
    }


def _challenge(lives: Liveness | None) -> str:
    if lives is None or lives.challenge is None:
        return "not_done"
    return "passed" if lives.challenge else "failed"


def _up(value: float, places: int) -> float:
    """Round up: a value beyond a limit is beyond it on record too, and the replay decides alike."""
    near = round(value, places)
    return near if near >= value else round(near + 10**-places, places)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
