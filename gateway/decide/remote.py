"""Whether a door may open to an operator's command from afar: a pure function, like `decide()`.

Nobody is at a reader, so no rule about a person, a badge or a face applies.  The door's own rules
do, and so do the threat level and what the policy says of parts that do not work.
"""

from __future__ import annotations

from datetime import datetime

from gateway.decide.model import Outcome, Reason, Request
from gateway.decide.policy import Action, Site
from gateway.decide.rules import doorway, identity
from gateway.decide.rules.case import Case, End, deny
from gateway.decide.rules.threat import EVERY_DAY


def decide_remote(request: Request, site: Site, now: datetime) -> End:
    """GRANT, or DENY with the reason; never raises.  `request` has no credential and no person.

    In this order:

    1. The door is not configured                               -> denied_unknown_door
    2. The policy does not let it open from afar                -> denied_remote_off
    3. The clock can't be trusted                               -> denied_clock_untrusted
    4. The threat level closes the door, or is not known        -> denied_threat_level
    5. The lock does not answer                                 -> denied_lock_unavailable
    6. The door is out of service                               -> denied_out_of_service
    7. A device of the door is open                             -> denied_tampered
    8. Another door of the interlock is not shut and locked     -> denied_interlock
    9. Something fails for which the policy wants more than a
       badge (a PIN or a guard's word can't be given from afar) -> denied_degraded
    """
    try:
        case = Case(request, site, now)
        for rule in _RULES:
            end = rule(case)
            if end is not None:
                return end
        return End(Outcome.GRANT, Reason.GRANTED)
    except Exception as error:  # total by contract
        return deny(Reason.DENIED_INTERNAL_ERROR, type(error).__name__)


def _allowed(case: Case) -> End | None:
    return None if case.door.remote_open else deny(Reason.DENIED_REMOTE_OFF)


def _clock(case: Case) -> End | None:
    return None if case.request.clock_trusted else deny(Reason.DENIED_CLOCK_UNTRUSTED)


def _threat(case: Case) -> End | None:
    """A level that closes the door closes it to commands too, whoever may enter with a badge."""
    site, name = case.site, case.request.threat
    if not site.threat_levels:
        return None
    found = site.threat_levels.get(name, EVERY_DAY)
    if found is EVERY_DAY:
        return deny(Reason.DENIED_THREAT_LEVEL, f"no such level: {name}")
    return deny(Reason.DENIED_THREAT_LEVEL, name) if found.closes(case.door.area) else None


def _works(case: Case) -> End | None:
    for part, why in case.request.failing.items():
        if case.action(part) is not Action.BADGE:
            return deny(Reason.DENIED_DEGRADED, f"{part}: {why}")
    return None


_RULES = (
    identity.door,
    _allowed,
    _clock,
    _threat,
    doorway.lock,
    doorway.service,
    doorway.tampered,
    doorway.interlock,
    _works,
)
