"""Asking the person at one reader for a factor: their PIN, their face, a guard's word about them.

Each method shows nothing on the reader by itself (apart from the steps of a challenge), waits for
the answer and returns it.  Anything unclear comes back as an outcome that denies.
"""

from __future__ import annotations

import asyncio
import logging

from drivers.base import Signal
from gateway.decide.model import (
    Confirmation,
    FaceOutcome,
    FaceResult,
    Liveness,
    Person,
    PinOutcome,
)
from gateway.doors.confirm import Waiting
from gateway.doors.pinpad import PinPad
from gateway.doors.rules import Rules
from gateway.doors.services import AccessPoint, Display, Services, loop_time
from gateway.doors.steps import Presented
from gateway.ledger.event import EventType, NewEvent

log = logging.getLogger("garita.doors.prompter")


class Prompter:
    """The PIN pad, the camera and the guard of one reader."""

    def __init__(self, services: Services, point: AccessPoint, display: Display) -> None:
        self._services = services
        self._point = point
        self._display = display
        self._pad = PinPad()
        self._asked: Waiting | None = None

    def press(self, keys: str) -> None:
        """Keys were pressed at the reader; they count only while a PIN is asked for."""
        self._pad.press(keys)

    def give_up(self) -> None:
        """Another badge was shown: nobody types a PIN for the one before any more, and a guard's
        word no longer counts for it."""
        self._pad.give_up()
        if self._asked is not None:
            self._services.confirmations.give_up(self._asked)

    def break_off(self) -> None:
        """The reader went away or restarted: keys were lost, and those before and after must not
        make one PIN."""
        self._pad.give_up()

    async def pin(self, person_id: str, rules: Rules) -> tuple[PinOutcome, bool]:
        """Wait for the PIN of that person.

        Returns what became of it, and whether too many wrong ones came before it.  A wrong one is
        counted here, so that each is counted whatever happens to the attempt afterwards.
        """
        outcome = await self._typed_pin(person_id, rules.pin_timeout_s)
        now, limits = loop_time(), self._services.pin_limits
        locked = limits.locked(person_id, now)
        limits.tried(person_id, outcome, now)
        return outcome, locked

    async def _typed_pin(self, person_id: str, timeout_s: float) -> PinOutcome:
        typed = await self._pad.read(timeout_s)
        if typed is None:
            return PinOutcome.MISSING
        try:
            sealed = self._services.roster.pin(person_id)
            if sealed is None:
                return PinOutcome.UNAVAILABLE
            return await asyncio.to_thread(self._services.pins.verify, person_id, typed, sealed)
        except Exception as error:  # its text may hold the PIN, so only its type is logged
            why = type(error).__name__
            log.error("door %s: a PIN can't be verified: %s", self._point.door, why)
            return PinOutcome.UNAVAILABLE

    async def face(self, person_id: str, read_at: float, rules: Rules) -> FaceResult:
        """Compare who stands at the camera with that person's templates.

        `read_at` is when the badge was read (loop time): older pictures do not count.
        """
        faces, camera = self._services.faces, self._point.camera
        if faces is None or camera is None:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail="no camera at this door")
        tries = self._services.turn_limits
        challenge = rules.site.doors[self._point.door].challenge
        if challenge and tries.locked(person_id, loop_time()):
            # Two turns have four orders: a person who may try for ever will guess one.
            lives = Liveness(challenge=False, detail="too_many_tries")
            return FaceResult(FaceOutcome.MISMATCH, liveness=lives)
        try:
            face = await faces.match(
                camera, person_id, read_at, challenge=challenge, on_prompt=self._show_step
            )
        except Exception as error:
            log.exception("door %s: face match failed", self._point.door)
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=type(error).__name__)
        if face.liveness is not None and face.liveness.challenge is not None:
            outcome = PinOutcome.CORRECT if face.liveness.challenge else PinOutcome.WRONG
            tries.tried(person_id, outcome, loop_time())
        return face

    def _show_step(self, word: str) -> None:
        """What the challenge asks of the person now; other words show nothing."""
        if word in (Signal.LEFT, Signal.RIGHT, Signal.STRAIGHT):
            self._display.signal(Signal(word))

    async def identify(self, track: int, rules: Rules) -> Presented | None:
        """Search among all people for the face that the face process announced as `track`.

        Returns None if nobody stands there any more, or if the face process can't tell.
        """
        faces, camera = self._services.faces, self._point.camera
        policy = rules.site.doors[self._point.door]
        if faces is None or camera is None or policy.identify is None:
            return None
        found = await faces.identify(camera, track, policy.identify.threshold)
        face = found.result
        if face.outcome not in (FaceOutcome.MATCH, FaceOutcome.MISMATCH):
            return None
        person_id = found.person_id if face.outcome is FaceOutcome.MATCH else ""
        if person_id and policy.challenge:
            self._display.signal(Signal.LOOK)
            face = await self.face(person_id, loop_time(), rules)
        return Presented(person_id=person_id, face=face, enrolled=found.searched)

    async def confirmation(self, person: Person, why: str) -> Confirmation:
        """Ask a guard whether `person` may pass although `why` does not work."""
        confirmations, point = self._services.confirmations, self._point
        self._asked = confirmations.ask(point.door, point.reader, person, why)
        about = dict(self._asked.about())
        self._services.note(NewEvent(EventType.DOOR_CONFIRM_ASKED, point.door, about))
        try:
            return await confirmations.hear(self._asked)
        finally:
            self._asked = None
