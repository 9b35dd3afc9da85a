"""The PIN, the face, and the guard who confirms in place of something that failed."""

from __future__ import annotations

import math

from gateway.decide.model import Confirmation, FaceOutcome, FaceResult, Outcome, PinOutcome, Reason
from gateway.decide.policy import Action, Subsystem
from gateway.decide.rules.case import Case, End, deny


def pin(case: Case) -> End | None:
    """Ask for the PIN where one is needed, and judge what became of it."""
    if not case.pin:
        return None
    request = case.request
    if not request.has_pin:
        return deny(Reason.DENIED_PIN_NOT_SET)
    if request.pin_locked:
        return deny(Reason.DENIED_PIN_LOCKED)
    if request.pin is None:
        return End(Outcome.NEED_PIN, Reason.PIN_REQUIRED, case.rule)
    if request.pin is PinOutcome.MISSING:
        return deny(Reason.DENIED_NO_PIN)
    if request.pin is PinOutcome.UNAVAILABLE:
        return deny(Reason.DENIED_LIST_UNAVAILABLE)
    if request.pin is PinOutcome.CORRECT or request.pin is PinOutcome.DURESS:
        return None
    return deny(Reason.DENIED_WRONG_PIN)


def enrolled(case: Case) -> End | None:
    """Deny a person without enough templates where a face is needed.  This holds even if the camera
    does not work: a failure must not let in somebody whom the camera would not."""
    if not case.face:
        return None
    until = case.request.face_until
    if until is not None and case.local.date() > until:
        return deny(Reason.DENIED_FACE_NOT_ENROLLED, f"retention ended {until}")
    count, least = case.request.templates, case.door.face_min_templates
    if count < max(1, least):
        return deny(Reason.DENIED_FACE_NOT_ENROLLED, f"{count} of {least} templates")
    return None


def face(case: Case) -> End | None:
    """Ask for the face where one is needed, and judge what the camera saw."""
    if not case.face:
        return None
    seen = case.request.face
    if seen is None:
        return End(Outcome.NEED_FACE, Reason.FACE_REQUIRED, case.rule)
    reason, why = _judge(seen, case)
    if reason is Reason.GRANTED:
        return None
    subsystem = _BROKEN.get(reason)
    if subsystem is None or case.request.identified:  # without a badge there is only the face
        return deny(reason, why)
    action = case.action(subsystem)
    if action is Action.DENY:
        return deny(reason, why)
    case.fall_back(subsystem, action)
    return pin(case)


_BROKEN = {
    Reason.DENIED_FACE_UNAVAILABLE: Subsystem.FACE,
    Reason.DENIED_CAMERA_FAULT: Subsystem.CAMERA,
}


def _judge(seen: FaceResult, case: Case) -> tuple[Reason, str]:
    """What the camera's answer means: GRANTED, or the reason to deny and what exactly was wrong.

    The distance is compared here once more.  The face process handles hostile pictures, so its
    word `match` alone must not open a door.
    """
    if seen.outcome is FaceOutcome.UNAVAILABLE:
        return Reason.DENIED_FACE_UNAVAILABLE, seen.detail
    if seen.outcome is FaceOutcome.CAMERA_FAULT:
        return Reason.DENIED_CAMERA_FAULT, seen.detail
    if seen.outcome is FaceOutcome.NO_FACE:
        return Reason.DENIED_NO_FACE, seen.detail
    lives = seen.liveness
    if case.door.challenge and lives is not None and lives.challenge is False:
        return Reason.DENIED_NOT_LIVE, lives.detail
    distance, threshold = seen.distance, case.face_threshold
    if (
        seen.outcome is not FaceOutcome.MATCH
        or distance is None
        or not math.isfinite(distance)
        or not 0 <= distance <= threshold
    ):
        return Reason.DENIED_FACE_MISMATCH, f"above {threshold:g}"
    if case.door.challenge and (lives is None or lives.challenge is not True):
        return Reason.DENIED_NOT_LIVE, "no challenge"
    if case.door.deny_suspect and (lives is None or lives.suspect):
        return Reason.DENIED_NOT_LIVE, lives.detail if lives else "no cues"
    return Reason.GRANTED, ""


def confirmed(case: Case) -> End | None:
    """Ask a guard where something failed and the policy wants their word."""
    if not case.needs_confirm:
        return None
    said = case.request.confirmation
    asked = [name for name, action in case.fallback.items() if action == Action.CONFIRM]
    if said is None:
        return End(Outcome.NEED_CONFIRM, Reason.CONFIRM_REQUIRED, ", ".join(asked))
    if said is Confirmation.CONFIRMED:
        return None
    return deny(Reason.DENIED_NOT_CONFIRMED, ", ".join(asked))
