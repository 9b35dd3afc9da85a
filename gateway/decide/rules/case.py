"""One request while it is judged: what each rule found out for the rules after it.

A rule is a function of a `Case`.  It returns an `End` if it applies, or None to let the next rule
look.  The rules run in the order of `gateway.decide.RULES`, and hand on what they found out in the
attributes of the case.  This is who sets what; nothing else is set, and a test holds the rules to
it:

    rule       sets                               read by
    ---------  ---------------------------------  ------------------------------------------------
    door       door area face face_threshold      most rules below
    listed     person                             most rules below
    clock      fallback pin needs_confirm         pin, confirmed, the decision (fallback)
    access     rule pin face needs_escort         pin, enrolled, face, escort, the decision (rule)
    threat     pin face needs_second              pin, enrolled, face, second
    required   criteria                           the decision
    degraded   fallback pin needs_confirm         pin, confirmed, the decision (fallback)
    passback   notes                              the decision
    face       fallback pin needs_confirm         pin (which `face` asks again), confirmed

`pin`, `face`, `needs_escort`, `needs_second` and `needs_confirm` only ever go from False to True:
no rule takes back what another asks for.
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
)
from gateway.ledger.event import EventType

NOWHERE = Area("")


@dataclass(frozen=True, slots=True)
class End:
    """A rule applied: the outcome, the reason code, and in `rule` what exactly decided."""

    outcome: Outcome
    reason: Reason
    rule: str = ""


Rule = Callable[["Case"], End | None]


def deny(reason: Reason, rule: str = "") -> End:
    """The end of a request that is denied."""
    return End(Outcome.DENY, reason, rule)


class Case:
    """A request at a site at `now` (aware, UTC), with what the rules found out so far."""

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
    )

    def __init__(self, request: Request, site: Site, now: datetime) -> None:
        # What is known from the start.
        self.request = request
        self.site = site
        self.now = now
        self.local = now.astimezone(site.zone)
        self.leaving = request.direction is Direction.OUT

        # What rules find out.
        self.door: DoorPolicy
        self.person: Person
        self.area = NOWHERE  # the area that the door leads to in this direction
        self.rule = ""  # by which level and schedule, or by which grant
        self.pin = False
        self.face = False
        self.face_threshold = 0.0
        self.needs_escort = False
        self.needs_second = False
        self.needs_confirm = False
        self.fallback: dict[str, str] = {}  # what failed, and what stands in for it
        self.notes: list[tuple[EventType, str]] = []
        self.criteria: list[str] = []

    def action(self, subsystem: Subsystem) -> Action:
        """What the policy does if `subsystem` fails: as the area says, else as the site says, else
        as `DEGRADED` says."""
        found = self.area.degraded.get(subsystem) or self.site.degraded.get(subsystem)
        return found or DEGRADED[subsystem]

    def fall_back(self, subsystem: Subsystem, action: Action) -> None:
        """Go on without `subsystem`.  If the policy wants a PIN or a guard's word instead, the
        rules `pin` and `confirmed` ask for it."""
        self.fallback[subsystem.value] = action.value
        if action is Action.BADGE_PIN:
            self.pin = True
        elif action is not Action.BADGE:
            self.needs_confirm = True
