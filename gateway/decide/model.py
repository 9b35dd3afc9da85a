"""The terms of access control as frozen types.

Everything that `decide()` may look at is defined here or in `policy`, so that we can decide, replay
and test from plain values.  Nothing here does I/O, reads a clock or keeps state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gateway.decide.policy import Direction, Subsystem
from gateway.ledger.event import EventType


@dataclass(frozen=True, slots=True)
class Credential:
    """A badge as the list and the reader both name it: format, facility code, card number.

    `facility` is "" for a format without one.  A number is text, because a QR code is a
    credential too; `parse` drops leading zeros, so that they do not decide who passes.
    """

    format: str
    facility: str
    number: str

    @property
    def key(self) -> str:
        """``format:facility:number``, the form in which lists and tables hold it."""
        return f"{self.format}:{self.facility}:{self.number}"

    @property
    def masked(self) -> str:
        """What a record may show: the format, and the last digits, at most half of them."""
        keep = min(4, len(self.number) // 2)
        return f"{self.format}:…{self.number[len(self.number) - keep :]}"

    @classmethod
    def parse(cls, text: str) -> Credential:
        """Read ``format:facility:number``; raises ValueError with a reason a person can use."""
        parts = text.strip().split(":", 2)
        if len(parts) != 3:
            raise ValueError("expected format:facility:number")
        fmt, facility, number = (part.strip() for part in parts)
        fmt = fmt.lower()
        if not fmt or not number:
            raise ValueError("format and number must not be empty")
        if facility and not (facility.isascii() and facility.isdigit()):
            raise ValueError("facility code must be digits")
        if fmt != "text":
            if not (number.isascii() and number.isdigit()):
                raise ValueError("card number must be digits")
            number = number.lstrip("0") or "0"
        facility = (facility.lstrip("0") or "0") if facility else ""
        return cls(fmt, facility, number)

    def __repr__(self) -> str:  # numbers stay out of logs and tracebacks
        return f"Credential({self.masked})"


class PersonStatus(StrEnum):
    """Whether the list lets a person in at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A certificate or the like that a person or their company has shown.  `valid_until` is the
    last day on which it is good; None: it does not lapse."""

    kind: str
    of: str  # person or company
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class TemporaryGrant:
    """A door or an area (`kind`) open to one person from `since` until `until`, whatever their
    levels say; both aware, UTC."""

    kind: str
    target: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """A cardholder.  `valid_from` and `valid_until` are whole local days, both inclusive; `until`
    (aware) is the moment at which a visitor's temporary badge ends, None for everybody else.

    Who has `needs_escort` passes with an escort alone: one of `escorts`, or, if that is empty,
    anybody with a level that may escort.
    """

    id: str
    name: str
    company: str = ""
    role: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    status: PersonStatus = PersonStatus.ACTIVE
    credentials: tuple[Credential, ...] = ()
    access_levels: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    grants: tuple[TemporaryGrant, ...] = ()
    needs_escort: bool = False
    escorts: tuple[str, ...] = ()
    until: datetime | None = None


class FaceOutcome(StrEnum):
    MATCH = "match"
    MISMATCH = "mismatch"
    NO_FACE = "no_face"
    CAMERA_FAULT = "camera_fault"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether it was a person rather than a picture of one.  `challenge`: True passed, False not,
    None not asked; `suspect`: the passive cues speak against it; `detail` says which."""

    challenge: bool | None = None
    suspect: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FaceResult:
    """What the face process saw.

    `distance` is the distance to the templates (gateway/face/vision/score.py; 0 = identical, None =
    nothing to compare), `frames` how many looks were compared, `frame_age_s` the age of the
    newest of them, `seen_age_s` that of the frame which showed that the same face is still there,
    `detail` a short word on a fault (``frozen``, ``black``, ``no signal`` ...).  `liveness` says
    what a challenge or the passive cues found (None: not asked for), `nearest` which other
    person's templates lie nearest, `about` is for the record and decides nothing, nor does
    `picture` (JPEG; empty where the site keeps none).
    """

    outcome: FaceOutcome
    distance: float | None = None
    frames: int = 0
    frame_age_s: float | None = None
    detail: str = ""
    seen_age_s: float | None = None
    liveness: Liveness | None = None
    nearest: tuple[str, float] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    picture: bytes = field(default=b"", repr=False)


