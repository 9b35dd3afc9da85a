"""Recall, precision, days to detection and false findings a week, over several sites.

Never the area under a curve: a security manager sees five findings a week, not a curve.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.patterns.trial import Outcome

Z95 = 1.96


@dataclass
class Score:
    """One method over all sites.  `by` is (found, planted) by kind or strength."""

    planted: int = 0
    found: int = 0
    shown: int = 0
    right: int = 0
    near: int = 0
    weeks: int = 0
    days: list[int] = field(default_factory=list)
    by: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    wrong_by: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else math.nan

    @property
    def precision(self) -> float:
        return self.right / self.shown if self.shown else math.nan

    @property
    def false_a_week(self) -> float:
        return (self.shown - self.right) / self.weeks if self.weeks else math.nan

    @property
    def median_days(self) -> float:
        ordered = sorted(self.days)
        return float(ordered[len(ordered) // 2]) if ordered else math.nan


def wilson(good: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score."""
    if not of:
        return 0.0, 1.0
    share, z2 = good / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def scored(outcomes: Iterable[Outcome]) -> dict[str, Score]:
    """The scores by method."""
    found: dict[str, Score] = {}
    for outcome in outcomes:
        for name, items in outcome.shown.items():
            score = found.setdefault(name, Score())
            score.weeks += outcome.setting.weeks
            score.planted += len(outcome.planted)
            score.shown += len(items)
            first: dict[str, int] = {}
            for item in items:
                if item["plant"] and not item["near"]:
                    score.right += 1
                    days = max(0, (item["day"] - item["first"]).days)
                    first[item["plant"]] = min(days, first.get(item["plant"], days))
                else:
                    score.near += bool(item["near"])
                    score.wrong_by[item["said_by"]] += 1
            score.found += len(first)
            score.days += first.values()
            for one in outcome.planted:
                for key in (one["kind"], one["strength"]):
                    score.by[key][0] += one["name"] in first
                    score.by[key][1] += 1
    return found
