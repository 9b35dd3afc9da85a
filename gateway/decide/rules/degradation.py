"""What the policy does about things that do not work.  The clock is judged where validity is,
the camera and the face process where the face is; here is the rest."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.decide.policy import Action, Subsystem
from gateway.decide.rules.case import Case, End, deny

_ELSEWHERE = (Subsystem.CLOCK, Subsystem.CAMERA, Subsystem.FACE)
_HERE = tuple(thing for thing in Subsystem if thing not in _ELSEWHERE)


def degraded(case: Case) -> End | None:
    failing = case.request.failing
    if not failing or case.leaving:
        return None
    for thing in _HERE:
        why = failing.get(thing)
        if why is None:
            continue
        action = case.action(thing)
        if action is Action.DENY:
            return deny(Reason.DENIED_DEGRADED, f"{thing}: {why}")
        case.fall_back(thing, action)
    return None
