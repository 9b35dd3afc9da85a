"""Everybody who is enrolled, in the memory of the face process.

Answers whose face it is (a lent badge; a door without badges) and how near strangers come (this
site's own error rate).  Keeps one row for each person, the mean direction of their templates, so
that the distance of two rows is the score of gateway/face/vision/score.py.  Searching 100,000
rows takes some milliseconds.  The daemon fills it, because only the daemon can open templates;
nothing is left when the process ends.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.score import LENGTH, direction

Rows = NDArray[np.float32]
"""Shape (n, d), as many numbers as the embedder makes of a face: 128 of dlib's."""


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest person, and the score."""

    person: str
    distance: float


class Gallery:
    """The rows of all people.  Any thread may use it."""

    def __init__(self) -> None:
        self._held: dict[str, Rows] = {}
        self._lock = threading.Lock()
        self._rows: Rows = np.zeros((0, 1), np.float32)
        self._people: list[str] = []
        self._places: dict[str, int] = {}
        self._stale = False
        self._random = random.Random()  # noqa: S311 - a sample for statistics

    def __len__(self) -> int:
        """How many people are in it."""
        return len(self._held)

    def __contains__(self, person: object) -> bool:
        return person in self._held

    def put(self, people: Mapping[str, Rows], *, replace: bool = False) -> None:
        """Store people's templates, (n, d) each.  Zero rows remove a person; `replace` removes
        everybody who is not in `people`."""
        with self._lock:
            if replace:
                self._held.clear()
            for person, templates in people.items():
                row = direction(templates).astype(np.float32) if len(templates) else None
                if row is not None and np.isfinite(row).all():
                    self._held[person] = row
                else:
                    self._held.pop(person, None)
            self._stale = True

    def nearest(self, probes: Rows, *, without: str = "") -> Near | None:
        """The person nearest to the samples of one tap, (k, d), except `without`.  None if the
        gallery has nobody else."""
        rows, people, places = self._built()
        squares = self._squares(rows, probes)
        if squares is None:
            return None
        if without in places:
            squares[places[without]] = np.inf
        index = int(squares.argmin())
        if not np.isfinite(squares[index]):
            return None
        return Near(people[index], float(np.sqrt(max(0.0, float(squares[index])))))

    def others(self, probes: Rows, count: int, *, without: str) -> list[float]:
        """The scores of up to `count` people drawn at random, except `without`."""
        rows, people, places = self._built()
        limit = len(people) - (without in places)
        if not limit or not count:
            return []
        drawn = self._random.sample(range(len(people)), min(len(people), min(count, limit) + 1))
        kept = [index for index in drawn if index != places.get(without)][: min(count, limit)]
        squares = self._squares(rows[kept], probes)
        return [] if squares is None else [float(np.sqrt(max(0.0, s))) for s in squares.tolist()]

    def _built(self) -> tuple[Rows, list[str], dict[str, int]]:
        with self._lock:
            if self._stale:
                self._stale = False
                self._people = list(self._held)
                self._places = {person: index for index, person in enumerate(self._people)}
                held = list(self._held.values())
                self._rows = np.stack(held) if held else np.zeros((0, 1), np.float32)
            return self._rows, self._people, self._places

    @staticmethod
    def _squares(rows: Rows, probes: Rows) -> Rows | None:
        """The squared score of each row, or None if there is nothing to compare."""
        if not len(rows) or not len(probes):
            return None
        probe = direction(probes).astype(np.float32)
        if not np.isfinite(probe).all():
            return None
        # All have length 1: |a - b|^2 = 2 - 2 ab.
        squares: Rows = LENGTH**2 * (2.0 - 2.0 * (rows @ probe))
        return squares
