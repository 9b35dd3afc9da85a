"""Whether the door itself can be opened: its lock, its service, its devices, its interlock."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.decide.rules.case import Case, End, deny


def lock(case: Case) -> End | None:
    return None if case.request.lock_ready else deny(Reason.DENIED_LOCK_UNAVAILABLE)


def service(case: Case) -> End | None:
    return deny(Reason.DENIED_OUT_OF_SERVICE) if case.request.out_of_service else None


def tampered(case: Case) -> End | None:
    if case.request.tampered and case.door.deny_when_tampered:
        return deny(Reason.DENIED_TAMPERED)
    return None


def interlock(case: Case) -> End | None:
    other = case.request.interlocked
    return deny(Reason.DENIED_INTERLOCK, other) if other else None
