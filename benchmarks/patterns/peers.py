"""The peers: random, fixed rules, isolation forest, ECOD and the plain sum of bits.

Each one ranks the rows of a week and shows as many as the budget, each entity once.  Forest and
ECOD are fitted to the rows of the eight weeks before; a kind of entity with few rows is left out.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.patterns.features import NAMES, Row
from benchmarks.patterns.shown import Shown

Scores = NDArray[np.float64]
HISTORY_WEEKS = 8
FEW = 60
MOST = 6000


class Peer(ABC):
    """Ranks the rows of a week."""

    name = ""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"peer/{seed}")

    @abstractmethod
    def ranked(self, rows: Sequence[Row], before: Sequence[Row]) -> list[tuple[float, Row]]:
        """Scores of `rows`, the highest is shown first."""


def shown(peer: Peer, rows: Sequence[Row], before: Sequence[Row], budget: int) -> list[Shown]:
    """What a peer shows of a week."""
    found: list[Shown] = []
    seen: set[tuple[str, str]] = set()
    for score, row in sorted(peer.ranked(rows, before), key=lambda item: -item[0]):
        if len(found) >= budget or score <= 0:
            break
        if (row.kind, row.name) in seen or not row.records:
            continue
        seen.add((row.kind, row.name))
        about = {row.kind: row.name}
        found.append(Shown(row.day, about, tuple(row.records[-40:]), peer.name))
    return found


class Chance(Peer):
    """Any row."""

    name = "random"

    def ranked(self, rows: Sequence[Row], before: Sequence[Row]) -> list[tuple[float, Row]]:
        return [(self.rng.random(), row) for row in rows]


class Rules(Peer):
    """What a site writes down as rules: how grave it is, and from how much on."""

    name = "fixed rules"

    def ranked(self, rows: Sequence[Row], before: Sequence[Row]) -> list[tuple[float, Row]]:
        found = []
        for row in rows:
            grave = [
                weight * min(3.0, value / bar)
                for name, weight, bar in _RULES[row.kind]
                if (value := row.values.get(name, 0.0)) >= bar
            ]
            if grave:
                found.append((max(grave) + self.rng.random() * 0.01, row))
        return found


_RULES: dict[str, tuple[tuple[str, float, float], ...]] = {
    "person": (
        ("denied", 4, 3),
        ("hour_off", 3, 7),
        ("no_entry", 3, 3),
        ("face", 6, 1),
        ("fast", 5, 6),
    ),
    "door": (("forced", 5, 2), ("held", 3, 2), ("denied", 2, 15)),
    "carrier": (
        ("mismatch", 5, 2),
        ("early", 4, 120),
        ("dwell", 3, 240),
        ("turned", 4, 1),
        ("drivers", 6, 1),
    ),
    "guard": (("haste", 5, 3.5), ("voided", 4, 2), ("viewed", 4, 10), ("released", 3, 3)),
    "device": (("offline", 2, 2),),
    "visitor": (("overdue", 2, 1),),
}


class _Fitted(Peer):
    """Fits a model to each kind of entity; scores are scaled by those of the weeks before."""

    def ranked(self, rows: Sequence[Row], before: Sequence[Row]) -> list[tuple[float, Row]]:
        found: list[tuple[float, Row]] = []
        for kind in NAMES:
            now = [row for row in rows if row.kind == kind]
            past = [row for row in before if row.kind == kind]
            if len(past) < FEW or not now:
                continue
            if len(past) > MOST:
                past = self.rng.sample(past, MOST)
            train = np.array([row.vector for row in past])
            test = np.array([row.vector for row in now])
            old, new = self.scores(train, test)
            spread = float(np.quantile(old, 0.99) - np.median(old)) or 1.0
            scaled = (new - np.median(old)) / spread
            found += [(float(score), row) for score, row in zip(scaled, now, strict=True)]
        return found

    @abstractmethod
    def scores(self, train: Scores, test: Scores) -> tuple[Scores, Scores]:
        """Scores of both, higher is stranger."""


class Forest(_Fitted):
    """scikit-learn's isolation forest."""

    name = "isolation forest"

    def scores(self, train: Scores, test: Scores) -> tuple[Scores, Scores]:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - two seconds

        model = IsolationForest(n_estimators=100, random_state=self.rng.randrange(2**31))
        model.fit(train)
        return -model.score_samples(train), -model.score_samples(test)


class Ecod(_Fitted):
    """pyod's ECOD."""

    name = "ECOD"

    def scores(self, train: Scores, test: Scores) -> tuple[Scores, Scores]:
        from pyod.models.ecod import ECOD  # noqa: PLC0415 - likewise

        model = ECOD()
        model.fit(train)
        return np.asarray(model.decision_scores_), np.asarray(model.decision_function(test))


class Bits(_Fitted):
    """The plain sum of bits: for each count, how rare so much of it was, all added."""

    name = "sum of bits"

    def ranked(self, rows: Sequence[Row], before: Sequence[Row]) -> list[tuple[float, Row]]:
        found: list[tuple[float, Row]] = []
        for kind in NAMES:
            now = [row for row in rows if row.kind == kind]
            past = [row.vector for row in before if row.kind == kind]
            if len(past) < FEW or not now:
                continue
            _, bits = self.scores(np.array(past), np.array([row.vector for row in now]))
            found += [(float(score), row) for score, row in zip(bits, now, strict=True)]
        return found

    def scores(self, train: Scores, test: Scores) -> tuple[Scores, Scores]:
        total = np.zeros(len(test))
        for column in range(train.shape[1]):
            ordered = np.sort(train[:, column])
            above = len(ordered) - np.searchsorted(ordered, test[:, column], side="left")
            total += -np.log2((above + 0.5) / (len(ordered) + 1))
        return total, total


ALL: tuple[Callable[[int], Peer], ...] = (Chance, Rules, Forest, Ecod, Bits)


class Weeks:
    """Keeps the rows of the last weeks for the peers."""

    def __init__(self) -> None:
        self._weeks: deque[list[Row]] = deque(maxlen=HISTORY_WEEKS)
        self._now: list[Row] = []

    def add(self, rows: Sequence[Row]) -> None:
        """The rows of one day."""
        self._now += rows

    def end(self) -> tuple[list[Row], list[Row]]:
        """The rows of the week that ends now, and those of the weeks before it."""
        now, before = self._now, [row for week in self._weeks for row in week]
        self._weeks.append(now)
        self._now = []
        return now, before
