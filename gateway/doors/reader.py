"""One reader at one door: from a reading to verdicts on record, and the release.

    queue -> attempt (needs, answers) -> record on disk -> lock

`DoorReader` takes readings in order.  For each badge it makes an `AccessAttempt`
(gateway/doors/attempt.py), asks the person for whatever the attempt needs, waits until the
verdicts are on disk and only then has the hardware release the door.  An error on any of these
steps ends in a refusal.  The reader decides nothing itself and calls nothing above it: the uplink
finds the record in the ledger.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from drivers.base import BadRead, CardRead, Keys, Reading, Signal
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, Reason, Request
from gateway.doors.attempt import AccessAttempt, RecentlyAdmitted
from gateway.doors.hardware import DoorHardware
from gateway.doors.prompter import Prompter
from gateway.doors.recorder import AccessRecorder
from gateway.doors.rules import Rules
from gateway.doors.services import AccessPoint, Display, Services, loop_time
from gateway.doors.steps import (
    CompanyNeeded,
    FaceNeeded,
    GuardNeeded,
    PinNeeded,
    Presented,
    Verdict,
)
from gateway.ledger import LedgerUnavailable

log = logging.getLogger("garita.doors.reader")

QUEUE_LIMIT = 1000  # badges that may wait at one reader; further ones are refused as busy
NOISE_WINDOW_S = 10.0  # bad reads are recorded at once, then at most once in this time


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody stands before the camera of a door that opens to a face alone.  `track` is the
    number that the face process gave them."""

    track: int


