"""Everybody who is enrolled, in the memory of the face process: for other questions than "is this
the badge's holder".

Whose face is it (a lent badge; identification without a badge), and how near do strangers come
(this site's own error rate).  One array, searched whole: 100,000 templates in some milliseconds.
Filled by the daemon, which alone can open templates; forgotten with the process.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.face.engine import DIMENSIONS, Embedding

Templates = NDArray[np.float32]
"""Shape (n, 128)."""


@dataclass(frozen=True, slots=True)
class Near:
    """The person whose template lies nearest, at a Euclidean distance."""

    person: str
    distance: float


class Gallery:
    """Templates of all people; any thread may use it."""

    def __init__(self) -> None:
        self._held: dict[str, Templates] = {}
        self._lock = threading.Lock()
        self._rows: Templates = np.zeros((0, DIMENSIONS), np.float32)
        self._norms: NDArray[np.float32] = np.zeros(0, np.float32)
        self._owners: list[str] = []
        self._spans: dict[str, slice] = {}
        self._stale = False
        self._random = random.Random()  # noqa: S311 - a sample for statistics

    def __len__(self) -> int:
        """How many people are in it."""
        return len(self._held)

    def put(self, people: Mapping[str, Templates], *, replace: bool = False) -> None:
        """Take people's templates; an empty array removes a person, `replace` all others."""
        with self._lock:
            if replace:
                self._held.clear()
            for person, rows in people.items():
                if len(rows):
                    self._held[person] = rows
                else:
                    self._held.pop(person, None)
            self._stale = True

    def of(self, person: str) -> Templates:
        """The templates of one person, (0, 128) for none."""
        return self._held.get(person, np.zeros((0, DIMENSIONS), np.float32))

    def nearest(self, probe: Embedding, *, without: str = "") -> Near | None:
        """Who is nearest to one embedding, leaving out one person; None if nobody is there."""
        with self._lock:
            self._build()
            rows, norms, owners = self._rows, self._norms, self._owners
            span = self._spans.get(without)
        if not len(rows):
            return None
        squares = norms - 2.0 * (rows @ probe) + float(probe @ probe)
        if span is not None:
            squares[span] = np.inf
        index = int(squares.argmin())
        if not np.isfinite(squares[index]):
            return None
        return Near(owners[index], float(np.sqrt(max(0.0, float(squares[index])))))

    def others(self, count: int, *, without: str) -> list[Templates]:
        """The templates of up to `count` people drawn at random, never those of `without`."""
        with self._lock:
            names = [name for name in self._held if name != without] if count else []
            drawn = self._random.sample(names, min(count, len(names)))
            return [self._held[name] for name in drawn]

    def _build(self) -> None:
        if not self._stale:
            return
        self._stale = False
        self._owners, self._spans = [], {}
        for name, rows in self._held.items():
            self._spans[name] = slice(len(self._owners), len(self._owners) + len(rows))
            self._owners += [name] * len(rows)
        self._rows = (
            np.concatenate(list(self._held.values()))
            if self._held
            else np.zeros((0, DIMENSIONS), np.float32)
        )
        self._norms = np.einsum("ij,ij->i", self._rows, self._rows)
