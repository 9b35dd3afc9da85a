"""Does a feed repeat itself?  A recorded clip that is played in a loop.

The noise of a live sensor never comes twice.  So each frame leaves the means of some hundred
8 x 8 blocks, which carry noise and survive another JPEG encoding.  Two frames of a live feed
differ at least by that noise, however alike the scene; a frame and its copy differ by less.
The yardstick is the difference between neighbouring frames, from the feed itself: a lamp that
blinks, a fan or an empty room only add to differences, so they can't be taken for a loop.

Bounded: at most MEMORY frames.  It never fires on a feed without measurable noise, since there
a repeat can't be told from an empty room.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

STRIPS = 8  # rows of blocks that are looked at
SEARCH = 128  # of a frame's blocks, those that the search goes by
RATE = 15.5  # frames a second that are remembered at most
LONGEST_S = 130.0
MEMORY = 2048  # frames; LONGEST_S at RATE
SHORTEST_S = 0.6  # a loop shorter than this is for `frozen` or nobody
COPY = 0.7  # a copy differs by less than this share of what neighbours differ by
LEAST_NOISE = 0.04  # grey levels; below this a feed can't be judged
HITS, SPAN_S = 6, 2.0  # so many matches in a row, over so long, at one distance or multiples of it
APART_S = 0.12  # how far the distance may be from the last one, or a multiple of it


class RepeatFinder:
    """`note()` every frame, `search()` now and then; `period_s` is the loop's length, or 0."""

    def __init__(self) -> None:
        self.period_s = 0.0
        self._blocks = np.zeros((MEMORY, 0), np.float32)
        self._keys = np.zeros((MEMORY, 0), np.float32)
        self._lengths = np.zeros(MEMORY, np.float32)
        self._at = np.full(MEMORY, -np.inf)
        self._count = 0
        self._origin = np.zeros(0, np.float32)
        self._chosen = np.zeros(0, np.int_)
        self._steps: deque[float] = deque(maxlen=45)
        self._hits = 0
        self._misses = 0
        self._since = 0.0
        self._distance = 0.0

    def note(self, image: NDArray[np.uint8], now: float) -> None:
        """Remember a frame, BGR (h, w, 3); `now` in monotonic seconds."""
        last = (self._count - 1) % MEMORY
        if self._count and now - self._at[last] < 1 / RATE:
            return
        blocks = fingerprint(image)
        if not self._count or len(blocks) != self._blocks.shape[1]:
            self._begin(blocks)
        else:
            step = float(np.median(np.abs(blocks - self._blocks[last])))
            if step == 0.0:
                return  # the same frame again, no new one
            self._steps.append(step)
        slot = self._count % MEMORY
        key = (blocks - self._origin)[self._chosen]
        self._blocks[slot], self._keys[slot] = blocks, key
        self._lengths[slot], self._at[slot] = key @ key, now
        self._count += 1

    def search(self, now: float) -> None:
        """Look for an older copy of the newest frame."""
        if len(self._steps) < 15:
            return
        noise = min(self._steps)
        slot = (self._count - 1) % MEMORY
        used = min(self._count, MEMORY)
        age = self._at[slot] - self._at[:used]
        apart = self._lengths[:used] - 2 * (self._keys[:used] @ self._keys[slot])
        apart[(age < SHORTEST_S) | (age > LONGEST_S)] = np.inf
        best = float(apart.min())
        if noise < LEAST_NOISE or not np.isfinite(best):
            return
        # Of equally good ones the newest: a short loop has many.
        near = np.flatnonzero(apart + self._lengths[slot] <= 2 * max(best + self._lengths[slot], 0))
        found = int(near[np.argmin(age[near])]) if len(near) else int(apart.argmin())
        difference = float(np.median(np.abs(self._blocks[found] - self._blocks[slot])))
        if difference >= COPY * noise:
            self._misses += 1
            if self._misses > HITS:
                self._hits, self.period_s = 0, 0.0
            return
        distance = float(age[found])
        if not self._hits or not _one_loop(distance, self._distance):
            self._hits, self._since, self._distance = 0, now, distance
        self._misses = 0
        self._hits += 1
        self._distance = min(self._distance, distance)
        if self._hits >= HITS and now - self._since >= SPAN_S:
            self.period_s = self._distance

    def _begin(self, blocks: NDArray[np.float32]) -> None:
        count = len(blocks)
        self._blocks = np.zeros((MEMORY, count), np.float32)
        self._chosen = np.linspace(0, count - 1, min(SEARCH, count)).astype(np.int_)
        self._keys = np.zeros((MEMORY, len(self._chosen)), np.float32)
        self._at = np.full(MEMORY, -np.inf)
        self._origin = blocks.copy()
        self._count = 0
        self._steps.clear()


def _one_loop(one: float, other: float) -> bool:
    """Whether one distance is the other, or a multiple of it."""
    short, long = sorted((one, other))
    return abs(long - round(long / short) * short) <= APART_S


def fingerprint(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of 8 x 8 blocks, over the colours, from STRIPS rows of blocks."""
    rows, columns = image.shape[0] // 8, image.shape[1] // 8
    flat = np.ascontiguousarray(image).reshape(image.shape[0], -1)[:, : columns * 24]
    strips = [
        cv2.reduce(flat[row * 8 : row * 8 + 8], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
        for row in (np.arange(STRIPS) * rows // STRIPS + rows // (2 * STRIPS))
    ]
    sums = np.concatenate(strips, axis=1).reshape(-1, 24)
    means: NDArray[np.float32] = sums @ np.full(24, 1 / 192, np.float32)
    return means