class DoorReader:
    """The reader at `point`.  It releases `hardware` and shows answers on `display`."""

    def __init__(
        self, services: Services, point: AccessPoint, hardware: DoorHardware, display: Display
    ) -> None:
        self.reader = point.reader
        self.unrecorded = 0  # answers that the ledger could not take, since the start
        self.last: Mapping[str, Any] | None = None
        self.last_at = -math.inf
        self._services = services
        self._point = point
        self._hardware = hardware
        self._display = display
        self._prompter = Prompter(services, point, display)
        self._recorder = AccessRecorder(services, point)
        self._recent = RecentlyAdmitted()
        self._waiting: deque[tuple[CardRead | Arrival, float]] = deque()
        self._wake = asyncio.Event()
        self._busy = 0
        self._noise: dict[str, int] = {}
        self._noise_until = 0.0
        self._serving = False
        self._asking = False
        self._progress_at = 0.0

    def on_reading(self, reading: Reading, now: float) -> None:
        """A reading arrived at `now` (loop time); returns at once."""
        if isinstance(reading, Keys):
            self._prompter.press(reading.pressed)
            return
        if isinstance(reading, BadRead):
            self._noise[reading.reason] = self._noise.get(reading.reason, 0) + 1
        elif len(self._waiting) >= QUEUE_LIMIT:
            self._busy += 1
        else:
            if not self._waiting and not self._serving:
                self._progress_at = now
            self._waiting.append((reading, now))
            self._prompter.give_up()  # the next badge ends a wait for this one's PIN or guard
        self._wake.set()

    def on_interrupted(self) -> None:
        """The reader went away or restarted; what was half said there is gone."""
        self._prompter.break_off()

    def on_arrival(self, track: int, at: float) -> None:
        """A face came at `at` (loop time), at a door that opens to a face without a badge.

        A person who shows a badge goes first, and only one face waits at a time.
        """
        if not self._waiting and not self._serving:
            self._progress_at = loop_time()
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
                self._progress_at = loop_time()
            self._serving = False
            await self._refuse_unreadable()

    @property
    def waiting(self) -> int:
        """Badges that were read and are not served yet."""
        return len(self._waiting)

    @property
    def progress_at(self) -> float:
        """When this reader last got on (loop time), for a watchdog; with nothing to do, now."""
        return self._progress_at if self._serving or self._waiting else loop_time()

    async def _serve(self, item: CardRead | Arrival, read_at: float) -> None:
        """One badge or face, from the look-up to the lock."""
        presented: Presented | None
        rules = await self._services.rules.begin()
        if isinstance(item, CardRead):
            presented = _presented(item)
        else:
            try:
                presented = await self._prompter.identify(item.track, rules)
            except Exception as error:
                log.exception("door %s: internal error", self._point.door)
                attempt = self._attempt(Presented(), read_at, rules)
                return await self._answer(attempt.failed(error), rules)
            if presented is None:
                return None
        attempt = self._attempt(presented, read_at, rules)
        await self._answer(await self._verdicts(attempt), rules)

    def _attempt(self, presented: Presented, read_at: float, rules: Rules) -> AccessAttempt:
        return AccessAttempt(
            self._services, self._point, presented, read_at, self._recent, rules=rules
        )

    async def _verdicts(self, attempt: AccessAttempt) -> tuple[Verdict, ...]:
        """Give the attempt all that it needs; each gets its verdict even if we have a bug."""
        try:
            step = await self._ask_for_factors(attempt)
            while isinstance(step, CompanyNeeded):
                attempt.add_company(await self._company(attempt, step))
                step = await self._ask_for_factors(attempt)
            return step
        except Exception as error:
            log.exception("door %s: internal error", self._point.door)
            return attempt.failed(error)

    async def _company(self, attempt: AccessAttempt, need: CompanyNeeded) -> AccessAttempt | None:
        """The attempt of somebody who came along and may pass; None if nobody did in time.

        Whoever may not pass is refused, and another may still come.
        """
        until = loop_time() + need.wait_s
        with self._ask(Signal.WAIT):
            while (badge := await self._next_badge(until)) is not None:
                other = attempt.companion(*badge)
                if other is None:
                    continue
                verdicts = await self._verdicts_alone(other)
                if verdicts[-1].decision.granted:
                    return other
                await self._answer(verdicts, attempt.rules)
        return None

    async def _verdicts_alone(self, attempt: AccessAttempt) -> tuple[Verdict, ...]:
        """The verdicts on somebody who came along, and so needs no further company."""
        try:
            step = await self._ask_for_factors(attempt)
            if isinstance(step, CompanyNeeded):
                raise RuntimeError("a companion needs company")
            return step
        except Exception as error:
            log.exception("door %s: internal error", self._point.door)
            return attempt.failed(error)

    async def _ask_for_factors(self, attempt: AccessAttempt) -> CompanyNeeded | tuple[Verdict, ...]:
        """Ask for one factor after the other, until company is needed or the verdicts are there."""
        while True:
            match attempt.next(self._hardware.condition()):
                case PinNeeded(person):
                    with self._ask(Signal.PIN):
                        outcome, locked = await self._prompter.pin(person.id, attempt.rules)
                    attempt.add_pin(outcome, locked=locked)
                case FaceNeeded(person):
                    with self._ask(Signal.LOOK):
                        face = await self._prompter.face(person.id, attempt.read_at, attempt.rules)
                    attempt.add_face(face)
                case GuardNeeded(person, why):
                    with self._ask(Signal.WAIT):
                        attempt.add_confirmation(await self._prompter.confirmation(person, why))
                case step:
                    return step

    @contextmanager
    def _ask(self, signal: Signal) -> Iterator[None]:
        """Show what is asked for; meanwhile the door is in the state ``waiting``."""
        before, self._asking = self._asking, True
        self._hardware.waits(self.reader, True)
        self._display.signal(signal)
        try:
            yield
        finally:
            self._asking = before
            self._hardware.waits(self.reader, before)

    async def _next_badge(self, until: float) -> tuple[Presented, float] | None:
        """The next card read here and when; None if none comes before `until` (loop time)."""
        while True:
            while self._waiting:
                item, read_at = self._waiting.popleft()
                if isinstance(item, CardRead):
                    return _presented(item), read_at
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, until - loop_time())):
                    await self._wake.wait()
            except TimeoutError:
                return None

    async def _answer(
        self,
        verdicts: tuple[Verdict, ...],
        rules: Rules,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the verdicts; a grant takes effect only after that."""
        hardware, point, presence = self._hardware, self._point, self._services.presence
        decision = verdicts[-1].decision
        expected: list[str] = []
        # Before the first await: two doors of an interlock must not both get through here.
        if decision.granted:
            hardware.reserve()
            if presence is not None:
                expected = [presence.expect(point.door, point.direction) for _ in verdicts]
        try:
            recorded = await self._recorder.record(verdicts, rules.site, more)
        except (LedgerUnavailable, ValueError) as error:
            if decision.granted:
                hardware.give_back()
            self._unrecorded(error)
            return
        except BaseException:
            if decision.granted:
                hardware.give_back()
            raise
        finally:
            if presence is not None:
                for area in expected:
                    presence.expect_no_more(area)
        durable_at = self.last_at = loop_time()
        self.last = {
            "reason": decision.reason.value,
            "seq": recorded.seq,
            "time": recorded.time,
        }
        if decision.granted:
            hardware.release(recorded.seq)
            self._released(verdicts, durable_at)
            for verdict in verdicts:
                self._recent.add(verdict.request)
        self._display.signal(Signal.GRANTED if decision.granted else Signal.DENIED)

    def _released(self, verdicts: tuple[Verdict, ...], durable_at: float) -> None:
        now, timed = loop_time(), self._services.timed
        timed("released", now - durable_at)
        if not any(verdict.asked for verdict in verdicts):
            timed("total", max(0.0, now - verdicts[-1].read_at))

    def _unrecorded(self, error: Exception) -> None:
        """The log could not take the verdicts, so nobody passes."""
        self.unrecorded += 1
        self.last_at = loop_time()
        self.last = {"reason": Reason.DENIED_LEDGER_UNAVAILABLE.value, "seq": None}
        log.critical(
            "door %s: the log can't be written (%s): %s; nobody passes until it can",
            self._point.door,
            error,
            Reason.DENIED_LEDGER_UNAVAILABLE,
        )
        self._display.signal(Signal.DENIED)

    async def _refuse_unreadable(self) -> None:
        """Record bad reads and badges that found the door busy, many as one, with a count."""
        if self._busy:
            count, self._busy = self._busy, 0
            await self._refuse(count, busy=True)
        now = loop_time()
        if self._noise and now < self._noise_until:
            asyncio.get_running_loop().call_later(self._noise_until - now, self._wake.set)
        elif self._noise:
            self._noise_until = now + NOISE_WINDOW_S
            noise, self._noise = self._noise, {}
            await self._refuse(sum(noise.values()), noise=noise)

    async def _refuse(
        self, count: int, *, busy: bool = False, noise: Mapping[str, int] | None = None
    ) -> None:
        point = self._point
        request = Request(
            door=point.door,
            credential=None,
            lookup=Lookup.UNKNOWN,
            busy=busy,
            direction=point.direction,
        )
        rules = await self._services.rules.begin()
        decision = decide(request, rules.site, self._services.clock.latest())
        data = {"count": count, **({"bad_reads": dict(noise)} if noise else {})}
        await self._answer((Verdict(request, decision, loop_time()),), rules, data)


def _presented(card: CardRead) -> Presented:
    return Presented(Credential(card.format, card.facility, card.number))
