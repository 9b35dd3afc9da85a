"""The path of one badge: from a reading to an answer on record.

    reading -> gather and decide (gateway/doors/attempt.py) -> ledger -> lock

One `DoorReader` is one reader at a door: a door has one for each way.  It takes readings in
order, has each badge judged, waits until the record is on disk and only then has its door
released.  Whatever fails on the way ends in a refusal.  Nothing here decides by itself, and
nothing calls back up: the uplink finds the record in the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.base import BadRead, CardRead, Keys, Reading, Signal
from gateway.decide.model import Credential, Decision, Lookup, Outcome, PinOutcome, Reason, Request
from gateway.decide.policy import Direction
from gateway.decide.record import access_event
from gateway.doors.attempt import AccessAttempt, Place, Presented, Services, Verdict, seen
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import RosterUnavailable

log = logging.getLogger("garita.doors.reader")

QUEUE_LIMIT = 1000  # badges waiting at one reader; beyond this they are refused as busy
NOISE_WINDOW_S = 10.0  # bad reads are recorded at once, then at most once in this time


class Doorway(Place, Protocol):
    """The door as its lanes see it."""

    def reserve(self) -> None: ...
    def give_back(self) -> None: ...
    def release(self, grant: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody stands before the camera of a door that opens to a face alone; `track` is the
    face process's own number for them."""

    track: int


