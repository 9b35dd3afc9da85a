"""The path of one badge: from a reading to an open door.

    reading -> look-up -> decide() -> [face -> decide() again] -> ledger -> lock

One `Gate` is one door.  It takes readings from its reader in order, gathers the factors
that the door asks for, has `decide()` decide, waits until the record is on disk and only
then releases the lock.  Whatever fails on the way ends in a refusal.  Nothing here decides
by itself, and nothing calls back up: the uplink finds the record in the ledger.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.base import BadRead, CardRead, Keys, Reading
from gateway.clock import Clock
from gateway.decide import decide
from gateway.door import Door, Effect, Note
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
    Person,
    Reason,
    Request,
    Site,
)
from gateway.roster import Found, RosterUnavailable

log = logging.getLogger("garita.gate")

QUEUE_LIMIT = 1000  # badges waiting at one door; beyond this they are refused as busy
NOISE_WINDOW_S = 10.0  # bad reads are recorded at once, then at most once in this time


class Roster(Protocol):
    def find(self, credential: Credential) -> Found: ...


class Ledger(Protocol):
    async def append(self, event: NewEvent) -> Event: ...
    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]: ...


class Lock(Protocol):
    @property
    def ready(self) -> bool: ...
    def drive(self, door: str, released: bool) -> None: ...


class FaceMatcher(Protocol):
    """Compares who stands at the camera with the enrolled templates of one person."""

    async def match(self, camera: str, person_id: str, tapped_at: float) -> FaceResult: ...


class Fingerprints(Protocol):
    def fingerprint(self, credential_key: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gate works with; built once by the daemon."""

    site: Site
    roster: Roster
    ledger: Ledger
    clock: Clock
    key: Fingerprints
    faces: FaceMatcher | None


