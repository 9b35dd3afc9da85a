"""Which candidates of a week are shown: at most the site's budget, and none in a week without any.

A candidate's surprise is that of one look.  From it go the bits that so many looks a week bring by
chance, and what the detector's own strangest week usually brings at this site: a detector whose
model fits a site badly has high weeks all the time, and by that is held to a higher bar.  What
people explained raises the bar for the same subject and, a little, for its detector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.patterns.model import Candidate, Taught, subject_of

BAR = 6.0
"""Bits that a finding needs after all deductions: one week in 64 brings a detector so much by
chance."""
EARLY = 14.0
"""Bits with which a finding is shown on the same day; the others wait for the end of the week, and
the best of them are shown."""
MOST = 40.0
"""More bits than that say no more."""
AGAIN_DAYS = 28
AGAIN_BITS = 10.0
"""The same subject is shown again within `AGAIN_DAYS` only if it is that much stranger."""
EXPLAINED_BITS = 6.0
CROWD_BITS = 2.0
"""The third finding of one detector in a week, and each after it, needs that much more."""
_WEEKS = 5
_WIDEST = 4.0


@dataclass(frozen=True, slots=True)
class Usual:
    """The strangest week of a detector at this site: `centre` and `scale` of a Gumbel law."""

    centre: float = 0.0
    scale: float = 1.0

    def net(self, value: float) -> float:
        """`value` in bits of a detector whose model fits.  It never becomes more than it was."""
        return min(value, (value - self.centre) / self.scale + 0.53) if self.centre > 0 else value


def usual(maxima: Sequence[float]) -> Usual:
    """From the greatest value of each past week (0 where there was none).  Median and lower quarter
    alone count, so that weeks with incidents don't teach."""
    if len(maxima) < _WEEKS:
        return Usual()
    ordered = sorted(maxima)
    n = len(ordered)
    centre = ordered[(n - 1) // 2]
    quarter = ordered[n // 4]
    # A week of 0 had nothing above the bar: how far below, nobody knows.
    scale = max(1.0, centre - quarter) if quarter > 0 else 1.0
    return Usual(centre, min(_WIDEST, scale)) if centre > 0 else Usual()


def looks(tests_a_week: float) -> float:
    """Bits that so many looks a week bring by chance."""
    return math.log2(max(1.0, tests_a_week))


def merged(ranked: Iterable[tuple[float, Candidate]]) -> list[tuple[float, Candidate]]:
    """Candidates that show the same thing become one: the strangest, with the others' words as
    shares.  They are the same if they share a record, or a person or truck."""
    kept: list[tuple[float, Candidate]] = []
    for net, item in sorted(ranked, key=_order):
        for at, (best, known) in enumerate(kept):
            if _same(known, item):
                kept[at] = (best, _joined(known, item, net))
                break
        else:
            kept.append((net, item))
    return kept


def _order(ranked: tuple[float, Candidate]) -> tuple[float, str, str]:
    net, item = ranked
    return (-net, item.day.isoformat(), subject_of(item.detector, item.about))


def _same(one: Candidate, other: Candidate) -> bool:
    if set(one.records) & set(other.records):
        return True
    names = ("person", "freight", "driver", "operator", "visitor", "device")
    return any(name in one.about and one.about.get(name) == other.about.get(name) for name in names)


def _joined(one: Candidate, other: Candidate, net: float) -> Candidate:
    if other.detector == one.detector:
        records = (*one.records, *other.records)
        return Candidate(
            one.detector, one.day, one.raw, one.words, one.shares, one.about, records, one.physical
        )
    shares = (*one.shares, (other.words, round(max(0.0, net), 1)))
    return Candidate(
        one.detector,
        one.day,
        one.raw,
        one.words,
        shares,
        one.about,
        (*one.records, *other.records),
        one.physical,
    )


def lesson(item: Candidate, taught: Mapping[str, Taught]) -> float:
    """Bits that what people said of earlier findings takes off."""
    known = taught.get(item.detector)
    if known is None:
        return 0.0
    subject = known.subjects.get(subject_of(item.detector, item.about), 0)
    # The share of useful ones, from two that were useful and one that was not, to begin with.
    share = (known.useful + 2) / (known.useful + known.explained + 3)
    return subject * EXPLAINED_BITS + max(0.0, math.log2((2 / 3) / share))
