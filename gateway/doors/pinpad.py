"""Typing a PIN: the keys as they come, and the limit on wrong PINs.  A PIN is held here only until
it is handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.decide.model import PinOutcome

LONGEST = 8  # digits of a PIN at most


class PinPad:
    """The keys of one reader; ``#`` ends a PIN, ``*`` begins it again."""

    def __init__(self) -> None:
        self._typed = ""
        self._done: asyncio.Future[str | None] | None = None

    async def read(self, timeout_s: float) -> str | None:
        """Wait for the digits up to ``#``; None if they do not come within `timeout_s` seconds."""
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
        """Take keys; while nobody waits for a PIN they are dropped."""
        if self._done is None or self._done.done():
            return
        for key in keys:
            if key == "*":
                self._typed = ""
            elif key == "#":
                self._done.set_result(self._typed)
                return
            elif len(self._typed) <= LONGEST:  # one digit too many stays, so the PIN is wrong
                self._typed += key

    def give_up(self) -> None:
        """End the wait: another badge was shown."""
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


class PinLimits:
    """The limit on wrong PINs of one person, at all doors of this gateway together.

    After `attempts` wrong PINs within `lock_s` seconds every PIN of that person is refused for
    `lock_s` seconds, right or wrong.  Failed challenges of a face are counted in the same way.
    Times are seconds of a monotonic clock.
    """

    def __init__(self, attempts: int, lock_s: float) -> None:
        self.use(attempts, lock_s)
        self._wrong: dict[str, list[float]] = {}

    def use(self, attempts: int, lock_s: float) -> None:
        """Count by other limits from now on; the wrong PINs so far are not forgotten."""
        self.lock_s, self._attempts = lock_s, attempts

    def locked(self, person_id: str, now: float) -> bool:
        """Whether the person typed too many wrong PINs of late."""
        recent = [at for at in self._wrong.get(person_id, ()) if now - at < self.lock_s]
        if not recent:
            self._wrong.pop(person_id, None)
        return len(recent) >= self._attempts

    def tried(self, person_id: str, outcome: PinOutcome, now: float) -> None:
        """Count what became of a PIN; a right one forgets the wrong ones before it."""
        if outcome is PinOutcome.WRONG:
            self._wrong.setdefault(person_id, []).append(now)
            del self._wrong[person_id][: -self._attempts]
        elif outcome in (PinOutcome.CORRECT, PinOutcome.DURESS) and not self.locked(person_id, now):
            # While the person is locked, a right PIN was refused and ends nothing.
            self._wrong.pop(person_id, None)

    def remember(self, wrong: Iterable[tuple[str, float]]) -> None:
        """Count wrong PINs from before a restart, oldest first, as (person, time)."""
        for person_id, at in wrong:
            self.tried(person_id, PinOutcome.WRONG, at)