class PinOutcome(StrEnum):
    """What became of the PIN.  DURESS opens like CORRECT and raises a silent alarm."""

    CORRECT = "correct"
    WRONG = "wrong"
    DURESS = "duress"
    MISSING = "missing"  # not typed in time
    UNAVAILABLE = "unavailable"  # it could not be looked up


class Confirmation(StrEnum):
    """What a guard said."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    MISSING = "missing"  # nothing in time


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is by the records: in `area` ("" is outside) since that time (UTC).  `free`:
    an operator forgave their passback, so their next badge counts wherever they show it.  `gate` is
    the other gate that says so; "" is this one."""

    area: str
    since: datetime
    free: bool = False
    gate: str = ""


@dataclass(frozen=True, slots=True)
class AreaFacts:
    """What is known of the area that the door leads to.

    `place`       where the person is; None: no record shows them anywhere
    `occupancy`   how many are in the area or on the way in; None: not known
    `entered`     by access level, when a holder of it last entered by this door
    `known`       False: the records could not be read
    """

    place: Place | None = None
    occupancy: int | None = None
    entered: Mapping[str, datetime] = field(default_factory=dict)
    known: bool = True


class Lookup(StrEnum):
    """How the search of the personnel list ended."""

    FOUND = "found"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Request:
    """One person who wants to pass, with everything that is known at the time of deciding.

    `credential`    None: the reader read something that was not a valid card
    `face_until`    last day on which the enrolled face may be used; None: no end
    `face`, `pin`, `confirmation`   None: nobody asked for it yet
    `age_s`         seconds since the badge was read
    `busy`          too many badges were waiting, so the door did not take this one
    `interlocked`   the door of the interlock that must be closed first; "" if there is none
    `pin_locked`    the person typed too many wrong PINs
    `identified`    no badge was shown: a face was found among `enrolled` people
    `threat`        the threat level in force
    `failing`       what does not work, and why
    `companions`    people whose badges were read here together with this one, and who may pass
                    apart from needing company
    `recent`        people whom this reader let through just before
    `waited`        the wait for another badge is over
    """

    door: str
    credential: Credential | None
    lookup: Lookup
    person: Person | None = None
    list_version: int = 0
    templates: int = 0
    face_until: date | None = None
    face: FaceResult | None = None
    age_s: float = 0.0
    clock_trusted: bool = True
    lock_ready: bool = True
    busy: bool = False
    direction: Direction = Direction.IN
    out_of_service: bool = False
    tampered: bool = False
    interlocked: str = ""
    has_pin: bool = False
    pin_locked: bool = False
    pin: PinOutcome | None = None
    identified: bool = False
    enrolled: int = 0
    area: AreaFacts = AreaFacts()
    threat: str = ""
    failing: Mapping[Subsystem, str] = field(default_factory=dict)
    companions: tuple[Person, ...] = ()
    recent: tuple[Person, ...] = ()
    waited: bool = False
    confirmation: Confirmation | None = None


class Outcome(StrEnum):
    """How a rule ended: a decision, or what has to be asked for before deciding again."""

    GRANT = "grant"
    DENY = "deny"
    NEED_PIN = "need_pin"
    NEED_FACE = "need_face"
    NEED_ESCORT = "need_escort"
    NEED_SECOND = "need_second"
    NEED_CONFIRM = "need_confirm"


