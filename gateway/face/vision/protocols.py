"""What a face model must offer to be used here: three small protocols and their types.

A detector finds faces, a landmarker finds five points on one, an embedder turns it into numbers.
The engine (gateway/face/vision/engine.py) joins one of each and calls each from one thread at a
time.  This module imports NumPy only, so that another package's model can import it cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture, shape (height, width, 3), RGB."""
Points = NDArray[np.float32]
"""Five points (x, y) in pixels, shape (5, 2): outer and inner corner of the eye on the picture's
right, outer and inner corner of the eye on its left, the foot of the nose."""
Embedding = NDArray[np.float32]
"""Shape (dimensions,); only the direction of it counts (gateway/face/vision/score.py)."""


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


class Detector(Protocol):
    """Finds faces."""

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Faces in a picture (RGB, or grey without the third axis), in any order; the boxes lie
        within it and are wider than nothing."""


class Landmarker(Protocol):
    """Finds five points on a face."""

    def points(self, image: Image, face: Face) -> Points:
        """The points, in the order of `Points`."""


class Embedder(Protocol):
    """`name` tells which code computes, for people; `model` which numbers come out: it is written
    to each template, and templates of different models are never compared.  `dimensions` is how
    many numbers."""

    name: str
    model: str
    dimensions: int

    def chip(self, image: Image, points: Points) -> Image:
        """The network's input: the face cut out and upright, always of one size."""

    def embed_chips(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Chips (n, height, width, 3), RGB -> embeddings (n, dimensions)."""
