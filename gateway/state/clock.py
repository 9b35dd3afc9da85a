"""The wall clock and whether it can be trusted.

Expiry and schedules are judged by the wall clock, so a clock that is set back would let
yesterday's people in again.  `Clock` compares it with the newest time that the ledger
holds and with the monotonic clock, which nobody can set.  A step back by more than the
tolerance makes it untrusted until it is right again, or until an operator accepts the new
time.  A step forward is taken as a correction (NTP at boot) and only reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

STEP_S = 1.0  # what NTP slews is less; what it steps, or a person, is more


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock moved by `seconds` against the monotonic one (negative: back), or its trust
    changed.  `behind_s` is how far (seconds) it lies behind the newest time known while it is not
    trusted, else 0: at a start the clock may be days behind without having moved."""

    seconds: float
    trusted: bool
    behind_s: float = 0.0


class Clock:
    """`tolerance_s`: how far (seconds) the clock may lie behind the newest time known."""

    def __init__(
        self,
        newest: datetime | None,
        tolerance_s: float,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._tolerance = tolerance_s
        self._offset = wall() - monotonic()
        self._newest = max(newest.timestamp() if newest else 0.0, 0.0)
        self._step: ClockStep | None = None
        self.trusted = True
        self.check()

    def check(self) -> None:
        """Look at both clocks and judge `trusted` anew."""
        wall, monotonic = self._wall(), self._monotonic()
        moved = wall - monotonic - self._offset
        self._offset = wall - monotonic
        was = self.trusted
        self.trusted = wall >= self._newest - self._tolerance
        if self.trusted:
            self._newest = max(self._newest, wall)
        if abs(moved) >= STEP_S or was != self.trusted:
            before = self._step.seconds if self._step else 0.0
            self._step = ClockStep(
                seconds=round(before + moved, 3),
                trusted=self.trusted,
                behind_s=round(self.behind_s, 3),
            )

    def take_step(self) -> ClockStep | None:
        """A step since it was last asked for, whoever's check noticed it."""
        self.check()
        step, self._step = self._step, None
        return step

    @property
    def behind_s(self) -> float:
        """How far (seconds) the clock lies behind the newest time known; 0 while it is trusted."""
        return 0.0 if self.trusted else max(0.0, self._newest - self._wall())

    def now(self) -> datetime:
        """The wall time, UTC."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def latest(self) -> datetime:
        """The wall time, or the newest time known if that is later: a clock that was set back
        must not make anybody valid again."""
        return datetime.fromtimestamp(max(self._wall(), self._newest), UTC)

    def accept(self) -> timedelta:
        """An operator vouches for the present time; returns how far back it was."""
        wall = self._wall()
        back = timedelta(seconds=max(0.0, self._newest - wall))
        self._newest = wall
        self.trusted = True
        return back
