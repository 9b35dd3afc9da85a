"""The path of one badge: from a reading to an answer on record.

    reading -> look-up -> decide() -> [PIN, face -> decide() again] -> ledger -> lock

One `Lane` is one reader at a door: a door has one for each way.  It takes readings in order,
gathers the factors that the door and the person's levels ask for, has `decide()` decide, waits
until the record is on disk and only then has its door released.  Whatever fails on the way
ends in a refusal.  Nothing here decides by itself, and nothing calls back up: the uplink
finds the record in the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from drivers.base import BadRead, CardRead, Keys, Reading, Signal
from gateway.accessrecord import Fingerprints, access_event
from gateway.clock import Clock
from gateway.decide import decide
from gateway.ledger import LedgerUnavailable
from gateway.model import (
    Credential,
    Decision,
    Event,
    FaceOutcome,
    FaceResult,
    Lookup,
    NewEvent,
    Outcome,
    PinOutcome,
    Reason,
    Request,
    Site,
)
from gateway.pinpad import PinLimits, PinPad
from gateway.roster import Found, RosterUnavailable, SealedPin

log = logging.getLogger("garita.lane")

QUEUE_LIMIT = 1000  # badges waiting at one reader; beyond this they are refused as busy
NOISE_WINDOW_S = 10.0  # bad reads are recorded at once, then at most once in this time


class Roster(Protocol):
    def find(self, credential: Credential) -> Found: ...
    def person(self, person_id: str) -> Found: ...
    def pin(self, person_id: str) -> SealedPin | None: ...


class Ledger(Protocol):
    async def append(self, event: NewEvent) -> Event: ...
    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]: ...


class FaceMatcher(Protocol):
    """Compares who stands at the camera with the enrolled templates of one person."""

    enrolled: int

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


@dataclass(frozen=True, slots=True)
class Parts:
    """What doors and lanes work with; built once by the daemon."""

    site: Site
    roster: Roster
    ledger: Ledger
    clock: Clock
    key: Fingerprints
    faces: FaceMatcher | None
    pins: PinVerifier
    pin_limits: PinLimits
    pin_timeout_s: float = 15.0


class Doorway(Protocol):
    """The door as its lanes see it."""

    name: str

    @property
    def lock_ready(self) -> bool: ...
    @property
    def out_of_service(self) -> bool: ...
    @property
    def tampered(self) -> bool: ...
    def blocked_by(self) -> str: ...
    def reserve(self) -> None: ...
    def give_back(self) -> None: ...
    def waits(self, reader: str, waiting: bool) -> None: ...
    def release(self, grant: int) -> None: ...
    def signal(self, reader: str, signal: Signal) -> None: ...


@dataclass(frozen=True, slots=True)
class Claim:
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
class Arrival:
    """Somebody stands before the camera of a door that opens to a face alone; `track` is the
    face process's own number for them."""

    track: int


