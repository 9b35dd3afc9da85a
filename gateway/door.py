"""One door's lock as a sans-I/O state machine.

In: `release(now)` after a grant is on record, `expire(now)` as time passes, `fault()` when
the relay board can't be written to.  Out: a list of effects, which the gate carries out:
`Relay(released)` for the board, `Note(type, ...)` for the ledger.  The machine reads no
clock and writes no port; times are monotonic seconds.

    LOCKED --release--> UNLOCKED --pulse over--> LOCKED
                        UNLOCKED --release-----> UNLOCKED (the pulse starts again)
    any ---fault--> LOCKED (as far as software can tell: the board drops to rest by itself)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LockState(StrEnum):
    LOCKED = "locked"
    UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class Relay:
    """Drive the lock: `released` True lets the person in, False is the state of rest."""

    released: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A door event for the ledger."""

    type: str


Effect = Relay | Note


class Door:
    """The lock of one door; `pulse_s` is how long a grant keeps it released (seconds)."""

    __slots__ = ("name", "pulse_s", "relock_at", "state")

    def __init__(self, name: str, pulse_s: float) -> None:
        self.name = name
        self.pulse_s = pulse_s
        self.state = LockState.LOCKED
        self.relock_at: float | None = None

    def release(self, now: float) -> list[Effect]:
        """A grant is on record: unlock, or keep unlocked for another pulse.

        The relay is told each time, so a frame that got lost costs one badge, not the day.
        """
        self.relock_at = now + self.pulse_s
        if self.state is LockState.UNLOCKED:
            return [Relay(released=True)]
        self.state = LockState.UNLOCKED
        return [Relay(released=True), Note("door.unlocked")]

    def expire(self, now: float) -> list[Effect]:
        """The pulse is over, if it is; nothing otherwise."""
        if self.relock_at is None or now < self.relock_at:
            return []
        self._locked()
        return [Relay(released=False), Note("door.locked")]

    def fault(self) -> list[Effect]:
        """The board could not be written to, or went away."""
        was = self.state
        self._locked()
        return [Note("door.lock_fault")] if was is LockState.UNLOCKED else []

    def _locked(self) -> None:
        self.state = LockState.LOCKED
        self.relock_at = None
