"""Tracked corners of a face, and whether a flat or bent sheet explains how they moved.

Follows corners from frame to frame by KLT and keeps those whose backward track returns to where
they came from.  Fits two surfaces between the first and the last frame:

- a plane (homography); its residual is `flat`;
- a sheet that is bent or folded along one direction; its residual is `relief`.  All points on a
  line along the bend move alike, so a sheet's movement is a curve across the bend and linear along
  it, whatever its shape.  A head moves otherwise, because nose, brow and chin stand out.

Both figures are shares of the face's width.  This module decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.liveness.observation import Observation

FACE_PX = 160
"""Faces are scaled down to this width: more pixels cost time and add little."""
CORNERS = 90
MIN_CORNERS = 24
APART = 0.07
"""The least distance of two corners, as a share of the face's width.  Without it all corners lie on
brows and lips, and none on the nose, which shows the relief."""
BACK_PX = 0.5
AROUND = 0.8
_DIRECTIONS = np.deg2rad(np.arange(0, 180, 15))
_CREASES = np.array([-0.24, -0.12, 0.0, 0.12, 0.24])
# The share of corners that must fit.  The others may be hair, glints or lost tracks.
_SHARE = 0.75

Points = NDArray[np.float32]
"""Shape (n, 2), x and y in pixels."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`flat` and `relief` as shares of the face's width; `corners` that were tracked."""

    flat: float
    relief: float
    corners: int


class CornerTracks:
    """Corners of a region, from a first frame on."""

    def __init__(
        self, first: Observation, regions: Sequence[tuple[NDArray[np.uint8], int]] = ()
    ) -> None:
        """`regions`: masks of the picture's shape and how many corners each may have; without
        them the face alone."""
        self.scale = min(1.0, FACE_PX / first.face.width)
        self.width = first.face.width * self.scale
        self._shape = first.grey.shape
        self._part = around(first, AROUND)
        self._grey = self._small(first.grey)
        apart = max(4.0, APART * self.width)
        found = [
            cv2.goodFeaturesToTrack(
                self._grey, corners, 0.003, apart, mask=self._small(mask), blockSize=5
            )
            for mask, corners in regions or ((face_mask(first), CORNERS),)
        ]
        none: Points = np.empty((0, 2), np.float32)
        self.start = np.concatenate([none, *(f[:, 0, :] for f in found if f is not None)])
        self.now: Points = self.start.copy()
        self.kept = 1.0

    def follow(self, grey: NDArray[np.uint8]) -> None:
        """Find the corners in the next frame.  Drop those whose backward track does not return."""
        if not len(self.now) or grey.shape != self._shape:
            self.start = self.now = np.empty((0, 2), np.float32)
            self.kept = 0.0
            return
        after = self._small(grey)
        there, good = _flow(self._grey, after, self.now)
        back, good_back = _flow(after, self._grey, there)
        lost = np.linalg.norm(back - self.now, axis=1)
        keep = good & good_back & (lost < BACK_PX)
        self.kept = float(keep.mean())
        self.start, self.now, self._grey = self.start[keep], there[keep], after

    def fit(self) -> Fit | None:
        """The residuals of plane and sheet; None with fewer than 24 corners."""
        if len(self.now) < MIN_CORNERS:
            return None
        flat = _left_by_plane(self.start, self.now) / self.width
        relief = _left_by_sheet(self.start, self.now, self.width) / self.width
        return Fit(flat, min(flat, relief), len(self.now))

    def _small(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        part = grey[self._part]
        if self.scale == 1.0:
            return part
        small: NDArray[np.uint8] = cv2.resize(
            part, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA
        )
        return small


def _flow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], points: Points
) -> tuple[Points, NDArray[np.bool_]]:
    found: Any = cv2.calcOpticalFlowPyrLK(
        before, after, points, None, winSize=(15, 15), maxLevel=2, criteria=(3, 12, 0.02)
    )
    return found[0], found[1][:, 0] == 1


def around(seen: Observation, share: float) -> tuple[slice, slice]:
    """The part of the picture (rows, columns) around the face, `share` widths on each side."""
    more = int(share * seen.face.width)
    height, width = seen.grey.shape
    return (
        slice(max(0, seen.face.top - more), min(height, seen.face.bottom + more)),
        slice(max(0, seen.face.left - more), min(width, seen.face.right + more)),
    )


def face_mask(seen: Observation) -> NDArray[np.uint8]:
    """An ellipse within the box, which covers the face and not the wall beside it."""
    mask: NDArray[np.uint8] = np.zeros(seen.grey.shape, np.uint8)
    centre = (int(seen.centre[0]), int(seen.centre[1]))
    axes = (int(seen.face.width * 0.46), int((seen.face.bottom - seen.face.top) * 0.52))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    return mask


def _left_by_plane(start: Points, now: Points) -> float:
    """Least squares twice, the second time on the three quarters that fit best."""
    kept = np.arange(len(start))
    left = np.zeros(len(start))
    for _ in range(3):
        matrix, _ = cv2.findHomography(start[kept], now[kept], 0)
        if matrix is None:
            return 0.0  # nothing measured, so no relief
        moved = cv2.perspectiveTransform(start[:, None, :], matrix)[:, 0, :]
        left = np.linalg.norm(moved - now, axis=1)
        kept = np.argsort(left)[: max(8, int(len(left) * _SHARE))]
    return _typical(left[kept])


def _left_by_sheet(start: Points, now: Points, width: float) -> float:
    """The smallest residual of a sheet that is bent along one of twelve directions."""
    centred = (start - start.mean(axis=0)) / width
    best = np.inf
    for angle in _DIRECTIONS:
        u = centred @ (np.cos(angle), np.sin(angle))
        v = centred @ (-np.sin(angle), np.cos(angle))
        # Across the bend any curve and any crease; along it a line; u * v for perspective.
        curve = np.abs(u[:, None] - _CREASES)
        basis = np.column_stack([np.ones_like(u), u, u**2, u**3, curve, v, u * v])
        kept = np.arange(len(start))
        left = np.zeros(len(start))
        for _ in range(3):
            found, *_ = np.linalg.lstsq(basis[kept], now[kept], rcond=None)
            left = np.linalg.norm(basis @ found - now, axis=1)
            kept = np.argsort(left)[: max(8, int(len(left) * _SHARE))]
        best = min(best, _typical(left[kept]))
    return best


def _typical(left: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(left**2)))
