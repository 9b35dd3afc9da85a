"""The wall clock: whether it may be believed, and whether it is beyond doubt.

Expiry and schedules are judged by the wall clock.  A clock that is set back would let yesterday's
people in again; a clock that leaps forward would end every retention.  So there are two questions.

`trusted`: the clock does not lie behind the newest time known, by more than the tolerance.  That
time is the greatest on record since the clock was last accepted, restarts included.  If not, nobody
passes.

`sure_time()`: the clock is trusted, and has not leapt ahead of the greatest time that was beyond
doubt plus what the monotonic clock, which nobody can set, has counted since.  What can't be undone
waits for that: a face, a key or a picture that is destroyed, a passback that is forgiven.

A clock in doubt is taken for right when something speaks for it (`word`): the kernel says that it
is synchronised, or the gateway has run for a day since the leap, or an operator says so.  Neither
of the first two takes the clock back behind a time that was beyond doubt: only an operator does.
Somebody who forges a time server's answers can't make anybody valid again by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

STEP_S = 1.0  # what NTP slews is less; what it steps, or a person, is more
LEAP_S = 3600.0  # further ahead than this, what can't be undone waits
DAY_S = 86_400.0


class Word(StrEnum):
    """What speaks for a clock in doubt."""

    KERNEL = "kernel"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock moved by `seconds` against the monotonic one (negative: back), or whether it
    is trusted or beyond doubt changed.  `behind_s` is how far (seconds) it lies behind the newest
    time known while it is not trusted, else 0: at a start the clock may be days behind without
    having moved.  `ahead_s` is how far it has leapt ahead while it is in doubt for that, else 0."""

    seconds: float
    trusted: bool
    behind_s: float = 0.0
    ahead_s: float = 0.0


class Clock:
    """`newest` is the greatest time on record, `sure` the greatest that was beyond doubt (None: no
    time ever was); `tolerance_s`: how far (seconds) the clock may lie behind the newest time known;
    `synchronised` asks the kernel."""

    def __init__(
        self,
        newest: datetime | None,
        tolerance_s: float,
        *,
        sure: datetime | None = None,
        synchronised: Callable[[], bool] = lambda: False,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._synchronised = synchronised
        self._tolerance = tolerance_s
        self._offset = wall() - monotonic()
        self._newest = max(newest.timestamp() if newest else 0.0, 0.0)
        self._sure = sure.timestamp() if sure else 0.0
        # The offset of a clock beyond doubt; at a start, as if no time had passed since.
        self._line = self._sure - monotonic()
        self._doubted_at: float | None = None  # monotonic
        self._step: ClockStep | None = None
        self.trusted = True
        self.check()

    def check(self) -> None:
        """Look at both clocks and judge anew."""
        wall, monotonic = self._wall(), self._monotonic()
        moved = wall - monotonic - self._offset
        self._offset = wall - monotonic
        was = (self.trusted, self._doubted_at is None)
        self.trusted = wall >= self._newest - self._tolerance
        if self.trusted:
            self._newest = max(self._newest, wall)
        if self._is_sure(wall, monotonic):
            self._sure, self._doubted_at = max(self._sure, wall), None
        elif self._doubted_at is None or moved > LEAP_S:
            self._doubted_at = monotonic
        changed = was != (self.trusted, self._doubted_at is None) and self._sure > 0
        if abs(moved) >= STEP_S or was[0] != self.trusted or changed:
            before = self._step.seconds if self._step else 0.0
            self._step = ClockStep(
                seconds=round(before + moved, 3),
                trusted=self.trusted,
                behind_s=round(self.behind_s, 3),
                ahead_s=round(self.ahead_s, 3),
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

    @property
    def ahead_s(self) -> float:
        """How far (seconds) the clock has leapt ahead of what was beyond doubt; 0 if it has not,
        or if no time ever was beyond doubt."""
        ahead = self._wall() - self._monotonic() - self._line
        return ahead if ahead > LEAP_S and self._sure else 0.0

    @property
    def sure(self) -> bool:
        """Whether the clock is beyond doubt; any thread may ask."""
        return self.sure_time() is not None

    def sure_time(self) -> datetime | None:
        """The wall time (UTC) if the clock is beyond doubt, else None: then nothing is done that
        can't be undone.  The time is the very one that was judged."""
        wall, monotonic = self._wall(), self._monotonic()
        return datetime.fromtimestamp(wall, UTC) if self._is_sure(wall, monotonic) else None

    def _is_sure(self, wall: float, monotonic: float) -> bool:
        leapt = wall - monotonic - self._line > LEAP_S
        return wall >= self._newest - self._tolerance and not leapt

    def now(self) -> datetime:
        """The wall time, UTC."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def latest(self) -> datetime:
        """The wall time, or the newest time known if that is later: a clock that was set back
        must not make anybody valid again."""
        return datetime.fromtimestamp(max(self._wall(), self._newest), UTC)

    def earliest(self) -> datetime:
        """The wall time, or if the clock leapt ahead the time that it would show without that: a
        clock that leapt must not end what lasts for minutes."""
        wall, line = self._wall(), self._monotonic() + self._line
        return datetime.fromtimestamp(min(wall, line) if self.ahead_s else wall, UTC)

    def word(self) -> Word | None:
        """What speaks for the clock while it is in doubt: the caller records it, then calls
        `accept`.  None if nothing does, or if the clock is not in doubt."""
        self.check()
        wall = self._wall()
        if self._doubted_at is None or wall < self._sure - self._tolerance:
            return None
        if self._synchronised():
            return Word.KERNEL
        if self.trusted and self._monotonic() - self._doubted_at >= DAY_S:
            return Word.DAY
        return None

    def accept(self) -> None:
        """Take the present time for right, beyond doubt."""
        wall = self._wall()
        self._newest = self._sure = wall
        self._line = wall - self._monotonic()
        self.trusted, self._doubted_at = True, None

    @property
    def back_s(self) -> float:
        """How far (seconds) the clock lies behind the newest time known, trusted or not."""
        return max(0.0, self._newest - self._wall())
