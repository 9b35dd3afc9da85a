"""One request while it is being judged: what the rules pass on to each other.

A rule is a function of a `Case`; it returns an `End` when it applies, or None to let the next
one look.  What rules find out on the way (the person, the door, the factors to ask for) stands
in the case.  Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.decide.model import Outcome, Person, Reason, Request
from gateway.decide.policy import (
    DEGRADED,
    Action,
    Area,
    Direction,
    DoorPolicy,
    Site,
    Subsystem,
    ThreatLevel,
)
from gateway.ledger.event import EventType

NOWHERE = Area("")
EVERY_DAY = ThreatLevel("")


@dataclass(frozen=True, slots=True)
class End:
    """A rule applied."""

    outcome: Outcome
    reason: Reason
    rule: str = ""


Rule = Callable[["Case"], End | None]


def deny(reason: Reason, rule: str = "") -> End:
    return End(Outcome.DENY, reason, rule)


class Case:
    """`area` is the one that the door leads to this way; what holds for areas holds on the way
    in alone, for nobody is kept inside by it."""

    __slots__ = (
        "area",
        "criteria",
        "door",
        "face",
        "face_threshold",
        "fallback",
        "leaving",
        "local",
        "needs_confirm",
        "needs_escort",
        "needs_second",
        "notes",
        "now",
        "person",
        "pin",
        "request",
        "rule",
        "site",
        "threat",
    )

    def __init__(self, request: Request, site: Site, now: datetime) -> None:
        self.request = request
        self.site = site
        self.now = now
        self.leaving = request.direction is Direction.OUT
        self.local = now.astimezone(site.zone)
        self.door: DoorPolicy
        self.person: Person
        self.area = NOWHERE
        self.threat = EVERY_DAY
        self.rule = ""  # by which level, schedule or grant
        self.pin = self.face = False
        self.face_threshold = 0.0
        self.needs_escort = self.needs_second = self.needs_confirm = False
        self.fallback: dict[str, str] = {}
        self.notes: list[tuple[EventType, str]] = []
        self.criteria: list[str] = []

    def action(self, thing: Subsystem) -> Action:
        """What the policy does about a thing that failed: the area's word, else the site's,
        else the built-in one."""
        found = self.area.degraded.get(thing) or self.site.degraded.get(thing)
        return found or DEGRADED[thing]

    def fall_back(self, thing: Subsystem, action: Action) -> None:
        """Go on without `thing`; what the policy asks for instead is asked further down."""
        self.fallback[thing.value] = action.value
        if action is Action.BADGE_PIN:
            self.pin = True
        elif action is not Action.BADGE:
            self.needs_confirm = True
