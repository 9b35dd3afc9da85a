"""What a camera is meant to look at: a reference of the scene, and a picture held against it.

A picture becomes 80 x 60 gradient directions, which light hardly changes, and in 8 x 6 cells
its fine detail and its coarse contrast.  From that come three figures: how much of the scene is
still where it was, how much detail is left, how sharp it is.  The reference is learned from a
quiet scene and follows it slowly; it goes out and comes in as bytes.  It holds no picture, and
judges nothing: `health` does.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH, HEIGHT, CELL = 80, 60, 10  # of the gradient map; cells are CELL x CELL of it
ROWS, COLUMNS = HEIGHT // CELL, WIDTH // CELL
SOFT = 12.0  # Sobel units below which a gradient is mostly noise
STRUCTURED = 0.03  # mean squared direction of a cell that has something to hold on to
ENOUGH_CELLS = 8  # fewer structured cells make a plain wall, which can't be judged
ALIKE = 0.5  # cosine between a cell and its reference
FOLLOW_S = 300.0  # time constant with which the reference follows a quiet scene
LEAST_SHARP = 0.7  # learning never takes the sharpness below this share of its best

_HEAD = struct.Struct("<4sI")  # magic, CRC-32 of the rest
_MAGIC = b"GCS1"
_DIRECTIONS = WIDTH * HEIGHT * 2
_BODY = _DIRECTIONS * 2 + ROWS * COLUMNS * 4 * 3
SIZE = _HEAD.size + _BODY  # bytes of an exported reference


@dataclass(frozen=True, slots=True)
class Look:
    """One picture, reduced: `directions` (60, 80, 2); `fine` and `coarse` (6, 8), grey levels."""

    directions: Floats
    fine: Floats
    coarse: Floats


@dataclass(frozen=True, slots=True)
class Likeness:
    """A picture against the reference, each as a share: `view` of the structured cells that
    show what they showed; `detail` of the fine detail that is left in all of the picture;
    `sharpness` of those cells that still show the scene (1 where too few do)."""

    view: float
    detail: float
    sharpness: float


class Reducer:
    """Pictures to looks; keeps the last one to tell noise from detail."""

    def __init__(self) -> None:
        self._last: Floats | None = None
        # The least of the last looks: what moves is no noise.
        self._noise: deque[float] = deque([0.0], maxlen=8)

    def reduce(self, image: NDArray[np.uint8]) -> Look:
        """`image` (h, w, 3), BGR."""
        size = (WIDTH * 2, HEIGHT * 2)
        small = cv2.cvtColor(
            cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        grey: Floats = small.astype(np.float32)
        if self._last is not None:  # 1.05 makes one sigma of a median difference
            self._noise.append(1.05 * float(np.median(np.abs(grey - self._last)[::4, ::4])))
        noise = min(self._noise)
        self._last = grey
        detail = grey - cv2.blur(grey, (5, 5))
        power = _cells(detail * detail, 2 * CELL) - noise * noise
        half: Floats = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        mean = _cells(half, CELL)
        spread = np.maximum(_cells(half * half, CELL) - mean * mean, 0)
        across, down = cv2.Sobel(half, cv2.CV_32F, 1, 0), cv2.Sobel(half, cv2.CV_32F, 0, 1)
        length = np.sqrt(across * across + down * down + SOFT * SOFT)
        directions: Floats = np.dstack((across / length, down / length)).astype(np.float32)
        return Look(
            directions,
            np.sqrt(np.maximum(power, 0.01)).astype(np.float32),
            np.sqrt(spread + 0.01).astype(np.float32),
        )


class Scene:
    """The reference of one camera's view."""

    def __init__(self, look: Look) -> None:
        self._directions = look.directions.copy()
        self._fine, self._coarse = look.fine.copy(), look.coarse.copy()
        self._best = self._fine / self._coarse

    @property
    def plain(self) -> bool:
        """Whether it shows too little to tell anything by: a bare wall."""
        return int(structured(self._directions).sum()) < ENOUGH_CELLS

    def compare(self, look: Look) -> Likeness:
        there = structured(self._directions)
        alike = there & (cosines(look.directions, self._directions) > ALIKE)
        view = float(alike.sum() / max(1, there.sum()))
        detail = float(look.fine.mean() / self._fine.mean())
        sharpness = 1.0
        if view >= 0.3:
            now = look.fine[alike] / look.coarse[alike]
            was = np.maximum(self._fine / self._coarse, LEAST_SHARP * self._best)[alike]
            sharpness = float(np.median(now / was))
        return Likeness(view, detail, sharpness)

    def follow(self, look: Look, seconds: float) -> None:
        """Learn a little of a quiet, healthy picture that was shown for `seconds`."""
        share = min(0.1, seconds / FOLLOW_S)
        self._directions += share * (look.directions - self._directions)
        self._fine += share * (look.fine - self._fine)
        self._coarse += share * (look.coarse - self._coarse)
        self._best = np.maximum(self._best, self._fine / self._coarse)

    def shifted(self, look: Look) -> tuple[int, int] | None:
        """The shift (across, down; pixels of 80 x 60) by which the picture shows the reference
        again; None where no shift explains it."""
        ours, theirs = _strength(self._directions), _strength(look.directions)
        found, _ = cv2.phaseCorrelate(ours, theirs, _WINDOW)
        across, down = round(found[0]), round(found[1])
        if max(abs(across), abs(down)) < 2 or abs(across) > WIDTH * 0.6 or abs(down) > HEIGHT * 0.6:
            return None
        left, right = max(0, across), min(WIDTH, WIDTH + across)
        top, bottom = max(0, down), min(HEIGHT, HEIGHT + down)
        moved = np.zeros_like(self._directions)
        moved[top:bottom, left:right] = self._directions[
            top - down : bottom - down, left - across : right - across
        ]
        there = structured(moved)
        if there.sum() < ENOUGH_CELLS:
            return None
        alike = there & (cosines(look.directions, moved) > ALIKE)
        return (across, down) if alike.sum() >= 0.6 * there.sum() else None

    def to_bytes(self) -> bytes:
        """SIZE bytes, little-endian; see `from_bytes`."""
        body = self._directions.astype("<f2").tobytes() + b"".join(
            part.astype("<f4").tobytes() for part in (self._fine, self._coarse, self._best)
        )
        return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Scene:
        """Raises ValueError for anything that `to_bytes` did not write."""
        if len(data) != SIZE:
            raise ValueError(f"a scene has {SIZE} bytes, not {len(data)}")
        magic, check = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if magic != _MAGIC or check != zlib.crc32(body):
            raise ValueError("not a scene, or damaged")
        directions = np.frombuffer(body, "<f2", _DIRECTIONS).astype(np.float32)
        cells = np.frombuffer(body, "<f4", offset=_DIRECTIONS * 2).astype(np.float32)
        good = np.isfinite(directions).all() and (np.abs(directions) <= 1).all()
        if not good or not ((cells > 0) & (cells < 1e4)).all():
            raise ValueError("a scene with impossible figures")
        fine, coarse, best = cells.reshape(3, ROWS, COLUMNS)
        scene = cls(Look(directions.reshape(HEIGHT, WIDTH, 2), fine, coarse))
        scene._best = best.copy()
        return scene


def structured(directions: Floats) -> NDArray[np.bool_]:
    """The cells that have edges."""
    return _power(directions) > STRUCTURED


def cosines(one: Floats, other: Floats) -> Floats:
    """Likeness of each cell, -1 to 1."""
    together = _cells((one * other).sum(axis=2), CELL)
    alike: Floats = together / np.sqrt(_power(one) * _power(other) + np.float32(1e-6))
    return alike


def still(one: Floats, other: Floats) -> float:
    """The share of cells with edges that did not change from `one` to `other`."""
    there = structured(one)
    if not there.any():
        return 1.0
    return float((cosines(one, other)[there] > 0.85).mean())


def _power(directions: Floats) -> Floats:
    return _cells(np.square(directions).sum(axis=2), CELL)


def _strength(directions: Floats) -> Floats:
    strength = np.sqrt(np.square(directions).sum(axis=2))
    centred: Floats = (strength - strength.mean()).astype(np.float32)
    return centred


def _cells(values: Floats, side: int) -> Floats:
    means: Floats = values.reshape(ROWS, side, COLUMNS, side).mean(axis=(1, 3), dtype=np.float32)
    return means


_WINDOW = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
