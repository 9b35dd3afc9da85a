"""Who may pass, and why: one pure function over an ordered table of rules.

`decide()` takes a request, the site's policy and the time, and returns exactly one
`Decision`.  It does no I/O, reads no clock, keeps no state and never raises: it denies whatever it
can't make sense of.  `explain()` walks the same table and keeps what each rule said.  This folder
imports the standard library and the names of event types only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.decide.model import Decision, FaceOutcome, Lookup, Outcome, Reason, Request
from gateway.decide.policy import Site
from gateway.decide.rules import (
    area,
    degradation,
    doorway,
    factors,
    identity,
    requirement,
    schedule,
    threat,
)
from gateway.decide.rules.area import needs_escort
from gateway.decide.rules.case import Case, End, Rule, deny
from gateway.decide.rules.schedule import covered_since, is_open
from gateway.decide.rules.threat import face_threshold

__all__ = [
    "RULES",
    "Step",
    "covered_since",
    "decide",
    "explain",
    "face_threshold",
    "is_open",
    "needs_escort",
]


def decide(request: Request, site: Site, now: datetime) -> Decision:
    """Decide one request at `now` (aware, UTC).

    The order is the contract: the first rule that applies decides.

    1.  The door is not in the policy                    -> denied_unknown_door
    2.  Too many badges were waiting                     -> denied_busy
    3.  The badge was read too long ago                  -> denied_stale_badge
    4.  A face came without a badge, and the door wants one, or
        too many are enrolled for it                     -> denied_identify_limit
    5.  The reader read no valid card                    -> denied_bad_read
    6.  The personnel list can't be read                 -> denied_list_unavailable
    7.  Nobody enrolled has the face                     -> denied_not_identified
    8.  Nobody on the list holds the credential          -> denied_unknown_credential
    9.  The holder's status is revoked                   -> denied_revoked
    10. The holder's status is suspended                 -> denied_suspended
    11. The wall clock is not to be trusted              -> denied_clock_untrusted *
    12. Today is before the first valid day              -> denied_not_yet_valid
    13. It is after the last valid day, or a visit's end -> denied_expired
    14. No level or grant opens this door                -> denied_no_access_level
    15. None does so at this hour                        -> denied_out_of_schedule
    16. Somebody has to enter first today                -> denied_first_person
    17. The threat level closes the area                 -> denied_threat_level
    18. The area requires what they never had            -> denied_requirement_missing
    19. What it requires has lapsed                      -> denied_requirement_lapsed
    20. The lock's relay board does not answer           -> denied_lock_unavailable
    21. The door was taken out of service                -> denied_out_of_service
    22. A device of the door is being opened             -> denied_tampered
    23. Another door of its interlock is open            -> denied_interlock
    24. Something failed, and the policy denies          -> denied_degraded *
    25. They are in the area, or came from nowhere       -> denied_passback
    26. The area holds as many as it may                 -> denied_area_full
    27. A PIN is asked for, and none was set             -> denied_pin_not_set
    28. Too many wrong ones were typed                   -> denied_pin_locked
    29. It was not asked for yet                         -> pin_required (ask, decide again)
    30. It was not typed in time                         -> denied_no_pin
    31. It is wrong, or nobody can tell                  -> denied_wrong_pin
    32. Too few templates, or their retention is over    -> denied_face_not_enrolled
    33. The face was not looked for yet                  -> face_required (likewise)
    34. The face process is away                         -> denied_face_unavailable *
    35. The camera shows nothing to go by                -> denied_camera_fault *
    36. Nobody is in front of it                         -> denied_no_face
    37. The face is another's, or nobody can tell        -> denied_face_mismatch
    38. The person did not turn as asked, or it looks like
        a picture of a face, and the door checks that    -> denied_not_live
    39. An escort's badge is waited for                  -> escort_required (likewise)
    40. It did not come                                  -> denied_no_escort
    41. A second person's badge is waited for            -> second_required (likewise)
    42. It did not come                                  -> denied_no_second_person
    43. A guard was not asked yet                        -> confirm_required (likewise)
    44. They did not confirm                             -> denied_not_confirmed
    45. All was in order                                 -> granted

    * These rules deny because something failed.  The policy of an area may say otherwise.  Then
    the rule does not apply, the rules after it go on, and the policy asks for a PIN (27 to 31) or
    a guard's word (43): in place of the face if the camera or the face process failed, in addition
    otherwise.  All other rules hold as ever.

    A person has to show the factors of the door, of every access level by which they may pass now,
    and of the threat level, all together: a further level never takes a factor away.  On the way
    out they have to show those of the door's `mode_out` alone, and the rules about areas (16 to
    19, 24 to 26, 39 to 42) do not hold, so that no rule keeps anybody inside.  A duress PIN passes
    like the right one; the reader (gateway/doors) raises the alarm.

    Three more codes exist.  A request that makes no sense at all gets denied_internal_error.  The
    reader answers denied_ledger_unavailable if a grant can't be recorded: no door opens without
    its record.  An operator's command gets denied_remote_off where the door does not open from afar
    (gateway/decide/remote.py).

    Days are whole days of the site's zone, first and last included.  Deny overrides: a rule that
    denies holds whatever levels the person has.

    Never raises.
    """
    try:
        case = Case(request, site, now)
        for _, rule in RULES:
            end = rule(case)
            if end is not None:
                return _answer(case, end)
        return _answer(case, End(Outcome.GRANT, Reason.GRANTED, case.rule))
    except Exception as error:  # total by contract: a malformed request is denied
        return Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)


RULES: tuple[tuple[str, Rule], ...] = (
    ("door", identity.door),
    ("busy", identity.busy),
    ("age", identity.age),
    ("reading", identity.reading),
    ("listed", identity.listed),
    ("status", identity.status),
    ("clock", identity.clock),
    ("validity", identity.validity),
    ("access", schedule.access),
    ("threat", threat.level),
    ("required", requirement.missing),
    ("lapsed", requirement.lapsed),
    ("lock", doorway.lock),
    ("service", doorway.service),
    ("tampered", doorway.tampered),
    ("interlock", doorway.interlock),
    ("degraded", degradation.degraded),
    ("passback", area.passback),
    ("full", area.full),
    ("pin", factors.pin),
    ("enrolled", factors.enrolled),
    ("face", factors.face),
    ("escort", area.escort),
    ("second", area.second),
    ("confirmed", factors.confirmed),
)
"""The rules in the order of the contract, each under the name that `garita explain` shows."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule said.  `end` None: the rule did not apply."""

    name: str
    end: End | None


