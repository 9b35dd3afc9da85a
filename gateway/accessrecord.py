"""What is written down of a decision: an event for the log.

A badge appears masked and as a keyed fingerprint, a PIN as right or wrong, a face as a distance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.model import (
    Decision,
    DoorPolicy,
    FaceResult,
    Liveness,
    NewEvent,
    PinOutcome,
    Request,
    Site,
)


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
        data["face"] = _face(request.face, site.doors[request.door])
    if request.identified:
        data["identified"] = {"enrolled": request.enrolled}
    kind = "access.granted" if decision.granted else "access.denied"
    return NewEvent(kind, request.door, data)


def _face(face: FaceResult, door: DoorPolicy) -> dict[str, Any]:
    """What a decision about a face rested on; of other people only how near the nearest was."""
    lives = face.liveness
    return {
        "threshold": door.face_threshold,
        **face.about,
        "outcome": face.outcome.value,
        "distance": None if face.distance is None else round(face.distance, 4),
        "frames": face.frames,
        "frame_age_s": _rounded(face.frame_age_s),
        "seen_age_s": _rounded(face.seen_age_s),
        "detail": face.detail,
        "challenge": "off" if not door.challenge else _challenge(lives),
        "suspect": None if lives is None else lives.suspect,
        "liveness": "" if lives is None else lives.detail,
    }


def _challenge(lives: Liveness | None) -> str:
    if lives is None or lives.challenge is None:
        return "not_done"
    return "passed" if lives.challenge else "failed"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