class DoorReader:
    """One reader at one door; `direction` is the one that it serves."""

    def __init__(
        self,
        door: Doorway,
        *,
        reader: str,
        direction: Direction,
        camera: str | None,
        parts: Services,
    ) -> None:
        self.reader = reader
        self._door = door
        self._direction = direction
        self._parts = parts
        self._gatherer = AccessAttempt(
            door,
            reader=reader,
            direction=direction,
            camera=camera,
            parts=parts,
            next_badge=self._next_badge,
            refused=self._record,
        )
        self._waiting: deque[tuple[CardRead | Arrival, float]] = deque()
        self._pictures: set[asyncio.Task[None]] = set()
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
            self._gatherer.pad.press(reading.pressed)
            return
        if isinstance(reading, BadRead):
            self._noise[reading.reason] = self._noise.get(reading.reason, 0) + 1
        elif len(self._waiting) >= QUEUE_LIMIT:
            self._busy += 1
        else:
            if not self._waiting and not self._serving:
                self._progress_at = now
            self._waiting.append((reading, now))
            self._gatherer.give_up()  # the next badge ends a wait for this one's PIN or guard
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

    async def _next_badge(self, until: float) -> tuple[Presented, float] | None:
        """The next card read here, or None when it did not come by then."""
        while True:
            while self._waiting:
                item, read_at = self._waiting.popleft()
                if isinstance(item, CardRead):
                    return _claim(item), read_at
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                return None

    async def _serve(self, item: CardRead | Arrival, read_at: float) -> None:
        """One badge or face, from look-up to lock.  It gets its answer even if we have a bug."""
        claim: Presented | None = Presented()
        try:
            if isinstance(item, CardRead):
                claim = _claim(item)
            else:
                claim = await self._gatherer.identify(item.track)
            if claim is None:
                return
            answer = await self._gatherer.gather(claim, read_at)
        except Exception as error:
            log.exception("door %s: internal error", self._door.name)
            credential = claim.credential if claim is not None else None
            request = Request(
                self._door.name, credential, Lookup.UNAVAILABLE, direction=self._direction
            )
            why = type(error).__name__
            decision = Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, why)
            answer = Verdict(request, decision, read_at)
        await self._record(answer)

    async def _record(self, answer: Verdict, more: Mapping[str, Any] | None = None) -> None:
        """Write the decision down, and before it that of whoever came along; a grant takes effect
        only after that."""
        granted = answer.decision.granted
        answers = [answer] if answer.partner is None else [answer.partner, answer]
        # Before the first await: two doors of an interlock must not both get through here.
        presence = self._parts.presence
        if granted:
            self._door.reserve()
            if presence is not None:
                for _ in answers:
                    presence.expect(self._door.name, self._direction)
        try:
            recorded = await self._append(answers, more)
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
            if granted:
                self._door.give_back()
            self._door.signal(self.reader, Signal.DENIED)
            return
        except BaseException:
            if granted:
                self._door.give_back()
            raise
        finally:
            if granted and presence is not None:
                for _ in answers:
                    presence.expect_no_more(self._door.name, self._direction)
        self.last_at = time.monotonic()
        last = recorded[-1]
        self.last = {
            "reason": answer.decision.reason.value,
            "seq": last.seq,
            "time": last.time,
        }
        if granted:
            self._door.release(last.seq)
            for item in answers:
                self._gatherer.passed(item.request)
        self._door.signal(self.reader, Signal.GRANTED if granted else Signal.DENIED)

    async def _append(self, answers: list[Verdict], more: Mapping[str, Any] | None) -> list[Event]:
        """All on disk, or an exception."""
        site, key, ledger = self._parts.site, self._parts.key, self._parts.ledger
        events = []
        for item in answers:
            if item.request.pin is PinOutcome.DURESS:  # also where a face or an interlock refuses
                self._note_duress(item.request)
            if item.decision.reason is Reason.DENIED_FACE_MISMATCH:
                self._note_lent(item.request)
            # The time of an arrival is the face process's word.
            took_ms = round(max(0.0, time.monotonic() - item.read_at) * 1000, 1)
            about = {
                "reader": self.reader,
                "way": self._direction.value,
                "took_ms": took_ms,
                **(more or {}),
            }
            events.append(access_event(item.request, item.decision, site, key, about))
        if len(events) == 1:
            recorded = [await ledger.append(events[0])]
        else:  # one behind the other, so that they reach the disk in one transaction
            recorded = list(await asyncio.gather(*(ledger.append(event) for event in events)))
        for item, event in zip(answers, recorded, strict=True):
            self._tell(_notes(self._door.name, item))
            self._keep_picture(item.request, event)
        return recorded

    def _keep_picture(self, request: Request, recorded: Event) -> None:
        """Beside the door: no picture is worth a badge that waits."""
        if self._parts.faces is None or request.face is None or not request.face.picture:
            return
        person = request.person.id if request.person else ""
        task = asyncio.create_task(self._parts.faces.keep_picture(recorded, person, request.face))
        self._pictures.add(task)
        task.add_done_callback(self._pictures.discard)

    def _tell(self, events: list[NewEvent]) -> None:
        for event in events:
            self._parts.ledger.append_soon(event).add_done_callback(seen)

    def _note_duress(self, request: Request) -> None:
        """The silent alarm: an event of its own, while the door does what it does for anybody."""
        data = {"door": self._door.name, "reader": self.reader}
        if request.person is not None:
            data |= {"person": request.person.id, "name": request.person.name}
        self._tell([NewEvent(EventType.ALARM_DURESS, self._door.name, data)])

    def _note_lent(self, request: Request) -> None:
        """The badge of one person, and the face of another who is on the list: named both."""
        face, person = request.face, request.person
        if face is None or face.nearest is None or person is None or request.identified:
            return
        other_id, distance = face.nearest
        other = None
        with contextlib.suppress(RosterUnavailable):
            other = self._parts.roster.find_person(other_id).person
        data = {
            "door": self._door.name,
            "reader": self.reader,
            "person": {"id": person.id, "name": person.name, "company": person.company},
            "face_person": other_id,
            "face_name": other.name if other else "",
            "distance": round(distance, 4),
        }
        self._tell([NewEvent(EventType.ALARM_LENT_BADGE, self._door.name, data)])

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
        request = Request(
            self._door.name, None, Lookup.UNKNOWN, busy=busy, direction=self._direction
        )
        decision = self._gatherer.decide(request)
        data = {"count": count, **({"bad_reads": dict(noise)} if noise else {})}
        await self._record(Verdict(request, decision, time.monotonic()), data)


def _claim(card: CardRead) -> Presented:
    return Presented(Credential(card.format, card.facility, card.number))


def _notes(door: str, answer: Verdict) -> list[NewEvent]:
    """What a decision has to tell beside itself."""
    person = answer.request.person
    who = {"id": person.id, "name": person.name, "company": person.company} if person else {}
    return [
        NewEvent(kind, door, {"person": who, "detail": detail})
        for kind, detail in answer.decision.notes
    ]