class Reason(StrEnum):
    """Stable reason codes.  Records hold them, so nobody may rename one."""

    GRANTED = "granted"
    PIN_REQUIRED = "pin_required"
    FACE_REQUIRED = "face_required"
    ESCORT_REQUIRED = "escort_required"
    SECOND_REQUIRED = "second_required"
    CONFIRM_REQUIRED = "confirm_required"
    DENIED_UNKNOWN_DOOR = "denied_unknown_door"
    DENIED_BAD_READ = "denied_bad_read"
    DENIED_BUSY = "denied_busy"
    DENIED_STALE_BADGE = "denied_stale_badge"
    DENIED_LIST_UNAVAILABLE = "denied_list_unavailable"
    DENIED_UNKNOWN_CREDENTIAL = "denied_unknown_credential"
    DENIED_REVOKED = "denied_revoked"
    DENIED_SUSPENDED = "denied_suspended"
    DENIED_CLOCK_UNTRUSTED = "denied_clock_untrusted"
    DENIED_NOT_YET_VALID = "denied_not_yet_valid"
    DENIED_EXPIRED = "denied_expired"
    DENIED_NO_ACCESS_LEVEL = "denied_no_access_level"
    DENIED_OUT_OF_SCHEDULE = "denied_out_of_schedule"
    DENIED_FIRST_PERSON = "denied_first_person"
    DENIED_THREAT_LEVEL = "denied_threat_level"
    DENIED_REQUIREMENT_MISSING = "denied_requirement_missing"
    DENIED_REQUIREMENT_LAPSED = "denied_requirement_lapsed"
    DENIED_LOCK_UNAVAILABLE = "denied_lock_unavailable"
    DENIED_OUT_OF_SERVICE = "denied_out_of_service"
    DENIED_TAMPERED = "denied_tampered"
    DENIED_INTERLOCK = "denied_interlock"
    DENIED_DEGRADED = "denied_degraded"
    DENIED_PASSBACK = "denied_passback"
    DENIED_AREA_FULL = "denied_area_full"
    DENIED_PIN_NOT_SET = "denied_pin_not_set"
    DENIED_PIN_LOCKED = "denied_pin_locked"
    DENIED_NO_PIN = "denied_no_pin"
    DENIED_WRONG_PIN = "denied_wrong_pin"
    DENIED_FACE_NOT_ENROLLED = "denied_face_not_enrolled"
    DENIED_FACE_UNAVAILABLE = "denied_face_unavailable"
    DENIED_CAMERA_FAULT = "denied_camera_fault"
    DENIED_NO_FACE = "denied_no_face"
    DENIED_FACE_MISMATCH = "denied_face_mismatch"
    DENIED_NOT_LIVE = "denied_not_live"
    DENIED_NOT_IDENTIFIED = "denied_not_identified"
    DENIED_IDENTIFY_LIMIT = "denied_identify_limit"
    DENIED_NO_ESCORT = "denied_no_escort"
    DENIED_NO_SECOND_PERSON = "denied_no_second_person"
    DENIED_NOT_CONFIRMED = "denied_not_confirmed"
    DENIED_REMOTE_OFF = "denied_remote_off"
    DENIED_LEDGER_UNAVAILABLE = "denied_ledger_unavailable"
    DENIED_INTERNAL_ERROR = "denied_internal_error"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one request.

    `rule`       what exactly decided: a level, a schedule, a date
    `degraded`   what did not work
    `fallback`   what the policy did about it, by subsystem
    `notes`      what has to be recorded although it did not decide: (event type, detail)
    `criteria`   the criteria for which this decision is evidence
    """

    outcome: Outcome
    reason: Reason
    rule: str = ""
    list_version: int = 0
    policy_version: str = ""
    degraded: tuple[str, ...] = ()
    fallback: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[tuple[EventType, str], ...] = ()
    criteria: tuple[str, ...] = ()

    @property
    def granted(self) -> bool:
        """Whether the person may pass."""
        return self.outcome is Outcome.GRANT
