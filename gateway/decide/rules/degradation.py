"""What the policy does about subsystems that do not work.  The rule `clock` is responsible for the
clock, and the rule `face` for the camera and the face process; this rule for all others."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.decide.policy import Action, Subsystem
from gateway.decide.rules.case import Case, End, deny

_ELSEWHERE = (Subsystem.CLOCK, Subsystem.CAMERA, Subsystem.FACE)
_HERE = tuple(subsystem for subsystem in Subsystem if subsystem not in _ELSEWHERE)


def degraded(case: Case) -> End | None:
    """Deny if the policy wants that; else go on as the policy says."""
    failing = case.request.failing
    if not failing or case.leaving:
        return None
    for subsystem in _HERE:
        why = failing.get(subsystem)
        if why is None:
            continue
        action = case.action(subsystem)
        if action is Action.DENY:
            return deny(Reason.DENIED_DEGRADED, f"{subsystem}: {why}")
        case.fall_back(subsystem, action)
    return None