class Lane:
    """One reader at one door; `way` is ``in`` or ``out``."""

    def __init__(
        self,
        door: Doorway,
        *,
        reader: str,
        way: str,
        camera: str | None,
        parts: Parts,
    ) -> None:
        self.reader = reader
        self._door = door
        self._way = way
        self._camera = camera
        self._parts = parts
        self._pad = PinPad()
        self._pictures: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[CardRead | Arrival, float]] = deque()
        self._wake = asyncio.Event()
        self._busy = 0
        self._noise: dict[str, int] = {}
        self._noise_until = 0.0
        self._serving = False
        self._progress_at = time.monotonic()
        self.unrecorded = 0  # decisions that the ledger could not take, since the start
        self.last: Mapping[str, Any] | None = None
        self.last_at = 0.0

    def on_reading(self, reading: Reading, now: float) -> None:
        """A reading arrived at monotonic `now`; returns at once."""
        if isinstance(reading, Keys):
            self._pad.press(reading.pressed)
            return
        if isinstance(reading, BadRead):
            self._noise[reading.reason] = self._noise.get(reading.reason, 0) + 1
        elif len(self._waiting) >= QUEUE_LIMIT:
            self._busy += 1
        else:
            if not self._waiting and not self._serving:
                self._progress_at = now
            self._waiting.append((reading, now))
            self._pad.give_up()  # the next badge ends a wait for this one's PIN
        self._wake.set()

    def on_arrival(self, track: int, at: float) -> None:
        """A face came, at a door that opens to one without a badge.  Whoever shows a badge goes
        first, and a face that waits is not announced twice."""
        if not self._waiting and not self._serving:
            self._progress_at = time.monotonic()
            self._waiting.append((Arrival(track), at))
            self._wake.set()

    async def run(self) -> None:
        """Serve badges for ever, in the order in which they were read."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                item, read_at = self._waiting.popleft()
                self._serving = True
                await self._serve(item, read_at)
                self._progress_at = time.monotonic()
            self._serving = False
            await self._refuse_unreadable()

    @property
    def progress_at(self) -> float:
        """Monotonic mark of progress for a watchdog: with nothing to do, that is now."""
        return self._progress_at if self._serving or self._waiting else time.monotonic()

    async def _serve(self, item: CardRead | Arrival, read_at: float) -> None:
        """One badge or face, from look-up to lock.  It gets its answer even if we have a bug."""
        claim = Claim()
        try:
            if isinstance(item, Arrival):
                found = await self._identify(item)
                if found is None:
                    return
                claim = found
            else:
                claim = Claim(Credential(item.format, item.facility, item.number))
            request, decision = await self._gather(claim, read_at)
        except Exception as error:
            log.exception("door %s: internal error", self._door.name)
            request = Request(self._door.name, claim.credential, Lookup.UNAVAILABLE)
            decision = Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)
        await self._record(request, decision, read_at)

    async def _identify(self, arrival: Arrival) -> Claim | None:
        """Whose face it is; None if nobody is there any more, or nobody can tell."""
        faces, policy = self._parts.faces, self._parts.site.doors[self._door.name]
        if faces is None or self._camera is None or policy.identify is None:
            return None
        found = await faces.identify(self._camera, arrival.track, policy.identify.threshold)
        if found.result.outcome not in (FaceOutcome.MATCH, FaceOutcome.MISMATCH):
            return None
        known = found.result.outcome is FaceOutcome.MATCH and found.person_id
        face = found.result
        if known and policy.challenge:
            self._door.signal(self.reader, Signal.LOOK)
            face = await self._match(found.person_id, time.monotonic())
        return Claim(None, found.person_id if known else "", face, found.searched)

    async def _gather(self, claim: Claim, read_at: float) -> tuple[Request, Decision]:
        """Ask for one factor after the other until there is an answer.

        After each the person is looked up again: who was revoked while they typed or looked at
        the camera stays out.
        """
        age_s = 0.0 if claim.identified else time.monotonic() - read_at
        request = self._request(claim, age_s)
        decision = self._decide(request)
        if decision.outcome is Outcome.NEED_PIN:
            self._door.waits(self.reader, True)
            try:
                pin = await self._ask_pin(request)
            finally:
                self._door.waits(self.reader, False)
            # Counted here, so that no way out of this can spare a wrong one.
            request = self._request(claim, age_s)
            if request.person is not None:
                self._parts.pin_limits.tried(request.person.id, pin, time.monotonic())
            request = replace(request, pin=pin)
            decision = self._decide(request)
        if decision.outcome is Outcome.NEED_FACE:
            self._door.waits(self.reader, True)
            self._door.signal(self.reader, Signal.LOOK)
            try:
                face = await self._look(request, read_at)
            finally:
                self._door.waits(self.reader, False)
            again = self._request(claim, age_s)
            request = replace(again, pin=request.pin, pin_locked=request.pin_locked, face=face)
            decision = self._decide(request)
        return request, decision

    async def _ask_pin(self, request: Request) -> PinOutcome:
        """Wait for the PIN and verify it, in a thread; anything unclear is UNAVAILABLE."""
        assert request.person is not None
        self._door.signal(self.reader, Signal.PIN)
        typed = await self._pad.read(self._parts.pin_timeout_s)
        if typed is None:
            return PinOutcome.MISSING
        try:
            sealed = self._parts.roster.pin(request.person.id)
            if sealed is None:
                return PinOutcome.UNAVAILABLE
            verify = self._parts.pins.verify
            return await asyncio.to_thread(verify, request.person.id, typed, sealed)
        except Exception as error:
            log.error("door %s: a PIN can't be verified: %s", self._door.name, type(error).__name__)
            return PinOutcome.UNAVAILABLE

    def _request(self, claim: Claim, age_s: float) -> Request:
        """Everything known now about this wish to pass."""
        lookup, found = Lookup.UNKNOWN, Found()
        try:
            if claim.credential is not None:
                found = self._parts.roster.find(claim.credential)
            elif claim.identified:
                found = self._parts.roster.person(claim.person_id)
            lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        except RosterUnavailable as error:
            log.error("door %s: the personnel list can't be read: %s", self._door.name, error)
            lookup = Lookup.UNAVAILABLE
        self._parts.clock.check()
        person = found.person
        return Request(
            door=self._door.name,
            credential=claim.credential,
            lookup=lookup,
            person=person,
            list_version=found.list_version,
            templates=found.templates,
            face_until=found.face_until,
            age_s=age_s,
            clock_trusted=self._parts.clock.trusted,
            lock_ready=self._door.lock_ready,
            way=self._way,
            out_of_service=self._door.out_of_service,
            tampered=self._door.tampered,
            interlocked=self._door.blocked_by(),
            has_pin=found.has_pin,
            pin_locked=person is not None
            and self._parts.pin_limits.locked(person.id, time.monotonic()),
            face=claim.face,
            identified=claim.identified,
            enrolled=claim.enrolled,
        )

    def _decide(self, request: Request) -> Decision:
        return decide(request, self._parts.site, self._parts.clock.now())

    async def _look(self, request: Request, read_at: float) -> FaceResult:
        """Ask the face process; anything but a clear answer is `unavailable`."""
        if request.person is None:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail="nobody to compare with")
        return await self._match(request.person.id, read_at)

    async def _match(self, person_id: str, read_at: float) -> FaceResult:
        faces = self._parts.faces
        if faces is None or self._camera is None:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail="no camera at this door")
        try:
            return await faces.match(
                self._camera,
                person_id,
                read_at,
                challenge=self._parts.site.doors[self._door.name].challenge,
                on_prompt=self._prompt,
            )
        except Exception as error:
            log.exception("door %s: face match failed", self._door.name)
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=type(error).__name__)

    def _prompt(self, word: str) -> None:
        """What the challenge asks of the person now."""
        if word in (Signal.LEFT, Signal.RIGHT, Signal.STRAIGHT):
            self._door.signal(self.reader, Signal(word))

    async def _record(
        self,
        request: Request,
        decision: Decision,
        read_at: float,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the decision down; a grant takes effect only after that."""
        # Before the first await: two doors of an interlock must not both get through here.
        if decision.granted:
            self._door.reserve()
        try:
            if request.pin is PinOutcome.DURESS:  # also where a face or an interlock refuses
                self._note_duress(request)
            if decision.reason is Reason.DENIED_FACE_MISMATCH:
                self._note_lent(request)
            took_ms = round((time.monotonic() - read_at) * 1000, 1)
            about = {"reader": self.reader, "way": self._way, "took_ms": took_ms, **(more or {})}
            event = access_event(request, decision, self._parts.site, self._parts.key, about)
            recorded = await self._parts.ledger.append(event)
        except (LedgerUnavailable, ValueError) as error:  # ValueError: what no record can hold
            self.unrecorded += 1
            self.last_at = time.monotonic()
            self.last = {"reason": Reason.DENIED_LEDGER_UNAVAILABLE.value, "seq": None}
            log.critical(
                "door %s: the log can't be written (%s): %s; nobody passes until it can",
                self._door.name,
                error,
                Reason.DENIED_LEDGER_UNAVAILABLE,
            )
            if decision.granted:
                self._door.give_back()
            self._door.signal(self.reader, Signal.DENIED)
            return
        except BaseException:
            if decision.granted:
                self._door.give_back()
            raise
        self.last_at = time.monotonic()
        self.last = {"reason": decision.reason.value, "seq": recorded.seq, "time": recorded.time}
        if decision.granted:
            self._door.release(recorded.seq)
        self._keep_picture(request, recorded)
        self._door.signal(self.reader, Signal.GRANTED if decision.granted else Signal.DENIED)

    def _note_duress(self, request: Request) -> None:
        """The silent alarm: an event of its own, while the door does what it does for anybody."""
        data = {"door": self._door.name, "reader": self.reader}
        if request.person is not None:
            data |= {"person": request.person.id, "name": request.person.name}
        note = NewEvent("alarm.duress", self._door.name, data)
        self._parts.ledger.append_soon(note).add_done_callback(seen)

    def _keep_picture(self, request: Request, recorded: Event) -> None:
        """After the door: no picture is worth a badge that waits."""
        if self._parts.faces is None or request.face is None or not request.face.picture:
            return
        person = request.person.id if request.person else ""
        task = asyncio.create_task(self._parts.faces.keep_picture(recorded, person, request.face))
        self._pictures.add(task)
        task.add_done_callback(self._pictures.discard)

    def _note_lent(self, request: Request) -> None:
        """The badge of one person, and the face of another who is on the list: named both."""
        face, person = request.face, request.person
        if face is None or face.nearest is None or person is None or request.identified:
            return
        other_id, distance = face.nearest
        other = None
        with contextlib.suppress(RosterUnavailable):
            other = self._parts.roster.person(other_id).person
        data = {
            "door": self._door.name,
            "reader": self.reader,
            "person": {"id": person.id, "name": person.name, "company": person.company},
            "face_person": other_id,
            "face_name": other.name if other else "",
            "distance": round(distance, 4),
        }
        note = NewEvent("alarm.lent_badge", self._door.name, data)
        self._parts.ledger.append_soon(note).add_done_callback(seen)

    async def _refuse_unreadable(self) -> None:
        """Record bad reads and badges that found the door busy, many as one, with a count."""
        if self._busy:
            count, self._busy = self._busy, 0
            await self._refuse(count, busy=True)
        now = time.monotonic()
        if self._noise and now < self._noise_until:
            asyncio.get_running_loop().call_later(self._noise_until - now, self._wake.set)
        elif self._noise:
            self._noise_until = now + NOISE_WINDOW_S
            noise, self._noise = self._noise, {}
            await self._refuse(sum(noise.values()), noise=noise)

    async def _refuse(
        self, count: int, *, busy: bool = False, noise: Mapping[str, int] | None = None
    ) -> None:
        request = Request(self._door.name, None, Lookup.UNKNOWN, busy=busy)
        decision = self._decide(request)
        data = {"count": count, **({"bad_reads": dict(noise)} if noise else {})}
        await self._record(request, decision, time.monotonic(), data)


def seen(future: asyncio.Future[Event]) -> None:
    """Look at the outcome of a note, so that a failure is said once and not as a warning of
    asyncio; the ledger itself has raised the alarm."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a door event could not be recorded: %s", error)
