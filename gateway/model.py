"""The words of the field as frozen types.

Everything that `decide()` may look at is defined here, so that a decision can be made,
replayed and tested from plain values.  Standard library only; nothing here does I/O,
reads a clock or keeps state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Credential:
    """A badge as the list and the reader both name it: format, facility code, card number.

    `facility` is "" for a format without one.  Numbers are text: a QR code is a
    credential too, and a leading zero must not decide who passes.
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
        """What a record may show: the format and at most half of the number, its end."""
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
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Person:
    """A cardholder.  `valid_from` and `valid_until` are whole local days, both inclusive; `until`
    (aware) is the moment at which a visitor's temporary badge ends, None for everybody else."""

    id: str
    name: str
    company: str = ""
    role: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    status: PersonStatus = PersonStatus.ACTIVE
    credentials: tuple[Credential, ...] = ()
    access_levels: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of local time on given days.  `end` None is midnight; an `end` at or before
    `start` runs into the next day and belongs to the day on which it began."""

    days: frozenset[str]
    start: time
    end: time | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly schedule.  On a holiday only periods whose days include ``holiday`` count."""

    name: str
    periods: tuple[Period, ...]


class Mode(StrEnum):
    """The factors that a door asks for."""

    BADGE = "badge"
    BADGE_PIN = "badge+pin"
    BADGE_FACE = "badge+face"
    BADGE_FACE_PIN = "badge+face+pin"

    @property
    def pin(self) -> bool:
        return self in (Mode.BADGE_PIN, Mode.BADGE_FACE_PIN)

    @property
    def face(self) -> bool:
        return self in (Mode.BADGE_FACE, Mode.BADGE_FACE_PIN)


@dataclass(frozen=True, slots=True)
class AccessLevel:
    """Doors by schedule: `grants` maps a door's name to the name of a schedule.  `factors` are
    asked of its holders beside those that the door asks of everybody."""

    name: str
    grants: Mapping[str, str]
    factors: Mode = Mode.BADGE


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """What one door demands, on the way in and (`mode_out`) on the way out.
    `face_threshold` is the largest distance of two 128-d embeddings (Euclidean) that counts as
    the same face."""

    name: str
    mode: Mode
    badge_max_age_s: float = 5.0
    face_threshold: float = 0.50
    face_min_templates: int = 3
    deny_when_tampered: bool = True
    mode_out: Mode = Mode.BADGE


@dataclass(frozen=True, slots=True)
class Site:
    """The site's policy: everything that decides and does not change from badge to badge."""

    gateway: str
    zone: ZoneInfo
    doors: Mapping[str, DoorPolicy]
    schedules: Mapping[str, Schedule]
    holidays: Mapping[date, str]
    access_levels: Mapping[str, AccessLevel]
    policy_version: str = ""


class FaceOutcome(StrEnum):
    MATCH = "match"
    MISMATCH = "mismatch"
    NO_FACE = "no_face"
    CAMERA_FAULT = "camera_fault"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class FaceResult:
    """What the face process saw.

    `distance` is the smallest distance to a template (0 = identical, None = nothing to
    compare), `frames` how many frames with a face were compared, `frame_age_s` the age of
    the frame used when it was compared, `detail` a short word on a fault (``frozen``,
    ``black``, ``no signal`` ...), `timing_ms` what the time went into.
    """

    outcome: FaceOutcome
    distance: float | None = None
    frames: int = 0
    frame_age_s: float | None = None
    detail: str = ""
    timing_ms: Mapping[str, float] = field(default_factory=dict)


class PinOutcome(StrEnum):
    """What became of the PIN.  DURESS opens like CORRECT, and is told."""

    CORRECT = "correct"
    WRONG = "wrong"
    DURESS = "duress"
    MISSING = "missing"  # not typed in time
    UNAVAILABLE = "unavailable"  # it could not be looked up


class Lookup(StrEnum):
    """How the search of the personnel list ended."""

    FOUND = "found"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Request:
    """One wish to pass, with everything that is known of it at the time of deciding.

    `credential` None means the reader read something that was no valid card.
    `age_s` is the time since the badge was read.  `face` None means not looked for yet.
    `busy` says that the door could not take the badge because too many were waiting, `way` is
    ``in`` or ``out``, `interlocked` names the door that must be closed first, `pin` None means
    not asked for yet, `pin_locked` that too many wrong ones were typed.
    """

    door: str
    credential: Credential | None
    lookup: Lookup
    person: Person | None = None
    list_version: int = 0
    templates: int = 0
    face: FaceResult | None = None
    age_s: float = 0.0
    clock_trusted: bool = True
    lock_ready: bool = True
    busy: bool = False
    way: str = "in"
    out_of_service: bool = False
    tampered: bool = False
    interlocked: str = ""
    has_pin: bool = False
    pin_locked: bool = False
    pin: PinOutcome | None = None


class Outcome(StrEnum):
    GRANT = "grant"
    DENY = "deny"
    NEED_PIN = "need_pin"
    NEED_FACE = "need_face"


class Reason(StrEnum):
    """Stable reason codes.  They are written to records, so they are never renamed."""

    GRANTED = "granted"
    PIN_REQUIRED = "pin_required"
    FACE_REQUIRED = "face_required"
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
    DENIED_LOCK_UNAVAILABLE = "denied_lock_unavailable"
    DENIED_OUT_OF_SERVICE = "denied_out_of_service"
    DENIED_TAMPERED = "denied_tampered"
    DENIED_INTERLOCK = "denied_interlock"
    DENIED_PIN_NOT_SET = "denied_pin_not_set"
    DENIED_PIN_LOCKED = "denied_pin_locked"
    DENIED_NO_PIN = "denied_no_pin"
    DENIED_WRONG_PIN = "denied_wrong_pin"
    DENIED_FACE_NOT_ENROLLED = "denied_face_not_enrolled"
    DENIED_FACE_UNAVAILABLE = "denied_face_unavailable"
    DENIED_CAMERA_FAULT = "denied_camera_fault"
    DENIED_NO_FACE = "denied_no_face"
    DENIED_FACE_MISMATCH = "denied_face_mismatch"
    DENIED_LEDGER_UNAVAILABLE = "denied_ledger_unavailable"
    DENIED_INTERNAL_ERROR = "denied_internal_error"


@dataclass(frozen=True, slots=True)
class Decision:
    """Exactly one per request.  `rule` names what decided (a level, a schedule, a date)."""

    outcome: Outcome
    reason: Reason
    rule: str = ""
    list_version: int = 0
    policy_version: str = ""
    degraded: tuple[str, ...] = ()

    @property
    def granted(self) -> bool:
        return self.outcome is Outcome.GRANT


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, not yet on record.

    `type` is dotted and stable (``access.granted``), `subject` what it is about (a door, a
    device, a person), `data` JSON values.  `id` is given only by those who may hand in the
    same event twice (an admin act kept in an outbox): the ledger takes it once.
    """

    type: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    time: datetime | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A record: `seq` counts from 1 without holes, `hash` (hex) chains it to all before it."""

    seq: int
    id: str
    time: str
    type: str
    subject: str
    data: Mapping[str, Any]
    hash: str
    prev: str