def explain(request: Request, site: Site, now: datetime) -> tuple[Decision, tuple[Step, ...]]:
    """The decision of `decide()`, and what each rule said until one applied.

    An error of ours shows as a last step named ``error``.  Never raises.
    """
    steps: list[Step] = []
    try:
        case = Case(request, site, now)
        for name, rule in RULES:
            steps.append(Step(name, rule(case)))
            if steps[-1].end is not None:
                break
    except Exception as error:
        steps.append(Step("error", deny(Reason.DENIED_INTERNAL_ERROR, type(error).__name__)))
    return decide(request, site, now), tuple(steps)


def _answer(case: Case, end: End) -> Decision:
    request, site = case.request, case.site
    face = request.face.outcome if request.face is not None else None
    degraded = [
        name
        for name, bad in (
            ("list", request.lookup is Lookup.UNAVAILABLE),
            ("clock", not request.clock_trusted),
            ("lock", not request.lock_ready),
            ("face", face is FaceOutcome.UNAVAILABLE),
            ("camera", face is FaceOutcome.CAMERA_FAULT),
        )
        if bad
    ]
    degraded += [thing.value for thing in request.failing if thing.value not in degraded]
    granted = end.outcome is Outcome.GRANT
    criteria = (*site.evidence.get(end.reason.value, ()), *case.criteria)
    return Decision(
        outcome=end.outcome,
        reason=end.reason,
        rule=end.rule,
        list_version=request.list_version,
        policy_version=site.policy_version,
        degraded=tuple(degraded),
        fallback=case.fallback,
        notes=tuple(case.notes) if granted else (),
        criteria=tuple(dict.fromkeys(criteria)),
    )
