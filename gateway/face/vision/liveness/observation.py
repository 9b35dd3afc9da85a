"""One look at one face: when, the picture, the box, five points; and what the points say.

The points are dlib's five, in its order: the outer and inner corner of the eye at the right
of the picture, the outer and inner corner of the eye at its left, and the base of the nose.
They hold no eyelid, so a blink can't be judged from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gateway.face.vision.engine import Face

MIN_FACE_PX = 60
MIN_PICTURE_PX = 32


@dataclass(frozen=True, slots=True)
class Observation:
    """`at` in seconds, monotonic; `grey` of shape (height, width); `face` its box in pixels of
    `grey`; `points` of shape (5, 2), x and y in pixels.  A mirrored picture swaps left and
    right: give the picture as the camera, not the mirror, sees it."""

    at: float
    grey: NDArray[np.uint8]
    face: Face
    points: NDArray[np.float32]

    @property
    def usable(self) -> bool:
        """Whether the rest can be trusted to be of the right shape, finite and in the picture."""
        if not np.isfinite(self.at) or self.grey.ndim != 2 or self.grey.dtype != np.uint8:
            return False
        height, width = self.grey.shape
        face, points = self.face, np.asarray(self.points)
        if min(height, width) < MIN_PICTURE_PX or points.shape != (5, 2):
            return False
        if face.width < MIN_FACE_PX or face.bottom - face.top < MIN_FACE_PX:
            return False
        if face.left < 0 or face.top < 0 or face.right > width or face.bottom > height:
            return False
        if not np.isfinite(points).all():
            return False
        # A landmark may lie a little outside the box, never far from it.
        slack = 0.25 * face.width
        low = (face.left - slack, face.top - slack)
        high = (face.right + slack, face.bottom + slack)
        if (points < low).any() or (points > high).any():
            return False
        return bool(points[0, 0] - points[2, 0] > 0.2 * face.width)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, in pixels."""
        return (self.face.left + self.face.right) / 2, (self.face.top + self.face.bottom) / 2

    @property
    def turn(self) -> float:
        """How far the base of the nose stands beside the middle of the outer eye corners, along
        the line of the eyes, as a share of their distance; positive to the picture's right.

        A head that turns by a degrees moves it by some tan(a)/4: the nose stands in front of
        the eyes.  A plane that turns about its own vertical does not move it at all."""
        eyes = (self.points[0] - self.points[2]).astype(np.float64)
        nose = self.points[4] - (self.points[0] + self.points[2]) / 2
        return float(nose @ eyes / (eyes @ eyes))
