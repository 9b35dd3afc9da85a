"""Who may pass, and why: one pure function.

`decide()` takes a request, the site's policy and the time, and returns exactly one
`Decision`.  It does no I/O, reads no clock, keeps no state and never raises: what it can't
make sense of, it denies.  Standard library and `gateway.model` only.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from gateway.model import (
    DAYS,
    HOLIDAY,
    Decision,
    DoorPolicy,
    FaceOutcome,
    FaceResult,
    Lookup,
    Outcome,
    Period,
    Person,
    PersonStatus,
    PinOutcome,
    Reason,
    Request,
    Schedule,
    Site,
)


def decide(request: Request, site: Site, now: datetime) -> Decision:
    """Decide one request at `now` (aware, UTC).

    The order is the contract; the first rule that applies ends it.

    1.  The door is not in the policy            -> denied_unknown_door
    2.  Too many badges were waiting             -> denied_busy
    3.  The badge was read too long ago          -> denied_stale_badge
    4.  The reader read no valid card            -> denied_bad_read
    5.  The personnel list can't be read         -> denied_list_unavailable
    6.  Nobody on the list holds the credential  -> denied_unknown_credential
    7.  The holder's status is revoked           -> denied_revoked
    8.  The holder's status is suspended         -> denied_suspended
    9.  The wall clock is not to be trusted      -> denied_clock_untrusted
    10. Today is before the first valid day      -> denied_not_yet_valid
    11. It is after the last valid day, or visit -> denied_expired
    12. No access level opens this door          -> denied_no_access_level
    13. None does so at this hour                -> denied_out_of_schedule
    14. The lock's relay board does not answer   -> denied_lock_unavailable
    15. The door was taken out of service        -> denied_out_of_service
    16. A device of the door is being opened     -> denied_tampered
    17. Another door of its interlock is open    -> denied_interlock
    18. A PIN is asked for, and none was set     -> denied_pin_not_set
    19. Too many wrong ones were typed           -> denied_pin_locked
    20. It was not asked for yet                 -> pin_required (not an end: ask, decide again)
    21. It was not typed in time                 -> denied_no_pin
    22. It is wrong, or can't be told            -> denied_wrong_pin
    23. No face is asked for                     -> granted
    24. Too few face templates are enrolled      -> denied_face_not_enrolled
    25. The face was not looked for yet          -> face_required (likewise)
    26. The face process is away                 -> denied_face_unavailable
    27. The camera shows nothing to go by        -> denied_camera_fault
    28. Nobody is in front of it                 -> denied_no_face
    29. The face is another's, or can't be told  -> denied_face_mismatch
    30. The face is within the threshold         -> granted

    The factors asked for are those of the door and of every access level by which the person
    may pass now, together: one more level never takes a factor away.  On the way out those of
    the door's own `mode_out` are asked, and no more.  A PIN typed under
    duress passes like the right one; that it is told is the gate's.

    Beside these, denied_internal_error answers a request that makes no sense at all, and
    the gate itself answers denied_ledger_unavailable when a grant could not be written
    down: no door opens without its record.

    Days are whole days of the site's zone, first and last included.  Deny overrides: a
    person who meets any rule above is denied, whatever levels they hold.
    """
    try:
        return _decide(request, site, now)
    except Exception as error:  # total by contract: whatever is malformed is denied
        return Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)


def _decide(request: Request, site: Site, now: datetime) -> Decision:
    def deny(reason: Reason, rule: str = "") -> Decision:
        return _answer(Outcome.DENY, reason, site, request, rule)

    door = site.doors.get(request.door)
    if door is None:
        return deny(Reason.DENIED_UNKNOWN_DOOR)
    if request.busy:
        return deny(Reason.DENIED_BUSY)
    if not 0 <= request.age_s <= door.badge_max_age_s:  # NaN fails both comparisons
        return deny(Reason.DENIED_STALE_BADGE, f"older than {door.badge_max_age_s:g} s")
    if request.credential is None:
        return deny(Reason.DENIED_BAD_READ)
    if request.lookup is Lookup.UNAVAILABLE:
        return deny(Reason.DENIED_LIST_UNAVAILABLE)
    person = request.person
    if request.lookup is not Lookup.FOUND or person is None:
        return deny(Reason.DENIED_UNKNOWN_CREDENTIAL)
    if person.status is PersonStatus.REVOKED:
        return deny(Reason.DENIED_REVOKED)
    if person.status is not PersonStatus.ACTIVE:
        return deny(Reason.DENIED_SUSPENDED)
    if not request.clock_trusted:
        return deny(Reason.DENIED_CLOCK_UNTRUSTED)
    local = now.astimezone(site.zone)
    if person.valid_from is not None and local.date() < person.valid_from:
        return deny(Reason.DENIED_NOT_YET_VALID, f"valid from {person.valid_from}")
    if person.valid_until is not None and local.date() > person.valid_until:
        return deny(Reason.DENIED_EXPIRED, f"valid until {person.valid_until}")
    if person.until is not None and now >= person.until:
        ended = person.until.astimezone(site.zone)
        return deny(Reason.DENIED_EXPIRED, f"valid until {ended:%Y-%m-%d %H:%M}")
    reason, rule, pin, face = _access(person, door, site, local, request.way)
    if reason is not Reason.GRANTED:
        return deny(reason, rule)
    if not request.lock_ready:
        return deny(Reason.DENIED_LOCK_UNAVAILABLE)
    if request.out_of_service:
        return deny(Reason.DENIED_OUT_OF_SERVICE)
    if request.tampered and door.deny_when_tampered:
        return deny(Reason.DENIED_TAMPERED)
    if request.interlocked:
        return deny(Reason.DENIED_INTERLOCK, request.interlocked)
    if pin:
        step = _pin(request)
        if step is Reason.PIN_REQUIRED:
            return _answer(Outcome.NEED_PIN, step, site, request, rule)
        if step is not Reason.GRANTED:
            return deny(step)
    if not face:
        return _answer(Outcome.GRANT, Reason.GRANTED, site, request, rule)
    if request.templates < max(1, door.face_min_templates):
        return deny(
            Reason.DENIED_FACE_NOT_ENROLLED,
            f"{request.templates} of {door.face_min_templates} templates",
        )
    if request.face is None:
        return _answer(Outcome.NEED_FACE, Reason.FACE_REQUIRED, site, request, rule)
    reason, why = _face(request.face, door)
    if reason is not Reason.GRANTED:
        return deny(reason, why)
    return _answer(Outcome.GRANT, Reason.GRANTED, site, request, rule)


def _access(
    person: Person, door: DoorPolicy, site: Site, local: datetime, way: str
) -> tuple[Reason, str, bool, bool]:
    """The levels that open `door` at `local`, the first by name of rule; and whether a PIN and
    a face are asked for.

    A level or schedule that the policy does not know grants nothing.
    """
    opens: list[str] = []
    closed: list[str] = []
    leaving = way == "out"
    factors = [door.mode_out if leaving else door.mode]
    for name in person.access_levels:
        level = site.access_levels.get(name)
        schedule_name = level.grants.get(door.name) if level else None
        schedule = site.schedules.get(schedule_name) if schedule_name else None
        if level is None or schedule is None:
            continue
        rule = f"{name}/{schedule.name}"
        if is_open(schedule, local, site):
            opens.append(rule)
            if not leaving:
                factors.append(level.factors)
        else:
            closed.append(rule)
    pin, face = any(mode.pin for mode in factors), any(mode.face for mode in factors)
    if opens:
        return Reason.GRANTED, opens[0], pin, face
    if closed:
        return Reason.DENIED_OUT_OF_SCHEDULE, ", ".join(closed), pin, face
    return Reason.DENIED_NO_ACCESS_LEVEL, ", ".join(person.access_levels), pin, face


def _pin(request: Request) -> Reason:
    if not request.has_pin:
        return Reason.DENIED_PIN_NOT_SET
    if request.pin_locked:
        return Reason.DENIED_PIN_LOCKED
    if request.pin is None:
        return Reason.PIN_REQUIRED
    if request.pin is PinOutcome.MISSING:
        return Reason.DENIED_NO_PIN
    if request.pin is PinOutcome.UNAVAILABLE:
        return Reason.DENIED_LIST_UNAVAILABLE
    if request.pin is PinOutcome.CORRECT or request.pin is PinOutcome.DURESS:
        return Reason.GRANTED
    return Reason.DENIED_WRONG_PIN


def is_open(schedule: Schedule, local: datetime, site: Site) -> bool:
    """Whether `schedule` covers the local wall time.

    Compared as a person reads the wall clock, so on the night the clocks change a period
    keeps its printed times: an hour that comes twice counts both times, one that is
    skipped never comes.
    """
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    return any(
        _covers_from(period, today, local, site) or _covers_from(period, yesterday, local, site)
        for period in schedule.periods
    )


def _covers_from(period: Period, day: date, local: datetime, site: Site) -> bool:
    """Whether the stretch of `period` that began on `day` covers `local`."""
    if (HOLIDAY if day in site.holidays else DAYS[day.weekday()]) not in period.days:
        return False
    clock = local.time()
    overnight = period.end is not None and period.end <= period.start
    if day == local.date():
        return clock >= period.start and (period.end is None or overnight or clock < period.end)
    return overnight and period.end is not None and clock < period.end


def _face(face: FaceResult, door: DoorPolicy) -> tuple[Reason, str]:
    """What the camera's answer means.  The distance is judged here again: the face process
    handles hostile pictures, so its word `match` alone opens nothing."""
    if face.outcome is FaceOutcome.UNAVAILABLE:
        return Reason.DENIED_FACE_UNAVAILABLE, face.detail
    if face.outcome is FaceOutcome.CAMERA_FAULT:
        return Reason.DENIED_CAMERA_FAULT, face.detail
    if face.outcome is FaceOutcome.NO_FACE:
        return Reason.DENIED_NO_FACE, face.detail
    distance = face.distance
    if (
        face.outcome is FaceOutcome.MATCH
        and distance is not None
        and math.isfinite(distance)
        and 0 <= distance <= door.face_threshold
    ):
        return Reason.GRANTED, ""
    return Reason.DENIED_FACE_MISMATCH, f"above {door.face_threshold:g}"


def _answer(
    outcome: Outcome, reason: Reason, site: Site, request: Request, rule: str = ""
) -> Decision:
    degraded = [
        name
        for name, bad in (
            ("list", request.lookup is Lookup.UNAVAILABLE),
            ("clock", not request.clock_trusted),
            ("lock", not request.lock_ready),
            ("face", request.face is not None and request.face.outcome is FaceOutcome.UNAVAILABLE),
            (
                "camera",
                request.face is not None and request.face.outcome is FaceOutcome.CAMERA_FAULT,
            ),
        )
        if bad
    ]
    return Decision(
        outcome, reason, rule, request.list_version, site.policy_version, tuple(degraded)
    )
