"""What is written down of a decision: an event for the log.

A badge appears masked and as a keyed fingerprint, a PIN as right or wrong, a face as a distance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.model import Decision, FaceResult, NewEvent, PinOutcome, Request, Site


class Fingerprints(Protocol):
    def fingerprint(self, credential_key: str) -> str: ...


def access_event(
    request: Request,
    decision: Decision,
    site: Site,
    key: Fingerprints,
    about: Mapping[str, Any],
) -> NewEvent:
    """``access.granted`` or ``access.denied``; `about` is what only the lane knows (its reader,
    the way, the time that it took)."""
    data: dict[str, Any] = {
        "door": request.door,
        "reason": decision.reason.value,
        "rule": decision.rule,
        "list_version": decision.list_version,
        "policy_version": decision.policy_version,
        "degraded": list(decision.degraded),
        **about,
    }
    if request.credential is not None:
        data["credential"] = {
            "masked": request.credential.masked,
            "fingerprint": key.fingerprint(request.credential.key),
        }
    if request.person is not None:
        person = request.person
        data["person"] = {"id": person.id, "name": person.name, "company": person.company}
    if request.pin is not None:
        # Under duress the record says what it says of any good PIN.
        duress = request.pin is PinOutcome.DURESS
        data["pin"] = (PinOutcome.CORRECT if duress else request.pin).value
    if request.face is not None:
        data["face"] = _face(request.face, site.doors[request.door].face_threshold)
    kind = "access.granted" if decision.granted else "access.denied"
    return NewEvent(kind, request.door, data)


def _face(face: FaceResult, threshold: float) -> dict[str, Any]:
    return {
        "outcome": face.outcome.value,
        "distance": None if face.distance is None else round(face.distance, 4),
        "threshold": threshold,
        "frames": face.frames,
        "frame_age_s": None if face.frame_age_s is None else round(face.frame_age_s, 3),
        "detail": face.detail,
        "timing_ms": {key: round(value, 1) for key, value in face.timing_ms.items()},
    }
