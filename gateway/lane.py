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
import logging
import time
from collections import deque
from collections.abc import Mapping
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
    def pin(self, person_id: str) -> SealedPin | None: ...


class Ledger(Protocol):
    async def append(self, event: NewEvent) -> Event: ...
    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]: ...


class FaceMatcher(Protocol):
    """Compares who stands at the camera with the enrolled templates of one person."""

    async def match(self, camera: str, person_id: str, tapped_at: float) -> FaceResult: ...


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
        self._waiting: deque[tuple[CardRead, float]] = deque()
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

    async def run(self) -> None:
        """Serve badges for ever, in the order in which they were read."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                card, read_at = self._waiting.popleft()
                self._serving = True
                await self._serve(Credential(card.format, card.facility, card.number), read_at)
                self._progress_at = time.monotonic()
            self._serving = False
            await self._refuse_unreadable()

    @property
    def progress_at(self) -> float:
        """Monotonic mark of progress for a watchdog: with nothing to do, that is now."""
        return self._progress_at if self._serving or self._waiting else time.monotonic()

    async def _serve(self, credential: Credential, read_at: float) -> None:
        """One badge, from look-up to lock.  It gets its answer even if we have a bug."""
        age_s = time.monotonic() - read_at
        try:
            request, decision = await self._gather(credential, age_s, read_at)
        except Exception as error:
            log.exception("door %s: internal error", self._door.name)
            request = Request(self._door.name, credential, Lookup.UNAVAILABLE)
            decision = Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)
        await self._record(request, decision, read_at)

    async def _gather(
        self, credential: Credential, age_s: float, read_at: float
    ) -> tuple[Request, Decision]:
        """Ask for one factor after the other until there is an answer.

        After each the person is looked up again: who was revoked while they typed or looked at
        the camera stays out.
        """
        request = self._request(credential, age_s)
        decision = self._decide(request)
        if decision.outcome is Outcome.NEED_PIN:
            self._door.waits(self.reader, True)
            try:
                pin = await self._ask_pin(request)
            finally:
                self._door.waits(self.reader, False)
            # Counted here, so that no way out of this can spare a wrong one.
            request = self._request(credential, age_s)
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
            again = self._request(credential, age_s)
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

    def _request(self, credential: Credential, age_s: float) -> Request:
        """Everything known now about this wish to pass."""
        lookup, found = Lookup.UNKNOWN, Found()
        try:
            found = self._parts.roster.find(credential)
            lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        except RosterUnavailable as error:
            log.error("door %s: the personnel list can't be read: %s", self._door.name, error)
            lookup = Lookup.UNAVAILABLE
        self._parts.clock.check()
        person = found.person
        return Request(
            door=self._door.name,
            credential=credential,
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
        )

    def _decide(self, request: Request) -> Decision:
        return decide(request, self._parts.site, self._parts.clock.now())

    async def _look(self, request: Request, read_at: float) -> FaceResult:
        """Ask the face process; anything but a clear answer is `unavailable`."""
        if self._parts.faces is None or self._camera is None or request.person is None:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail="no camera at this door")
        try:
            return await self._parts.faces.match(self._camera, request.person.id, read_at)
        except Exception as error:
            log.exception("door %s: face match failed", self._door.name)
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=type(error).__name__)

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
            if decision.granted and request.pin is PinOutcome.DURESS:
                self._note_duress(request)
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
            self._door.give_back()
            self._door.signal(self.reader, Signal.DENIED)
            return
        self.last_at = time.monotonic()
        self.last = {"reason": decision.reason.value, "seq": recorded.seq, "time": recorded.time}
        if decision.granted:
            self._door.release(recorded.seq)
        self._door.signal(self.reader, Signal.GRANTED if decision.granted else Signal.DENIED)

    def _note_duress(self, request: Request) -> None:
        """The silent alarm: an event of its own, while the door opens as for anybody."""
        data = {"door": self._door.name, "reader": self.reader}
        if request.person is not None:
            data |= {"person": request.person.id, "name": request.person.name}
        note = NewEvent("alarm.duress", self._door.name, data)
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
