"""Error rates of a biometric comparison, with their confidence bounds.

Counts and scores in, rates and bounds out.  Names as in ISO/IEC 19795-1: a false match (FMR) and
a false non-match (FNMR) are errors of comparing; FAR and FRR are those of a whole attempt, so
they also count the attempts in which no face was acquired (FTA).  Scores are distances: at or
below the threshold is a match.  No pictures, no files, nothing random but what a seed decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
BOOTSTRAPS = 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` in `trials`, and the bounds of the true rate at 95 % confidence.

    `errors` may be a mean over several random splits and so not whole; `trials` are those of one
    split, because splitting the same pictures again makes no new evidence.
    """

    errors: float
    trials: float

    @property
    def value(self) -> float:
        return self.errors / self.trials if self.trials else math.nan

    @property
    def bounds(self) -> tuple[float, float]:
        return clopper_pearson(self.errors, self.trials)

    def as_dict(self) -> dict[str, float | None]:
        low, high = self.bounds
        value = None if math.isnan(self.value) else self.value
        return {
            "errors": round(self.errors, 3),
            "trials": round(self.trials, 3),
            "rate": value,
            "low": low,
            "high": high,
        }


def clopper_pearson(
    errors: float, trials: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The exact interval of a rate (Clopper and Pearson, 1934), two-sided.

    With no error at all there is only an upper side, and the whole of 1 - confidence goes there:
    1 - 0.05 ** (1 / n), about 3 / n, which is the rule of three.  No trials: (0, 1).
    Raises ValueError for counts that can't be.
    """
    if not 0 <= errors <= trials:
        raise ValueError(f"{errors} errors in {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    tail = 1 - confidence
    if errors == 0:
        return 0.0, 1 - tail ** (1 / trials)
    if errors == trials:
        return float(tail ** (1 / trials)), 1.0
    low = _beta_quantile(tail / 2, errors, trials - errors + 1)
    high = _beta_quantile(1 - tail / 2, errors + 1, trials - errors)
    return low, high


def smallest_shown(trials: float, confidence: float = CONFIDENCE) -> float:
    """The smallest rate that this many independent trials without an error can show."""
    return clopper_pearson(0, trials, confidence)[1]


@dataclass(frozen=True, slots=True)
class Trials:
    """The scores of all comparisons, and whose they were.

    `genuine` (n,) with `genuine_person` (n,); `impostor` (m,) with `probe_person` and
    `holder_person` (m,).  Persons are numbers from 0 to `people` - 1; `splits` says how many
    times the same pictures were divided anew; `attempts` and `not_acquired` count the taps of
    all splits, with and without a face.  Genuine taps without a face are not in `genuine`.
    """

    people: int
    genuine: Floats
    genuine_person: NDArray[np.int64]
    impostor: Floats
    probe_person: NDArray[np.int64]
    holder_person: NDArray[np.int64]
    attempts: int
    not_acquired: int
    splits: int = 1

    def fmr(self, threshold: float) -> Rate:
        """False matches: comparisons of another person that are at or below `threshold`."""
        wrong = float(np.count_nonzero(self.impostor <= threshold))
        return Rate(wrong / self.splits, len(self.impostor) / self.splits)

    def fnmr(self, threshold: float) -> Rate:
        """False non-matches: comparisons of the same person that are above `threshold`."""
        wrong = float(np.count_nonzero(self.genuine > threshold))
        return Rate(wrong / self.splits, len(self.genuine) / self.splits)

    @property
    def fta(self) -> Rate:
        """Failure to acquire: taps in which no picture gave a face."""
        return Rate(self.not_acquired / self.splits, self.attempts / self.splits)

    def far(self, threshold: float) -> Rate:
        """False accepts in attempts: a tap without a face is refused, so it is a trial too."""
        matched = self.fmr(threshold)
        seen = 1 - (self.fta.value if self.attempts else 0.0)
        return Rate(matched.errors, matched.trials / seen if seen else 0.0)

    def frr(self, threshold: float) -> Rate:
        """False rejects in attempts: not matched, or no face at all."""
        missed = self.fnmr(threshold)
        lost = self.not_acquired / self.splits
        return Rate(missed.errors + lost, missed.trials + lost)

    def eer(self) -> tuple[float, float]:
        """(rate, threshold) where FMR and FNMR are nearest to equal; the rate is their mean."""
        points = np.unique(np.concatenate([self.genuine, self.impostor]))
        if not len(self.genuine) or not len(self.impostor):
            return math.nan, math.nan
        false_match, false_non_match = self.curve(points)
        at = int(np.argmin(np.abs(false_match - false_non_match)))
        return float(false_match[at] + false_non_match[at]) / 2, float(points[at])

    def curve(self, thresholds: Floats) -> tuple[Floats, Floats]:
        """(FMR, FNMR) at each of `thresholds`."""
        genuine, impostor = np.sort(self.genuine), np.sort(self.impostor)
        below = np.searchsorted(impostor, thresholds, side="right") / max(1, len(impostor))
        above = 1 - np.searchsorted(genuine, thresholds, side="right") / max(1, len(genuine))
        return below, above

    def threshold_for(self, wanted: float, *, proven: bool) -> float | None:
        """The largest threshold (three decimals) whose FMR is at most `wanted`.

        `proven` asks it of the rate's upper bound instead: None if there are too few comparisons
        to show so low a rate at any threshold.
        """
        if not len(self.impostor):
            return None
        for step in range(1000, -1, -1):
            rate = self.fmr(step / 1000)
            if (rate.bounds[1] if proven else rate.value) <= wanted:
                return step / 1000
        return None

    def by_person(self, threshold: float, seed: int = 0) -> PersonBounds | None:
        """Bounds from resampling whole people, or None for fewer than two people.

        Attempts of one person are not independent, so the exact bounds, which assume that they
        are, are too narrow.  A sample of one person, drawn again and again, is always the same.
        """
        if self.people < 2:
            return None
        lost = np.zeros((self.people, self.people))
        tried = np.zeros((self.people, self.people))
        where = (self.probe_person, self.holder_person)
        np.add.at(lost, where, self.impostor <= threshold)
        np.add.at(tried, where, 1)
        missed = np.bincount(
            self.genuine_person, weights=self.genuine > threshold, minlength=self.people
        )
        asked = np.bincount(self.genuine_person, minlength=self.people).astype(float)
        random = np.random.default_rng(seed)
        draws = random.integers(0, self.people, (BOOTSTRAPS, self.people))
        weights = np.stack([np.bincount(row, minlength=self.people) for row in draws]).astype(float)
        pairs = np.einsum("bi,ij,bj->b", weights, tried, weights, optimize=True)
        wrong = np.einsum("bi,ij,bj->b", weights, lost, weights, optimize=True)
        involved = (lost.sum(0) + lost.sum(1)) > 0
        return PersonBounds(
            far=_interval(wrong, pairs),
            frr=_interval(weights @ missed, weights @ asked),
            people=self.people,
            mistaken=int(involved.sum()),
            refused=int((missed > 0).sum()),
            asked=int((asked > 0).sum()),
        )


@dataclass(frozen=True, slots=True)
class PersonBounds:
    """Bounds at 95 % from a bootstrap over people (percentiles; both sides of a pair resampled).

    A bootstrap of no errors is no errors, whatever the truth, so the counts stand beside it:
    `mistaken` of `people` took part in a false match, `refused` of `asked` were refused once or
    more often.
    """

    far: tuple[float, float]
    frr: tuple[float, float]
    people: int
    mistaken: int
    refused: int
    asked: int

    def as_dict(self) -> dict[str, object]:
        return {
            "fmr": self.far,
            "fnmr": self.frr,
            "people": self.people,
            "people_in_a_false_match": Rate(self.mistaken, self.people).as_dict(),
            "people_refused": Rate(self.refused, self.asked).as_dict(),
        }


def _interval(errors: Floats, trials: Floats) -> tuple[float, float]:
    rates = errors[trials > 0] / trials[trials > 0]
    if not len(rates):
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(rates, (tail, 1 - tail))
    return float(low), float(high)


def _beta_quantile(share: float, a: float, b: float) -> float:
    """The quantile of a beta distribution, by bisection: accurate to 1e-12, no SciPy needed."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _beta(a, b, middle) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) (DLMF 8.17.22, evaluated by Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1 / max(tiny, 1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 + term * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + term / c
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * value / a
