"""Surprise in bits: how rare a count, a share or a time is, given what was counted before.

Counts follow a Poisson law whose rate is itself uncertain (a gamma law, so the count is negative
binomial); shares follow a binomial law with a beta prior; times follow Student's t on their
logarithm.  What one person or door has shown is shrunk towards its group: `shrunk`.
All functions are pure; all results are bits, 0 or more, at most `MOST`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MOST = 60.0


def bits(p: float) -> float:
    """-log2 of a probability."""
    return MOST if p <= 2.0**-MOST else max(0.0, -math.log2(p))


def shrunk(own: float, over: float, group: float, weight: float) -> float:
    """The rate `own`/`over` shrunk towards the rate `group`, which counts like `weight` units of
    `over`."""
    return (own + weight * group) / (over + weight)


def count_bits(n: int, mean: float, shape: float = 2.0) -> float:
    """Bits of a count of `n` or more, where `mean` was expected; `shape` (over 0) says how sure the
    mean is: the variance is mean + mean^2 / shape."""
    if n <= 0:
        return 0.0
    mean = max(mean, 1e-9)
    p = shape / (shape + mean)
    log_p, log_q = math.log(p), math.log1p(-p) if p < 1 else -MOST
    log_q = math.log(mean / (shape + mean))
    total = 0.0
    first = math.lgamma(n + shape) - math.lgamma(shape) - math.lgamma(n + 1)
    term = first + shape * log_p + n * log_q
    top, k = term, n
    while k < n + 2000:
        total += math.exp(term - top)
        term += log_q + math.log((k + shape) / (k + 1))
        k += 1
        if term - top < -25:
            break
    log2 = (top + math.log(total)) / math.log(2)
    return min(MOST, max(0.0, -log2))


def share_bits(hits: int, of: int, rate: float, weight: float = 20.0) -> float:
    """Bits of `hits` or more out of `of`, where the share `rate` was expected, known as well as
    from `weight` cases (beta-binomial)."""
    if hits <= 0 or of <= 0:
        return 0.0
    hits = min(hits, of)
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    a, b = rate * weight, (1 - rate) * weight
    base = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.lgamma(a + b + of)
    logs = [
        math.lgamma(of + 1)
        - math.lgamma(k + 1)
        - math.lgamma(of - k + 1)
        + math.lgamma(k + a)
        + math.lgamma(of - k + b)
        + base
        for k in range(hits, min(of, hits + 400) + 1)
    ]
    top = max(logs)
    total = top + math.log(sum(math.exp(item - top) for item in logs))
    return min(MOST, max(0.0, -total / math.log(2)))


def high_bits(value: float, centre: float, scale: float, heavy: float = 5.0) -> float:
    """Bits of a value as far above `centre` or farther, on Student's t with `heavy` degrees of
    freedom and that `scale`."""
    z = (value - centre) / max(scale, 1e-9)
    if z <= 0:
        return 0.0
    return bits(_t_tail(z, heavy))


def low_bits(value: float, centre: float, scale: float, heavy: float = 5.0) -> float:
    """The same below."""
    return high_bits(-value, -centre, scale, heavy)


def rank_bits(value: float, past: Sequence[float]) -> float:
    """Bits of a value by its rank: how many of `past` were as high."""
    as_high = sum(1 for item in past if item >= value)
    return bits((as_high + 1) / (len(past) + 2))


def middle(values: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        return 0.0
    return ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2


def spread(values: Sequence[float], least: float) -> float:
    """A scale that a few outliers don't move: 1.48 times the median distance from the median, at
    least `least`."""
    centre = middle(values)
    return max(least, 1.4826 * middle([abs(value - centre) for value in values]))


def _t_tail(z: float, heavy: float) -> float:
    """P(T >= z) of Student's t, by the incomplete beta function as a continued fraction."""
    x = heavy / (heavy + z * z)
    return 0.5 * _incomplete_beta(heavy / 2, 0.5, x)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, 1 - x)
    # Lentz's method; Numerical Recipes, 6.4.
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 200):
        top = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _away(1 + top * d)
        c = _away(1 + top / c)
        h *= d * c
        top = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _away(1 + top * d)
        c = _away(1 + top / c)
        step = d * c
        h *= step
        if abs(step - 1) < 1e-10:
            break
    return front * h / a


def _away(value: float) -> float:
    return value if abs(value) > 1e-30 else 1e-30
