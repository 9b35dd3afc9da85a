"""Whether a picture is good enough to enrol, and why not.

Measures size, sharpness and light of the face, and from five landmarks whether the head is turned
or tilted (landmarks do not show a nod).  Each refusal is a code with a sentence for the person at
the camera.  The limits were measured on photographs and on worsened copies; docs/face.md says how.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from gateway.face.refusal import Refusal, sentence
from gateway.face.vision.protocols import Face, Image, Points

__all__ = ["PosedQuality", "Quality", "Refusal", "judge", "measure", "pose", "sentence"]

MIN_FACE_PX = 80
MIN_SHARPNESS = 30.0
MIN_LUMA, MAX_LUMA = 40.0, 225.0
RIVAL_SHARE = 0.5
MAX_SIDE_LIGHT = 0.30
MAX_TURN = 0.15
MAX_ROLL = 25.0
_CHIP = 150
_INNER = slice(30, 120)  # of the chip: the face without hair and what is behind it


@dataclass(frozen=True, slots=True)
class Quality:
    """`width_px` of the face; `sharpness` is the variance of the Laplacian of the face at
    150 x 150 grey levels; `luma` its mean grey level (0 to 255); `side_light` the difference of
    its left and right half's over their sum (0: even, 1: one half is black)."""

    width_px: int
    sharpness: float
    luma: float
    side_light: float

    def as_dict(self) -> dict[str, float]:
        return {key: round(float(value), 3) for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class PosedQuality(Quality):
    """Adds `turn`, the place of the nose between the eyes (0: the middle; a head turned by an
    angle a: about tan(a)/4), and `roll`, the slope of the line between the eyes in degrees."""

    turn: float
    roll: float


def measure(image: Image, face: Face) -> Quality:
    """Quality of one face in `image`; the box must lie within it."""
    crop = image[face.top : face.bottom, face.left : face.right]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    chip = cv2.resize(grey, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA)
    left, right = (float(half.mean()) for half in np.hsplit(chip[_INNER, _INNER], 2))
    return Quality(
        face.width,
        float(cv2.Laplacian(chip, cv2.CV_64F).var()),
        float(chip.mean()),
        abs(left - right) / max(1.0, left + right),
    )


def pose(points: Points) -> tuple[float, float]:
    """(turn, roll) of a head from its five landmarks.  `turn` is NaN, which every limit refuses,
    if both eyes are at one point."""
    right, left, nose = (points[index].astype(np.float64) for index in (0, 2, 4))
    eyes = right - left
    length = float(eyes @ eyes)
    turn = float((nose - (right + left) / 2) @ eyes) / length if length else math.nan
    return turn, math.degrees(math.atan2(eyes[1], eyes[0]))


def judge(
    image: Image, faces: Sequence[Face], landmarks: Callable[[Image, Face], Points]
) -> tuple[Quality | None, Refusal | None]:
    """The quality of the one near face (`faces` widest first), or why it is refused.
    `landmarks` finds its five points: an engine's own."""
    if not faces:
        return None, Refusal.NO_FACE
    # Two people side by side are several faces; somebody far behind is not counted.
    if sum(face.width >= faces[0].width * RIVAL_SHARE for face in faces) > 1:
        return None, Refusal.SEVERAL_FACES
    seen = measure(image, faces[0])
    turn, roll = pose(landmarks(image, faces[0]))
    quality = PosedQuality(**asdict(seen), turn=turn, roll=roll)
    if quality.width_px < MIN_FACE_PX:
        return quality, Refusal.TOO_SMALL
    if quality.luma < MIN_LUMA:
        return quality, Refusal.TOO_DARK
    if quality.luma > MAX_LUMA:
        return quality, Refusal.TOO_BRIGHT
    if quality.sharpness < MIN_SHARPNESS:
        return quality, Refusal.TOO_BLURRED
    if not abs(turn) <= MAX_TURN:
        return quality, Refusal.TURNED_AWAY
    if not abs(roll) <= MAX_ROLL:
        return quality, Refusal.TILTED
    if quality.side_light > MAX_SIDE_LIGHT:
        return quality, Refusal.SIDE_LIGHT
    return quality, None
