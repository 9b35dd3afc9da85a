"""Growing pauses between tries: one rule for everything that is tried again for ever."""

from __future__ import annotations

import random


class Backoff:
    """The pause doubles from `first_s` to `longest_s` (seconds).

    A try that lasted longer than `steady_s` counts as a success, so the next pause is the first
    again.  `spread` 0.2 makes each pause up to a fifth shorter or longer, so that many gateways
    do not come back in the same moment.
    """

    def __init__(
        self, first_s: float, longest_s: float, *, steady_s: float = 60.0, spread: float = 0.0
    ) -> None:
        self._first_s = self._next_s = first_s
        self._longest_s = longest_s
        self._steady_s = steady_s
        self._spread = spread

    def reset(self) -> None:
        """It works: the next pause is the first again."""
        self._next_s = self._first_s

    def pause_s(self, lasted_s: float = 0.0) -> float:
        """How long (seconds) to wait before the next try; `lasted_s` is how long the last took."""
        if lasted_s > self._steady_s:
            self.reset()
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        if self._spread:
            pause *= random.uniform(1 - self._spread, 1 + self._spread)  # noqa: S311 - no secret
        return pause
