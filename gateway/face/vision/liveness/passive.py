"""What looks like a print or a screen, seen without asking anything of the person.

Observations of one tracked face go in; about once a second they become scores:

- `rigid`: how little the face changes its shape: what a plane leaves over of its movement,
  as a share of its width.  A face at rest still moves; a print that stands still does not.
- `carried`: the share of the corners beside the face that move just as the face does, when it
  moves at all.  A wall does not follow a head.
- `border`: how many of the four sides around the face have a long straight edge that goes
  along with it: the edge of a sheet or of a screen.
- `moire`: how far the strongest lone peak in the face's fine detail stands out of it, in
  decades: two pixel grids beating.

A score that can't be measured is absent and accuses nobody.  A suspicion is a hint for a guard
and a reason to ask for a challenge; its absence proves nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.liveness.observation import Observation
from gateway.face.vision.liveness.relief import MIN_CORNERS, CornerTracks, Points, around, face_mask

WINDOW_S = 1.0
MAX_GAP_S = 0.5
CORNERS = 45
BESIDE = 25
RIGID = 0.0025
CARRIED, CARRIED_RIGID = 0.6, 0.006
BORDER = 3.0
MOIRE = 0.95
_MOVED = 0.05
_MIN_BESIDE = 8
_OUT, _UP = 1.5, 1.7  # in half widths of the face: beyond ears and hair, which go with the head
_KEPT_WINDOWS = 5
_SPECTRUM = 128


class Suspicion(StrEnum):
    """A sign of a print or a screen.  Stable codes."""

    RIGID = "rigid"
    CARRIED = "carried"
    BORDER = "border"
    MOIRE = "moire"


@dataclass(frozen=True, slots=True)
class _Window:
    rigid: float | None
    carried: float | None
    border: float | None
    moire: float | None


class Passive:
    """Watches one track.  Make a new one for each track."""

    def __init__(self) -> None:
        self._windows: deque[_Window] = deque(maxlen=_KEPT_WINDOWS)
        self._last: Observation | None = None
        self._first: Observation | None = None
        self._tracks: CornerTracks | None = None
        self._turn = 0
        self._moire: list[float] = []
        self._border: list[float] = []

    def see(self, seen: Observation) -> None:
        """Take the next observation.  One that is unusable, late or out of order starts a new
        window of a second."""
        last, self._last = self._last, seen if seen.usable else None
        if not seen.usable:
            self._first = None
            return
        if self._first is None or last is None or not 0 < seen.at - last.at <= MAX_GAP_S:
            self._begin(seen)
            return
        if seen.grey.shape != last.grey.shape:
            self._begin(seen)
            return
        assert self._tracks is not None
        self._tracks.follow(seen.grey)
        self._turn += 1
        # The expensive cues take turns, so that no frame costs much more than another.
        if self._turn % 4 == 1:
            self._moire.append(moire(seen))
        elif self._turn % 4 == 3:
            self._border.append(border(seen))
        if seen.at - self._first.at >= WINDOW_S:
            self._windows.append(self._close(self._first))
            self._first = None  # the next second starts with the next frame: both cost

    @property
    def scores(self) -> dict[str, float]:
        """The median of the last seconds for each score that could be measured."""
        found = {}
        windows = tuple(self._windows)  # another thread may add one meanwhile
        for name in ("rigid", "carried", "border", "moire"):
            values = [getattr(w, name) for w in windows if getattr(w, name) is not None]
            if values:
                found[name] = round(float(np.median(values)), 4)
        return found

    @property
    def suspicions(self) -> tuple[Suspicion, ...]:
        """The signs of a picture that were found; empty if none was found or measured."""
        scores, found = self.scores, []
        if scores.get("rigid", 1.0) < RIGID:
            found.append(Suspicion.RIGID)
        # A camera that pans moves everything alike, but a live face still has its own movement.
        if scores.get("carried", 0.0) >= CARRIED and scores["rigid"] < CARRIED_RIGID:
            found.append(Suspicion.CARRIED)
        if scores.get("border", 0.0) >= BORDER:
            found.append(Suspicion.BORDER)
        if scores.get("moire", 0.0) >= MOIRE:
            found.append(Suspicion.MOIRE)
        return tuple(found)

    @property
    def suspect(self) -> bool:
        return bool(self.suspicions)

    def _begin(self, seen: Observation) -> None:
        self._first, self._turn = seen, 0
        self._moire, self._border = [], []
        self._tracks = CornerTracks(seen, ((face_mask(seen), CORNERS), (_beside(seen), BESIDE)))

    def _close(self, first: Observation) -> _Window:
        assert self._tracks is not None
        rigid, carried = self._movement(first, self._tracks)
        return _Window(
            rigid,
            carried,
            float(np.median(self._border)) if self._border else None,
            float(np.median(self._moire)) if self._moire else None,
        )

    def _movement(
        self, first: Observation, tracks: CornerTracks
    ) -> tuple[float | None, float | None]:
        part = around(first, 0.8)
        origin = (part[1].start, part[0].start)
        at = tracks.start / tracks.scale + np.array(origin, np.float32)
        middle, half = np.array(first.centre), first.face.width / 2
        far = np.abs((at - middle) / half)
        beside = (far[:, 0] > _OUT) | (far[:, 1] > _UP)
        inside = ~beside
        if inside.sum() < MIN_CORNERS // 2:
            return None, None
        matrix, _ = cv2.findHomography(tracks.start[inside], tracks.now[inside], cv2.LMEDS)
        if matrix is None:
            return None, None
        rigid = _median_left(tracks.start[inside], tracks.now[inside], matrix) / tracks.width
        moved = float(np.median(np.linalg.norm(tracks.now[inside] - tracks.start[inside], axis=1)))
        if beside.sum() < _MIN_BESIDE or moved < _MOVED * tracks.width:
            return rigid, None
        shift, _ = cv2.estimateAffinePartial2D(
            tracks.start[inside], tracks.now[inside], method=cv2.LMEDS
        )
        if shift is None:
            return rigid, None
        expected = tracks.start[beside] @ shift[:, :2].T + shift[:, 2]
        off = np.linalg.norm(expected - tracks.now[beside], axis=1)
        return rigid, float((off < 0.3 * moved).mean())


def _beside(seen: Observation) -> NDArray[np.uint8]:
    """A mask of what is left of, right of and above the head.  Shoulders move with it, so what is
    below is left out."""
    mask: NDArray[np.uint8] = np.full(seen.grey.shape, 255, np.uint8)
    x, y, half = *seen.centre, seen.face.width / 2
    left, right = max(0, int(x - _OUT * half)), int(x + _OUT * half) + 1
    mask[max(0, int(y - _UP * half)) :, left:right] = 0
    mask[seen.face.bottom :, :] = 0
    return mask


def _median_left(start: Points, now: Points, matrix: NDArray[np.float64]) -> float:
    moved = cv2.perspectiveTransform(start[:, None, :], matrix)[:, 0, :]
    return float(np.median(np.linalg.norm(moved - now, axis=1)))


def moire(seen: Observation) -> float:
    """How far the strongest peak stands above its ring of the spectrum, in decades."""
    face = seen.face
    rows = (face.top + face.bottom) // 2 - _SPECTRUM // 2
    columns = (face.left + face.right) // 2 - _SPECTRUM // 2
    part = seen.grey[max(0, rows) : rows + _SPECTRUM, max(0, columns) : columns + _SPECTRUM]
    if part.shape != (_SPECTRUM, _SPECTRUM):
        return 0.0
    values = (part.astype(np.float32) - part.mean()) * _HANN
    power = cv2.dft(values, flags=cv2.DFT_COMPLEX_OUTPUT)
    level = np.log10(np.hypot(power[..., 0], power[..., 1]) + 1.0)[_FINE]
    mean = np.bincount(_RING, level, minlength=_SPECTRUM) / _RING_COUNT
    return float((level - mean[_RING]).max())


_AXIS = np.fft.fftfreq(_SPECTRUM) * _SPECTRUM
_RADIUS = np.hypot(*np.meshgrid(_AXIS, _AXIS))
# Coarser than a sixteenth of the crop is the face itself.
_FINE = (_RADIUS > 16) & (_RADIUS < _SPECTRUM / 2)
_RING = _RADIUS[_FINE].astype(np.int64)
_RING_COUNT = np.maximum(np.bincount(_RING, minlength=_SPECTRUM), 1)
_HANN = np.outer(np.hanning(_SPECTRUM), np.hanning(_SPECTRUM)).astype(np.float32)


def border(seen: Observation) -> float:
    """On how many of the face's four sides a long straight edge runs along it."""
    part = seen.grey[around(seen, 0.8)]
    scale = 80 / seen.face.width
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    edges = cv2.Canny(small, 60, 150)
    lines = cv2.HoughLinesP(edges, 1, np.pi / 90, 30, minLineLength=60, maxLineGap=4)
    if lines is None:
        return 0.0
    part_of = around(seen, 0.8)
    x = (seen.centre[0] - part_of[1].start) * scale
    y = (seen.centre[1] - part_of[0].start) * scale
    sides = set()
    for x1, y1, x2, y2 in np.asarray(lines).reshape(-1, 4):
        along_x, along_y = abs(x2 - x1), abs(y2 - y1)
        middle = ((x1 + x2) / 2 - x, (y1 + y2) / 2 - y)
        if along_y > 3 * along_x and abs(middle[0]) > 36 and abs(middle[1]) < 60:
            sides.add("right" if middle[0] > 0 else "left")
        elif along_x > 3 * along_y and abs(middle[1]) > 40 and abs(middle[0]) < 60:
            sides.add("below" if middle[1] > 0 else "above")
    return float(len(sides))
