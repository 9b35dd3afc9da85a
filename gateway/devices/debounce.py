"""One input whose contact bounces, chatters, or is played with.

It gets what the input reports, and says what to believe.  It believes "away from normal" (a door
open, a request to exit, fire) at once, so that it misses no opening.  It believes "back to normal"
when the input has reported that for `debounce_s` without a break, so the last state is always the
true one.

An input that goes away again and again (STORM times within GATHER_S) counts as away until it has
been at rest for GATHER_S.  Meanwhile the changes are counted, and the count is reported at once and
then at most every GATHER_S.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

STORM = 10
GATHER_S = 10.0


class Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


def _later(seconds: float, act: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, act)


class Debounce:
    """`told(away)` gets what to believe; `chatters(count)` gets how often the input went away
    during a storm.  `debounce_s` is in seconds."""

    def __init__(
        self,
        debounce_s: float,
        told: Callable[[bool], None],
        chatters: Callable[[int], None],
        *,
        later: Later = _later,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._debounce_s = debounce_s
        self._told = told
        self._chatters = chatters
        self._later = later
        self._clock = clock
        self._believed: bool | None = None
        self._said: bool | None = None
        self._timer: Timer | None = None
        self._went: deque[float] = deque(maxlen=STORM)  # when it was believed to go away
        self._storm = False
        self._count = 0
        self._gather_until = 0.0

    def take(self, away: bool) -> None:
        """Take what the input reports.  Boards report the same state again and again."""
        before, self._said = self._said, away
        if away:
            self._cancel()
            if before is not True:
                self._goes_away()
            self._believe(True)
        elif not self._believed:
            self._believe(False)
        elif self._timer is None:
            wait = GATHER_S if self._storm else self._debounce_s
            if wait:
                self._timer = self._later(wait, self._rested)
            else:
                self._believe(False)

    def lost(self) -> None:
        """The device went offline: nobody knows whether the input stayed at rest."""
        self._cancel()
        self._said = None

    def _goes_away(self) -> None:
        now = self._clock()
        if self._storm:
            self._count += 1
            if now >= self._gather_until:
                self._tell_count(now)
        elif not self._believed:
            self._went.append(now)
            if len(self._went) == STORM and now - self._went[0] <= GATHER_S:
                self._storm, self._count = True, 1
                self._tell_count(now)

    def _tell_count(self, now: float) -> None:
        count, self._count = self._count, 0
        self._gather_until = now + GATHER_S
        if count:
            self._chatters(count)

    def _rested(self) -> None:
        self._timer = None
        if self._storm:
            self._storm = False
            self._went.clear()
            self._tell_count(self._clock())
        self._believe(False)

    def _believe(self, away: bool) -> None:
        self._believed = away
        self._told(away)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
