"""Whether the door itself may open: its lock, its service, its devices, its interlock."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.decide.rules.case import Case, End, deny


def lock(case: Case) -> End | None:
    """Deny if the relay board does not answer."""
    return None if case.request.lock_ready else deny(Reason.DENIED_LOCK_UNAVAILABLE)


def service(case: Case) -> End | None:
    """Deny if an operator took the door out of service."""
    return deny(Reason.DENIED_OUT_OF_SERVICE) if case.request.out_of_service else None


def tampered(case: Case) -> End | None:
    """Deny while a device of the door is open, unless the door's policy says otherwise."""
    if case.request.tampered and case.door.deny_when_tampered:
        return deny(Reason.DENIED_TAMPERED)
    return None


def interlock(case: Case) -> End | None:
    """Deny while another door of the interlock is not known to be shut and locked."""
    other = case.request.interlocked
    return deny(Reason.DENIED_INTERLOCK, other) if other else None
