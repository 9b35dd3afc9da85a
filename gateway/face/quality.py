"""Whether a picture is good enough to enrol, and why not.

Each refusal is a code with a sentence for the person at the camera.  The limits were measured
on photographs and on worsened copies of them; docs/face.md says how.  Arrays in, words out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import cv2

from gateway.face.engine import Face, Image

MIN_FACE_PX = 80
MIN_SHARPNESS = 30.0
MIN_LUMA, MAX_LUMA = 40.0, 225.0
RIVAL_SHARE = 0.5
_CHIP = 150


class Refusal(StrEnum):
    """Why a picture is not enrolled.  Stable codes."""

    UNREADABLE = "unreadable"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    ANOTHER_PERSON = "another_person"
    SAME_PICTURE = "same_picture"


SENTENCES = {
    Refusal.UNREADABLE: ("not a picture that can be read", "no es una imagen legible"),
    Refusal.NO_FACE: ("no face found; look straight ahead", "no hay rostro; mire de frente"),
    Refusal.SEVERAL_FACES: ("more than one face", "hay más de un rostro"),
    Refusal.TOO_SMALL: ("the face is too small; come closer", "el rostro es pequeño; acérquese"),
    Refusal.TOO_BLURRED: ("the face is blurred; hold still", "el rostro está borroso; no se mueva"),
    Refusal.TOO_DARK: ("the face is too dark", "el rostro está muy oscuro"),
    Refusal.TOO_BRIGHT: ("the face is too bright", "el rostro está muy claro"),
    Refusal.ANOTHER_PERSON: (
        "not the same face as the other pictures",
        "no es el mismo rostro que en las otras imágenes",
    ),
    Refusal.SAME_PICTURE: (
        "the same picture again; take another one",
        "la misma imagen otra vez; tome otra",
    ),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """`width_px` of the face; `sharpness` is the variance of the Laplacian of the face at
    150 x 150 grey levels; `luma` its mean grey level (0 to 255)."""

    width_px: int
    sharpness: float
    luma: float

    def as_dict(self) -> dict[str, float]:
        return {key: round(float(value), 1) for key, value in asdict(self).items()}


def measure(image: Image, face: Face) -> Quality:
    """Quality of one face in `image`; the box must lie within it."""
    crop = image[face.top : face.bottom, face.left : face.right]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    chip = cv2.resize(grey, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA)
    return Quality(face.width, float(cv2.Laplacian(chip, cv2.CV_64F).var()), float(chip.mean()))


def judge(image: Image, faces: Sequence[Face]) -> tuple[Quality | None, Refusal | None]:
    """The quality of the one near face (`faces` widest first), or why it is refused."""
    if not faces:
        return None, Refusal.NO_FACE
    # Somebody far behind is no rival; two people side by side are.
    if sum(face.width >= faces[0].width * RIVAL_SHARE for face in faces) > 1:
        return None, Refusal.SEVERAL_FACES
    quality = measure(image, faces[0])
    if quality.width_px < MIN_FACE_PX:
        return quality, Refusal.TOO_SMALL
    if quality.luma < MIN_LUMA:
        return quality, Refusal.TOO_DARK
    if quality.luma > MAX_LUMA:
        return quality, Refusal.TOO_BRIGHT
    if quality.sharpness < MIN_SHARPNESS:
        return quality, Refusal.TOO_BLURRED
    return quality, None