class Gate:
    """One door with its reader, lock and camera."""

    def __init__(
        self,
        name: str,
        *,
        reader: str,
        lock: Lock,
        camera: str | None,
        pulse_s: float,
        parts: Parts,
    ) -> None:
        self.name = name
        self.door = Door(name, pulse_s)
        self._reader = reader
        self._lock = lock
        self._camera = camera
        self._parts = parts
        self._waiting: deque[tuple[CardRead, float]] = deque()
        self._wake = asyncio.Event()
        self._busy = 0
        self._noise: dict[str, int] = {}
        self._noise_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._serving = False
        self._progress_at = time.monotonic()
        self.unrecorded = 0  # decisions that the ledger could not take, since the start
        self.last: Mapping[str, Any] | None = None

    def on_reading(self, reading: Reading, now: float) -> None:
        """A reading arrived at monotonic `now`; returns at once."""
        if isinstance(reading, Keys):
            return
        if isinstance(reading, BadRead):
            self._noise[reading.reason] = self._noise.get(reading.reason, 0) + 1
        elif len(self._waiting) >= QUEUE_LIMIT:
            self._busy += 1
        else:
            if not self._waiting and not self._serving:
                self._progress_at = now
            self._waiting.append((reading, now))
        self._wake.set()

    def on_lock_lost(self) -> None:
        """The relay board went away."""
        self._carry_out(self.door.fault())

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
            request = self._request(credential, age_s)
            decision = self._decide(request)
            if decision.outcome is Outcome.NEED_FACE:
                face = await self._look(request, read_at)
                # Looked up again: who was revoked while they looked at the camera stays out.
                request = self._request(credential, age_s, face)
                decision = self._decide(request)
        except Exception as error:
            log.exception("door %s: internal error", self.name)
            request = Request(self.name, credential, Lookup.UNAVAILABLE)
            decision = Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)
        await self._record(request, decision, read_at)

    def _request(
        self, credential: Credential, age_s: float, face: FaceResult | None = None
    ) -> Request:
        """Everything known now about this wish to pass."""
        lookup, found = Lookup.UNKNOWN, Found()
        try:
            found = self._parts.roster.find(credential)
            lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        except RosterUnavailable as error:
            log.error("door %s: the personnel list can't be read: %s", self.name, error)
            lookup = Lookup.UNAVAILABLE
        self._parts.clock.check()
        return Request(
            door=self.name,
            credential=credential,
            lookup=lookup,
            person=found.person,
            list_version=found.list_version,
            templates=found.templates,
            face=face,
            age_s=age_s,
            clock_trusted=self._parts.clock.trusted,
            lock_ready=self._lock.ready,
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
            log.exception("door %s: face match failed", self.name)
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=type(error).__name__)

    async def _record(
        self,
        request: Request,
        decision: Decision,
        read_at: float,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the decision down; a grant takes effect only after that."""
        event = self._access_event(request, decision, read_at, more or {})
        try:
            recorded = await self._parts.ledger.append(event)
        except (LedgerUnavailable, ValueError) as error:  # ValueError: what no record can hold
            self.unrecorded += 1
            self.last = {"reason": Reason.DENIED_LEDGER_UNAVAILABLE.value, "seq": None}
            log.critical(
                "door %s: the log can't be written (%s): %s; nobody passes until it can",
                self.name,
                error,
                Reason.DENIED_LEDGER_UNAVAILABLE,
            )
            return
        self.last = {"reason": decision.reason.value, "seq": recorded.seq, "time": recorded.time}
        if decision.granted:
            self._carry_out(self.door.release(time.monotonic()))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        """Drive the relay and note what the door did.

        A relay that can't be driven is a fault that is noted; the wish to unlock is dropped.
        """
        for effect in effects:
            if isinstance(effect, Note):
                self._note(NewEvent(effect.type, self.name))
                continue
            try:
                self._lock.drive(self.name, effect.released)
            except OSError as error:
                log.error("door %s: the lock can't be driven: %s", self.name, error)
                self.door.fault()
                self._note(NewEvent("door.lock_fault", self.name, {"detail": str(error)}))
                break
        self._set_timer()

    def _set_timer(self) -> None:
        """One timer for the end of the pulse; set anew, because a timer may fire early."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.door.relock_at is not None:
            wait = max(0.0, self.door.relock_at - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        self._carry_out(self.door.expire(time.monotonic()))

    def _note(self, event: NewEvent) -> None:
        self._parts.ledger.append_soon(event).add_done_callback(_seen)

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
        request = Request(self.name, None, Lookup.UNKNOWN, busy=busy)
        decision = self._decide(request)
        data = {"count": count, **({"bad_reads": dict(noise)} if noise else {})}
        await self._record(request, decision, time.monotonic(), data)

    def _access_event(
        self,
        request: Request,
        decision: Decision,
        read_at: float,
        more: Mapping[str, Any],
    ) -> NewEvent:
        data: dict[str, Any] = {
            "door": self.name,
            "reader": self._reader,
            "reason": decision.reason.value,
            "rule": decision.rule,
            "list_version": decision.list_version,
            "policy_version": decision.policy_version,
            "degraded": list(decision.degraded),
            "took_ms": round((time.monotonic() - read_at) * 1000, 1),
            **more,
        }
        if request.credential is not None:
            data["credential"] = {
                "masked": request.credential.masked,
                "fingerprint": self._parts.key.fingerprint(request.credential.key),
            }
        if request.person is not None:
            data["person"] = _person(request.person)
        if request.face is not None:
            data["face"] = _face(request.face, self._parts.site.doors[self.name].face_threshold)
        kind = "access.granted" if decision.granted else "access.denied"
        return NewEvent(kind, self.name, data)


def _person(person: Person) -> dict[str, str]:
    return {"id": person.id, "name": person.name, "company": person.company}


def _face(face: FaceResult, threshold: float) -> dict[str, Any]:
    return {
        "outcome": face.outcome.value,
        "distance": None if face.distance is None else round(face.distance, 4),
        "threshold": threshold,
        "frames": face.frames,
        "frame_age_s": None if face.frame_age_s is None else round(face.frame_age_s, 3),
        "detail": face.detail,
        "timing_ms": {key: round(value, 1) for key, value in face.timing_ms.items()},
    }


def _seen(future: asyncio.Future[Event]) -> None:
    """Look at the outcome of a note, so that a failure is said once and not as a warning of
    asyncio; the ledger itself has raised the alarm."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a door event could not be recorded: %s", error)
