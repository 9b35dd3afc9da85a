"""Counting at the doors: additions in memory, a microsecond each, in the event loop."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
MOST_DECISIONS = 160  # pairs of door and reason; what comes after is counted as `other`
OTHER = "other"
STAGES = ("decided", "asked", "durable", "released", "total")


class Histogram:
    """How many observations lie at or below each of BOUNDS_S, and beyond the last."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Tally:
    """What is counted while the gateway works."""

    def __init__(self) -> None:
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.stages = {stage: Histogram() for stage in STAGES}
        self.commits = Histogram()
        self.events: Counter[str] = Counter()

    def timed(self, stage: str, seconds: float) -> None:
        """A badge took `seconds` for `stage`, one of STAGES."""
        self.stages[stage].observe(seconds)

    def decided(self, door: str, data: Mapping[str, Any]) -> None:
        """A decision at `door` is on record, with `data`; one record may stand for several."""
        pair = (door, str(data.get("reason", OTHER)))
        if pair not in self.decisions and len(self.decisions) >= MOST_DECISIONS:
            pair = (door, OTHER)
        self.decisions[pair] += int(data.get("count", 1))
