"""What one badge needs until there is an answer: facts, then one factor after the other.

    look-up, areas, threat, what fails -> decide() -> [PIN, face, company, guard -> decide()]

`AccessAttempt.gather` asks for what `decide()` says is wanted, each thing once, and looks
everything up anew after each: who was revoked while they typed stays out.  Whatever fails on the
way is a fact that denies.  Nothing here decides, records or opens.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from drivers.base import Signal
from gateway.decide import decide, needs_escort
from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    Credential,
    Decision,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Reason,
    Request,
)
from gateway.decide.policy import Action, Direction, Site, Subsystem
from gateway.decide.record import Fingerprints
from gateway.decide.replay import THE_OTHER
from gateway.doors.confirm import Confirmations, Waiting
from gateway.doors.pinpad import PinLimits, PinPad
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import Found, RosterUnavailable, SealedPin
from gateway.state.clock import Clock
from gateway.state.presence import Presence

log = logging.getLogger("garita.doors.attempt")

TURN_TRIES, TURN_LOCK_S = 3, 300.0  # failed challenges before a person's next is refused
REMEMBERED = 16  # people let through of late, for visitors whose escort went first


class Roster(Protocol):
    def find(self, credential: Credential) -> Found: ...
    def find_person(self, person_id: str) -> Found: ...
    def pin(self, person_id: str) -> SealedPin | None: ...


class Ledger(Protocol):
    async def append(self, event: NewEvent) -> Event: ...
    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]: ...


class FaceMatcher(Protocol):
    """Compares who stands at the camera with the enrolled templates of one person."""

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


class Identified(Protocol):
    """A face found among all people."""

    @property
    def person_id(self) -> str: ...
    @property
    def result(self) -> FaceResult: ...
    @property
    def searched(self) -> int: ...


class PinVerifier(Protocol):
    """Blocks for a tenth of a second: it is called in a thread."""

    def verify(self, person_id: str, pin: str, sealed: SealedPin) -> PinOutcome: ...


def _nothing_fails(
    reader: str, applied_at: datetime | None, now: datetime
) -> Mapping[Subsystem, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Services:
    """What doors and lanes work with; built once by the daemon.  `threat` says which level is in
    force, `failing` what does not work (gateway/state/health.py)."""

    site: Site
    roster: Roster
    ledger: Ledger
    clock: Clock
    key: Fingerprints
    faces: FaceMatcher | None
    pins: PinVerifier
    pin_limits: PinLimits
    pin_timeout_s: float = 15.0
    presence: Presence | None = None
    threat: Callable[[], str] = lambda: ""
    failing: Callable[[str, datetime | None, datetime], Mapping[Subsystem, str]] = _nothing_fails
    guard: Confirmations = field(default_factory=Confirmations)
    escort_s: float = 20.0
    turn_limits: PinLimits = field(default_factory=lambda: PinLimits(TURN_TRIES, TURN_LOCK_S))

    @property
    def longest_wait_s(self) -> float:
        """How long a badge may rightly take, its companion's factors too; without the face."""
        areas = self.site.areas.values()
        seconds = [self.escort_s, *(area.second_s for area in areas)]
        policies = [self.site.degraded, *(area.degraded for area in areas)]
        asks = any(action is Action.CONFIRM for known in policies for action in known.values())
        return 2 * (self.pin_timeout_s + (self.guard.confirm_s if asks else 0.0)) + max(seconds)


class Place(Protocol):
    """The door as it is while a badge is judged."""

    name: str

    @property
    def lock_ready(self) -> bool: ...
    @property
    def out_of_service(self) -> bool: ...
    @property
    def tampered(self) -> bool: ...
    def blocked_by(self) -> str: ...
    def waits(self, reader: str, waiting: bool) -> None: ...
    def signal(self, reader: str, signal: Signal) -> None: ...


@dataclass(frozen=True, slots=True)
class Presented:
    """Who somebody wants to be taken for: the holder of a badge, or (`person_id`, "" for nobody)
    the one among `enrolled` people whose face theirs is."""

    credential: Credential | None = None
    person_id: str = ""
    face: FaceResult | None = None
    enrolled: int = 0

    @property
    def identified(self) -> bool:
        return self.credential is None and self.face is not None


