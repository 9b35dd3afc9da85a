"""Typing a PIN: the keys as they come, and the limit on wrong ones.  Holds no PIN longer than
it takes to hand it on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.decide.model import PinOutcome

LONGEST = 8


class PinPad:
    """Keys of one reader; ``#`` ends, ``*`` begins again."""

    def __init__(self) -> None:
        self._typed = ""
        self._done: asyncio.Future[str | None] | None = None

    async def read(self, timeout_s: float) -> str | None:
        """The digits up to ``#``; None if they did not come in time."""
        self._typed = ""
        self._done = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._done
        except TimeoutError:
            return None
        finally:
            self._typed, self._done = "", None

    def press(self, keys: str) -> None:
        """Keys arrived; those that nobody waits for are dropped."""
        if self._done is None or self._done.done():
            return
        for key in keys:
            if key == "*":
                self._typed = ""
            elif key == "#":
                self._done.set_result(self._typed)
                return
            elif len(self._typed) <= LONGEST:  # one more than there can be, so it is wrong
                self._typed += key

    def give_up(self) -> None:
        """Nobody will type any more: another badge was shown."""
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


class PinLimits:
    """After `attempts` wrong PINs within `lock_s` seconds a person's PIN is refused for
    `lock_s`, right or wrong, at every door of this gateway.  Failed challenges of a face are
    counted in the same way."""

    def __init__(self, attempts: int, lock_s: float) -> None:
        self.lock_s = lock_s
        self._attempts = attempts
        self._wrong: dict[str, list[float]] = {}

    def locked(self, person_id: str, now: float) -> bool:
        """Whether too many were wrong of late."""
        recent = [at for at in self._wrong.get(person_id, ()) if now - at < self.lock_s]
        if not recent:
            self._wrong.pop(person_id, None)
        return len(recent) >= self._attempts

    def tried(self, person_id: str, outcome: PinOutcome, now: float) -> None:
        if outcome is PinOutcome.WRONG:
            self._wrong.setdefault(person_id, []).append(now)
            del self._wrong[person_id][: -self._attempts]
        elif outcome in (PinOutcome.CORRECT, PinOutcome.DURESS) and not self.locked(person_id, now):
            # Locked at another door meanwhile: it was refused, and stays so.
            self._wrong.pop(person_id, None)

    def remember(self, wrong: Iterable[tuple[str, float]]) -> None:
        """Wrong ones from before a restart, oldest first, as (person, monotonic time)."""
        for person_id, at in wrong:
            self.tried(person_id, PinOutcome.WRONG, at)
