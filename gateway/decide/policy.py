"""A site's policy as frozen types: doors, schedules, access levels, areas, requirements, threat
levels, and what to do if a part of the gateway does not work.

The configuration makes these values and `decide()` reads them.  Nothing here does I/O, reads a
clock or keeps state.
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
    """A part that can fail and leave the policy a choice.  The rule `degraded` looks at them in
    this order."""

    CLOCK = "clock"  # it lies behind the newest record
    SYNC = "sync"  # the kernel does not call it synchronised
    LIST_OLD = "list_old"  # the list in force is older than it may be
    LIST_COPY = "list_copy"  # people.db is damaged, and its copy is in force
    DISK = "disk"  # less is free than there must be
    CHANNEL = "channel"  # the reader has no secure channel
    BROKER = "broker"  # the MQTT broker is away
    PEERS = "peers"  # another gate that leads into the area can't be heard
    CAMERA = "camera"
    FACE = "face"  # the face process


class Action(StrEnum):
    """What to do if a subsystem fails.

    For the camera and the face process this comes in place of the face.  For everything else it
    comes in addition, and BADGE means: nothing more than usual.
    """

    DENY = "deny"
    CONFIRM = "confirm"  # a guard confirms
    BADGE_PIN = "badge+pin"
    BADGE = "badge"


DEGRADED: Mapping[Subsystem, Action] = {
    Subsystem.CLOCK: Action.DENY,
    Subsystem.SYNC: Action.BADGE,
    Subsystem.LIST_OLD: Action.DENY,
    Subsystem.LIST_COPY: Action.BADGE,
    Subsystem.DISK: Action.BADGE,
    Subsystem.CHANNEL: Action.BADGE,
    Subsystem.BROKER: Action.BADGE,
    Subsystem.PEERS: Action.BADGE,
    Subsystem.CAMERA: Action.DENY,
    Subsystem.FACE: Action.DENY,
}
"""What holds if the policy says nothing.  A failure that leaves open who somebody is, or whether
they may pass, denies.  A reader without a secure channel is the site's own choice
(`options.secure = false`), so people pass, and the record says it."""


class Passback(StrEnum):
    """What it means to enter an area twice without having left it."""

    OFF = "off"
    SOFT = "soft"  # they pass, and it is recorded
    HARD = "hard"
    TIMED = "timed"  # hard for so many minutes after the entry


@dataclass(frozen=True, slots=True)
class Area:
    """A place that doors lead into.

    `requires`           kinds of requirement that a person must meet to enter
    `passback_minutes`   for TIMED: how long after an entry another one is refused
    `maximum`            how many people may be in it; 0: any number
    `two_person`         nobody enters while it is empty, except together with a second person
    `second_s`           how many seconds the first badge then waits for the second
    `alone`              an event is recorded when one person is left inside alone
    `degraded`           what to do if a subsystem fails, where the site says something else
    """

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
    """Something that a person must have, or the company for which they come, and that may lapse.
    `of` is ``person`` or ``company``; `exempt` names companies that need none (the site's own);
    `criteria` are those that holding people to it is evidence for."""

    name: str
    of: str = "person"
    warn_days: int = 30
    criteria: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreatLevel:
    """What a threat level changes.

    `rank`             orders the levels; the lowest is the level of every day
    `closed`           areas that are closed (``*``: every door)
    `open_to`          access levels whose holders may enter them all the same
    `pin`, `face`      asked for in addition to the usual factors
    `face_threshold`   used where it is stricter than the door's; 0: none
    `two_person`       areas that nobody may enter alone
    """

    name: str
    rank: int = 0
    closed: tuple[str, ...] = ()
    open_to: tuple[str, ...] = ()
    pin: bool = False
    face: bool = False
    face_threshold: float = 0.0
    two_person: tuple[str, ...] = ()

    def closes(self, area: str) -> bool:
        """Whether the doors into that area are closed; "" is a door into no area."""
        return "*" in self.closed or (bool(area) and area in self.closed)


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end` in local time, on the given days.

    `end` None is midnight.  A period with an `end` at or before its `start` runs into the next day
    and belongs to the day on which it began.
    """

    days: frozenset[str]
    start: time
    end: time | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly schedule.  On a holiday only those periods count whose days include ``holiday``.

    `first_in` names an access level.  One of its holders has to enter by the door first, on the
    day on which the period began; before that the schedule opens the door to nobody else.
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
        """Whether a PIN is one of them."""
        return self in (Mode.BADGE_PIN, Mode.BADGE_FACE_PIN)

    @property
    def face(self) -> bool:
        """Whether the face is one of them."""
        return self in (Mode.BADGE_FACE, Mode.BADGE_FACE_PIN)


@dataclass(frozen=True, slots=True)
class AccessLevel:
    """Which doors and areas its holders may enter, and when.

    `grants`         by door, the name of a schedule
    `areas`          by area, the name of a schedule: it holds for every door that leads into the
                     area, and for every door that leads out of it into no other area
    `factors`        what holders have to show in addition to what the door asks of everybody
    `needs_escort`   holders pass only together with an escort
    `may_escort`     holders may be an escort
    """

    name: str
    grants: Mapping[str, str]
    factors: Mode = Mode.BADGE
    areas: Mapping[str, str] = field(default_factory=dict)
    needs_escort: bool = False
    may_escort: bool = False


@dataclass(frozen=True, slots=True)
class Identify:
    """A door that opens to a face without a badge (one to many).

    `threshold` is the largest distance for that, stricter than the usual one.  `limit` is how many
    people may be enrolled, by the error rate that was measured at that threshold.
    """

    threshold: float
    limit: int


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """What one door asks of everybody.

    `mode`, `mode_out`     the factors on the way in, and on the way out
    `badge_max_age_s`      how old a reading may be when it is decided
    `face_threshold`       the largest Euclidean distance of two 128-d embeddings that counts as
                           the same face
    `face_min_templates`   how many templates a person must have enrolled
    `challenge`            the person has to turn their head as the reader asks
    `deny_suspect`         deny a face that the passive cues take for a picture
    `identify`             the door opens to a face without a badge
    `area`, `from_area`    the door leads from `from_area` into `area`; "" is outside
    `remote_open`          the door may open to an operator's signed command from afar
    """

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
    remote_open: bool = False

    def leads_to(self, direction: Direction) -> str:
        """The name of the area that a person enters who passes in that direction; "" outside."""
        return self.from_area if direction is Direction.OUT else self.area


@dataclass(frozen=True, slots=True)
class Site:
    """The site's policy: everything that decides and does not change from badge to badge.

    `degraded`           what to do if a subsystem fails, where an area says nothing
    `evidence`           by reason code, the criteria for which such a decision is evidence
    `criteria_edition`   the table of criteria from which these are
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
