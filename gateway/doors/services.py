"""What a door needs from the rest of the gateway, as Protocols, and the place of one reader.

The daemon builds one `Services` for all doors.  Each Protocol here describes something below the
doors (the list, the log, the face process), so that a test can put a stand-in in its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from drivers.base import Signal
from gateway.decide.model import Credential, FaceResult, PinOutcome
from gateway.decide.policy import Action, Direction, Site, Subsystem
from gateway.decide.record import Fingerprints
from gateway.doors.confirm import Confirmations
from gateway.doors.pinpad import PinLimits
from gateway.doors.rules import RulesInForce
from gateway.ledger.event import Event, NewEvent
from gateway.people import Found, SealedPin
from gateway.state.clock import Clock
from gateway.state.presence import Presence

log = logging.getLogger("garita.doors.services")

# Failed challenges before a person's next is refused, and for how many seconds.
TURN_TRIES, TURN_LOCK_S = 3, 300.0


def loop_time() -> float:
    """Seconds on the clock of the running event loop, which is the monotonic clock.

    Tests run the loop on virtual time, so nothing in this folder reads the clock elsewhere.
    """
    return asyncio.get_running_loop().time()


class Roster(Protocol):
    """The personnel list that is in force; its methods raise RosterUnavailable."""

    def find(self, credential: Credential) -> Found: ...
    def find_person(self, person_id: str) -> Found: ...
    def pin(self, person_id: str) -> SealedPin | None: ...


class Ledger(Protocol):
    """The log.  `append` returns when the event is on disk; `append_soon` does not wait."""

    async def append(self, event: NewEvent) -> Event: ...
    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]: ...


class Identified(Protocol):
    """The answer to a search among all enrolled people; `person_id` "" if nobody matches."""

    @property
    def person_id(self) -> str: ...
    @property
    def result(self) -> FaceResult: ...
    @property
    def searched(self) -> int: ...


class FaceMatcher(Protocol):
    """Compares who stands at a camera with the enrolled templates of one person, or of all."""

    async def match(
        self,
        camera: str,
        person_id: str,
        tapped_at: float,
        *,
        challenge: bool = False,
        on_prompt: Callable[[str], None] | None = None,
    ) -> FaceResult: ...

    async def identify(self, camera: str, track: int, threshold: float) -> Identified: ...

    async def keep_picture(self, event: Event, person_id: str, face: FaceResult) -> None: ...


class PinVerifier(Protocol):
    """Compares a typed PIN with the sealed one.  It takes a tenth of a second, so doors call it in
    a thread."""

    def verify(self, person_id: str, pin: str, sealed: SealedPin) -> PinOutcome: ...


class Display(Protocol):
    """What a reader can show: LED, buzzer, text."""

    def signal(self, signal: Signal) -> None: ...


class NoDisplay:
    """A reader that can show nothing."""

    def signal(self, signal: Signal) -> None:
        """Nobody sees it."""


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """One reader at one door: its name, the direction in which people pass who use it, and the
    camera that sees them (None: there is none)."""

    door: str
    reader: str
    direction: Direction
    camera: str | None = None


def _nothing_fails(
    reader: str, applied_at: datetime | None, now: datetime
) -> Mapping[Subsystem, str]:
    return {}


def _no_level() -> str:
    return ""


def not_counted(stage: str, seconds: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all doors work with.

    `rules` are the rules in force.  `threat` returns the threat level in force, `failing` what does
    not work (gateway/state/health.py).  `timed` is told how many seconds each stage of a badge took
    (gateway/metrics/tally.py).
    """

    rules: RulesInForce
    roster: Roster
    ledger: Ledger
    clock: Clock
    key: Fingerprints
    faces: FaceMatcher | None
    pins: PinVerifier
    pin_limits: PinLimits
    presence: Presence | None = None
    threat: Callable[[], str] = _no_level
    failing: Callable[[str, datetime | None, datetime], Mapping[Subsystem, str]] = _nothing_fails
    confirmations: Confirmations = field(default_factory=Confirmations)
    timed: Callable[[str, float], None] = not_counted
    turn_limits: PinLimits = field(default_factory=lambda: PinLimits(TURN_TRIES, TURN_LOCK_S))

    def note(self, event: NewEvent) -> None:
        """Record an event without waiting for the disk.

        If that fails, the ledger itself raises the alarm; here the failure is logged once.
        """
        self.ledger.append_soon(event).add_done_callback(_log_failure)

    @property
    def site(self) -> Site:
        """The policy in force.  An attempt goes by the one that it began with."""
        return self.rules.now.site

    @property
    def longest_wait_s(self) -> float:
        """How many seconds one badge may rightly take, with the factors of whoever comes along;
        the face process has its own limit beside this."""
        rules = self.rules.now
        areas = rules.site.areas.values()
        seconds = [rules.escort_s, *(area.second_s for area in areas)]
        policies = [rules.site.degraded, *(area.degraded for area in areas)]
        asks = any(action is Action.CONFIRM for known in policies for action in known.values())
        guard_s = self.confirmations.longest_s if asks else 0.0
        return 2 * (rules.pin_timeout_s + guard_s) + max(seconds)


def _log_failure(future: asyncio.Future[Event]) -> None:
    """Look at the outcome, so that asyncio does not warn of an exception that nobody fetched."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a door event could not be recorded: %s", error)