@dataclass(frozen=True, slots=True)
class FactorResults:
    """What was found out so far by asking `person`."""

    person: str = ""
    pin: PinOutcome | None = None
    pin_locked: bool = False
    face: FaceResult | None = None
    companions: tuple[Person, ...] = ()
    waited: bool = False
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One badge judged; `partner` is whoever came along with a badge of their own."""

    request: Request
    decision: Decision
    read_at: float
    partner: Verdict | None = None


NextBadge = Callable[[float], Awaitable[tuple[Presented, float] | None]]
Step = Callable[[Request, Decision, FactorResults, float], Awaitable[FactorResults]]


class AccessAttempt:
    """For one reader.  `next_badge(until)` is the next card read here before a monotonic time;
    `refused(answer)` records somebody who came along and may not pass."""

    def __init__(
        self,
        door: Place,
        *,
        reader: str,
        direction: Direction,
        camera: str | None,
        parts: Services,
        next_badge: NextBadge,
        refused: Callable[[Verdict], Awaitable[None]],
    ) -> None:
        self.pad = PinPad()
        self._door = door
        self._reader = reader
        self._direction = direction
        self._camera = camera
        self._parts = parts
        self._next_badge = next_badge
        self._refused = refused
        self._asked: Waiting | None = None
        self._partner: Verdict | None = None
        self._recent: deque[tuple[Presented, float]] = deque(maxlen=REMEMBERED)
        self._steps: Mapping[Outcome, tuple[Signal, Step]] = {
            Outcome.NEED_PIN: (Signal.PIN, self._ask_pin),
            Outcome.NEED_FACE: (Signal.LOOK, self._look),
            Outcome.NEED_ESCORT: (Signal.WAIT, self._await_company),
            Outcome.NEED_SECOND: (Signal.WAIT, self._await_company),
            Outcome.NEED_CONFIRM: (Signal.WAIT, self._ask_guard),
        }

    async def gather(
        self, claim: Presented, read_at: float, companions: tuple[Person, ...] = ()
    ) -> Verdict:
        """Ask for one factor after the other until there is an answer."""
        age_s = 0.0 if claim.identified else time.monotonic() - read_at
        partner: Verdict | None = None
        said = FactorResults(face=claim.face, companions=companions, waited=bool(companions))
        for _ in range(len(self._steps) + 1):
            request = self._request(claim, age_s, said)
            decision = self.decide(request)
            if decision.outcome not in self._steps:
                answer = Verdict(request, decision, read_at, partner)
                return answer if partner is None else self._together(answer, partner, said)
            assert request.person is not None
            said = replace(said, person=request.person.id)
            signal, step = self._steps[decision.outcome]
            self._door.waits(self._reader, True)
            self._door.signal(self._reader, signal)
            try:
                said = await step(request, decision, said, read_at)
            finally:
                self._door.waits(self._reader, False)
            partner, self._partner = self._partner or partner, None
        raise RuntimeError("the same was asked for twice")

    def _together(self, answer: Verdict, partner: Verdict, said: FactorResults) -> Verdict:
        """Both judged once more when the one has all: the other may have been revoked while a
        guard was asked.  Neither passes without the other."""
        before = partner.request
        assert before.credential is not None and before.person is not None
        known = FactorResults(
            before.person.id,
            before.pin,
            before.pin_locked,
            before.face,
            before.companions,
            before.waited,
            before.confirmation,
        )
        request = self._request(Presented(before.credential), before.age_s, known)
        partner = replace(partner, request=request, decision=self.decide(request))
        if answer.decision.granted and not partner.decision.granted:
            request = replace(answer.request, companions=(), waited=True)
            decision = self.decide(request)
            if decision.granted:  # they may pass alone, and did not come alone
                decision = without_the_other(decision)
            answer = replace(answer, request=request, decision=decision)
        elif partner.decision.granted and not answer.decision.granted:
            request = replace(partner.request, companions=(), waited=True)
            alone = without_the_other(partner.decision)
            partner = replace(partner, request=request, decision=alone)
        return replace(answer, partner=partner)

    def give_up(self) -> None:
        """Another badge was shown: nobody types or is confirmed for this one any more."""
        self.pad.give_up()
        if self._asked is not None:
            self._parts.guard.give_up(self._asked)

    def passed(self, request: Request) -> None:
        """Somebody was let through here, by badge or by face: a visitor may follow."""
        person = request.person.id if request.person is not None else ""
        claim = Presented(request.credential, "" if request.credential else person)
        self._recent.append((claim, time.monotonic()))

    def decide(self, request: Request) -> Decision:
        return decide(request, self._parts.site, self._parts.clock.latest())

    async def identify(self, track: int) -> Presented | None:
        """Whose face it is that was announced; None if nobody is there any more, or nobody can
        tell."""
        faces, policy = self._parts.faces, self._parts.site.doors[self._door.name]
        if faces is None or self._camera is None or policy.identify is None:
            return None
        found = await faces.identify(self._camera, track, policy.identify.threshold)
        if found.result.outcome not in (FaceOutcome.MATCH, FaceOutcome.MISMATCH):
            return None
        known = found.result.outcome is FaceOutcome.MATCH and found.person_id
        face = found.result
        if known and policy.challenge:
            self._door.signal(self._reader, Signal.LOOK)
            face = await self._match(found.person_id, time.monotonic())
        return Presented(None, found.person_id if known else "", face, found.searched)

    def _request(self, claim: Presented, age_s: float, said: FactorResults) -> Request:
        """Everything known now about this wish to pass."""
        parts, name = self._parts, self._door.name
        lookup, found = Lookup.UNKNOWN, Found()
        try:
            found = self._find(claim)
            lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        except RosterUnavailable as error:
            log.error("door %s: the personnel list can't be read: %s", name, error)
            lookup = Lookup.UNAVAILABLE
        parts.clock.check()
        now, person = parts.clock.latest(), found.person
        if person is not None and said.person not in ("", person.id):
            lookup, person = Lookup.UNKNOWN, None  # the badge has another holder since
        facts = AreaFacts()
        if parts.presence is not None and person is not None:
            facts = parts.presence.facts(name, self._direction, person.id, now)
        locked = said.pin_locked
        if said.pin is None and person is not None:
            locked = parts.pin_limits.locked(person.id, time.monotonic())
        return Request(
            door=name,
            credential=claim.credential,
            lookup=lookup,
            person=person,
            list_version=found.list_version,
            templates=found.templates,
            age_s=age_s,
            clock_trusted=parts.clock.trusted,
            lock_ready=self._door.lock_ready,
            direction=self._direction,
            out_of_service=self._door.out_of_service,
            tampered=self._door.tampered,
            interlocked=self._door.blocked_by(),
            has_pin=found.has_pin,
            pin_locked=locked,
            pin=said.pin,
            face=said.face,
            identified=claim.identified,
            enrolled=claim.enrolled,
            face_until=found.face_until,
            area=facts,
            threat=parts.threat(),
            failing=parts.failing(self._reader, found.applied_at, now),
            companions=said.companions,
            recent=self._recently(person),
            waited=said.waited,
            confirmation=said.confirmation,
        )

    def _find(self, claim: Presented) -> Found:
        if claim.credential is not None:
            return self._parts.roster.find(claim.credential)
        return self._parts.roster.find_person(claim.person_id) if claim.person_id else Found()

    def _recently(self, visitor: Person | None) -> tuple[Person, ...]:
        """Who was let through here of late, as the list has them now; for a visitor alone."""
        since = time.monotonic() - self._parts.escort_s
        while self._recent and self._recent[0][1] < since:
            self._recent.popleft()
        if visitor is None or not self._recent or not needs_escort(visitor, self._parts.site):
            return ()
        try:
            found = [self._find(claim) for claim, _ in self._recent]
        except RosterUnavailable:
            return ()
        return tuple(item.person for item in found if item.person is not None)

    # What is asked for

    async def _ask_pin(
        self, request: Request, decision: Decision, said: FactorResults, read_at: float
    ) -> FactorResults:
        """Counted here, so that no way out of this can spare a wrong one."""
        pin, now = await self._typed_pin(said.person), time.monotonic()
        locked = self._parts.pin_limits.locked(said.person, now)
        self._parts.pin_limits.tried(said.person, pin, now)
        return replace(said, pin=pin, pin_locked=locked)

    async def _typed_pin(self, person_id: str) -> PinOutcome:
        """Wait for the PIN and verify it, in a thread; anything unclear is UNAVAILABLE."""
        typed = await self.pad.read(self._parts.pin_timeout_s)
        if typed is None:
            return PinOutcome.MISSING
        try:
            sealed = self._parts.roster.pin(person_id)
            if sealed is None:
                return PinOutcome.UNAVAILABLE
            return await asyncio.to_thread(self._parts.pins.verify, person_id, typed, sealed)
        except Exception as error:
            log.error("door %s: a PIN can't be verified: %s", self._door.name, type(error).__name__)
            return PinOutcome.UNAVAILABLE

    async def _look(
        self, request: Request, decision: Decision, said: FactorResults, read_at: float
    ) -> FactorResults:
        return replace(said, face=await self._match(said.person, read_at))

    async def _match(self, person_id: str, read_at: float) -> FaceResult:
        """Ask the face process; anything but a clear answer is `unavailable`."""
        faces = self._parts.faces
        if faces is None or self._camera is None:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail="no camera at this door")
        tries = self._parts.turn_limits
        challenge = self._parts.site.doors[self._door.name].challenge
        if challenge and tries.locked(person_id, time.monotonic()):
            # Two turns have four orders: who may try for ever will guess one.
            lives = Liveness(challenge=False, detail="too_many_tries")
            return FaceResult(FaceOutcome.MISMATCH, liveness=lives)
        try:
            face = await faces.match(
                self._camera, person_id, read_at, challenge=challenge, on_prompt=self._prompt
            )
            if face.liveness is not None and face.liveness.challenge is not None:
                told = PinOutcome.CORRECT if face.liveness.challenge else PinOutcome.WRONG
                tries.tried(person_id, told, time.monotonic())
            return face
        except Exception as error:
            log.exception("door %s: face match failed", self._door.name)
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=type(error).__name__)

    def _prompt(self, word: str) -> None:
        """What the challenge asks of the person now."""
        if word in (Signal.LEFT, Signal.RIGHT, Signal.STRAIGHT):
            self._door.signal(self._reader, Signal(word))

    async def _await_company(
        self, request: Request, decision: Decision, said: FactorResults, read_at: float
    ) -> FactorResults:
        """Wait for a badge of somebody who may pass too; who may not is refused meanwhile."""
        assert request.person is not None
        escort = decision.outcome is Outcome.NEED_ESCORT
        door = self._parts.site.doors[request.door]
        area = self._parts.site.areas.get(door.leads_to(self._direction))
        until = time.monotonic()
        until += self._parts.escort_s if escort or area is None else area.second_s
        while (badge := await self._next_badge(until)) is not None:
            claim, at = badge
            if claim.credential == request.credential:
                continue
            other = await self.gather(claim, at, (request.person,))
            if other.decision.granted and other.request.person is not None:
                self._partner = other
                return replace(said, companions=(other.request.person,), waited=True)
            await self._refused(other)
        return replace(said, waited=True)

    async def _ask_guard(
        self, request: Request, decision: Decision, said: FactorResults, read_at: float
    ) -> FactorResults:
        assert request.person is not None
        guard = self._parts.guard
        self._asked = guard.ask(self._door.name, self._reader, request.person, decision.rule)
        note = NewEvent(EventType.DOOR_CONFIRM_ASKED, self._door.name, dict(self._asked.about()))
        self._parts.ledger.append_soon(note).add_done_callback(seen)
        try:
            return replace(said, confirmation=await guard.hear(self._asked))
        finally:
            self._asked = None


def without_the_other(decision: Decision) -> Decision:
    """The denial of one who came for another's sake, who may not pass; no request of one person
    holds it, so gateway/decide/replay.py knows it by its rule."""
    return replace(
        decision,
        outcome=Outcome.DENY,
        reason=Reason.DENIED_NO_SECOND_PERSON,
        rule=THE_OTHER,
    )


def seen(future: asyncio.Future[Event]) -> None:
    """Look at the outcome of a note, so that a failure is said once and not as a warning of
    asyncio; the ledger itself has raised the alarm."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a door event could not be recorded: %s", error)
