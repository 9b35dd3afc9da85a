"""The words of a site's policy beyond doors and schedules: areas, requirements, threat levels,
and what stands in for a part that failed.

Frozen values which the configuration makes and `decide()` reads.  Standard library only; nothing
here does I/O, reads a clock or keeps state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from zoneinfo import ZoneInfo


class Direction(StrEnum):
    """Which way somebody passes a door: into its area, or out of it."""

    IN = "in"
    OUT = "out"

    @classmethod
    def read(cls, value: object) -> Direction:
        """The direction that a record or a request names.

        `value` comes from outside, so it may be anything; never raises.  Everything but ``out``
        is read as IN, because more rules hold on the way in.
        """
        return cls.OUT if value == cls.OUT.value else cls.IN


class Subsystem(StrEnum):
    """What can fail and still leave a choice.  The order is the one in which they are judged."""

    CLOCK = "clock"  # it lies behind the newest record
    SYNC = "sync"  # the kernel does not call it synchronised
    LIST_OLD = "list_old"  # the list in force is older than it may be
    DISK = "disk"  # less is free than there must be
    CHANNEL = "channel"  # the reader has no secure channel
    BROKER = "broker"  # the MQTT broker is away
    CAMERA = "camera"
    FACE = "face"  # the face process


class Action(StrEnum):
    """What is done then.  For the camera and the face process it stands in place of the face;
    for everything else it comes on top, and BADGE means: as usual."""

    DENY = "deny"
    CONFIRM = "confirm"  # a guard confirms
    BADGE_PIN = "badge+pin"
    BADGE = "badge"


DEGRADED: Mapping[Subsystem, Action] = {
    Subsystem.CLOCK: Action.DENY,
    Subsystem.SYNC: Action.BADGE,
    Subsystem.LIST_OLD: Action.DENY,
    Subsystem.DISK: Action.BADGE,
    Subsystem.CHANNEL: Action.BADGE,
    Subsystem.BROKER: Action.BADGE,
    Subsystem.CAMERA: Action.DENY,
    Subsystem.FACE: Action.DENY,
}
"""Without a word in the policy: whatever bears on who somebody is denies.  A reader without a
secure channel was chosen by the site (`options.secure = false`), so it is told and passes."""


class Passback(StrEnum):
    """What it means to enter an area twice without having left it."""

    OFF = "off"
    SOFT = "soft"  # told, and let in
    HARD = "hard"
    TIMED = "timed"  # hard for so many minutes after the entry


@dataclass(frozen=True, slots=True)
class Area:
    """A place that doors lead into.  `requires` names kinds of requirement, `maximum` is how many
    people may be in it (0: any number), `second_s` how long a first badge waits for a second
    where `two_person` holds, `alone` whether one person left inside is told."""

    name: str
    requires: tuple[str, ...] = ()
    passback: Passback = Passback.OFF
    passback_minutes: float = 0.0
    maximum: int = 0
    two_person: bool = False
    second_s: float = 15.0
    alone: bool = False
    degraded: Mapping[Subsystem, Action] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequirementKind:
    """Something that a person, or the company they come for, must have, and that lapses.
    `of` is ``person`` or ``company``; `exempt` names companies that need none (the site's own);
    `criteria` are those that holding people to it is evidence for."""

    name: str
    of: str = "person"
    warn_days: int = 30
    criteria: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreatLevel:
    """What a threat level changes.  `rank` orders them, the lowest is every day's.  `closed`
    names areas (``*``: every door) that stay open to the holders of `open_to` alone; `pin` and
    `face` are asked beside what is asked anyway; `face_threshold` counts where it is stricter
    (0: as usual); `two_person` names areas that nobody enters alone."""

    name: str
    rank: int = 0
    closed: tuple[str, ...] = ()
    open_to: tuple[str, ...] = ()
    pin: bool = False
    face: bool = False
    face_threshold: float = 0.0
    two_person: tuple[str, ...] = ()

    def closes(self, area: str) -> bool:
        return "*" in self.closed or (bool(area) and area in self.closed)


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of local time on given days.  `end` None is midnight; an `end` at or before
    `start` runs into the next day and belongs to the day on which it began."""

    days: frozenset[str]
    start: time
    end: time | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly schedule.  On a holiday only periods whose days include ``holiday`` count.

    With `first_in`, a door stays shut to others until a holder of that access level has
    entered by it on the day on which the period began.
    """

    name: str
    periods: tuple[Period, ...]
    first_in: str = ""


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
    """Doors and areas by schedule: `grants` maps a door's name to the name of a schedule, `areas`
    an area's: every door that leads into it, or out of it to no other.  `factors` are asked of
    its holders beside those that the door asks of everybody.  Holders pass with an escort alone
    where `needs_escort` holds, and may be one where `may_escort` does."""

    name: str
    grants: Mapping[str, str]
    factors: Mode = Mode.BADGE
    areas: Mapping[str, str] = field(default_factory=dict)
    needs_escort: bool = False
    may_escort: bool = False


@dataclass(frozen=True, slots=True)
class Identify:
    """A door that opens to a face without a badge (one to many).  `threshold` is its own, stricter
    distance; `limit` how many people may be enrolled for it, by the error rate that was measured
    at that threshold."""

    threshold: float
    limit: int


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """What one door demands, on the way in and (`mode_out`) on the way out.
    `face_threshold` is the largest distance of two 128-d embeddings (Euclidean) that counts as
    the same face.  `challenge`: a face counts only after it turned as it was told;
    `deny_suspect`: not one that the passive cues speak against.  The door leads from `from_area`
    into `area`; "" is no area: outside."""

    name: str
    mode: Mode
    badge_max_age_s: float = 5.0
    face_threshold: float = 0.40
    face_min_templates: int = 3
    deny_when_tampered: bool = True
    mode_out: Mode = Mode.BADGE
    challenge: bool = False
    deny_suspect: bool = False
    identify: Identify | None = None
    area: str = ""
    from_area: str = ""

    def leads_to(self, direction: Direction) -> str:
        """The name of the area that a person enters who passes in that direction; "" outside."""
        return self.from_area if direction is Direction.OUT else self.area


@dataclass(frozen=True, slots=True)
class Site:
    """The site's policy: everything that decides and does not change from badge to badge.

    `degraded` holds what is done about each `Subsystem` where an area says nothing; `evidence` maps
    a reason code to the criteria that its decision is evidence for, and `criteria_edition` names
    the table that these are from.
    """

    gateway: str
    zone: ZoneInfo
    doors: Mapping[str, DoorPolicy]
    schedules: Mapping[str, Schedule]
    holidays: Mapping[date, str]
    access_levels: Mapping[str, AccessLevel]
    policy_version: str = ""
    areas: Mapping[str, Area] = field(default_factory=dict)
    requirements: Mapping[str, RequirementKind] = field(default_factory=dict)
    threat_levels: Mapping[str, ThreatLevel] = field(default_factory=dict)
    degraded: Mapping[Subsystem, Action] = field(default_factory=lambda: DEGRADED)
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    criteria_edition: str = ""
