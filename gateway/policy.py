"""The words of a site's policy beyond doors and schedules: areas, requirements, threat levels,
and what stands in for a part that failed.

Frozen values which the configuration makes and `decide()` reads.  Standard library only; nothing
here does I/O, reads a clock or keeps state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Thing(StrEnum):
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


DEGRADED: Mapping[Thing, Action] = {
    Thing.CLOCK: Action.DENY,
    Thing.SYNC: Action.BADGE,
    Thing.LIST_OLD: Action.DENY,
    Thing.DISK: Action.BADGE,
    Thing.CHANNEL: Action.BADGE,
    Thing.BROKER: Action.BADGE,
    Thing.CAMERA: Action.DENY,
    Thing.FACE: Action.DENY,
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
    degraded: Mapping[Thing, Action] = field(default_factory=dict)


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
