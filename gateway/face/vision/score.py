"""How far the faces of one tap lie from a person's templates, as one number.

The score is the distance of two mean directions.  Each embedding is scaled to length 1; the tap's
embeddings are averaged, and so are the templates.  The distance of the two averages is given in the
scale of dlib's embeddings (their length is about 1.42), so that thresholds keep their meaning.
Averaging removes what differs from picture to picture, and the length of an embedding says little
about the person.  The smallest distance of any face to any template, which this rule replaced, let
one odd template or frame decide alone.

Chosen among thirteen rules on one half of the pictures and confirmed on others: docs/face.md,
"How a tap is scored".  Arrays in, a number out; no threshold is applied here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

RECOMMENDED = 0.40
"""The threshold to start from, with three templates or more and up to three faces a tap.  It is the
smallest, in steps of 0.02, with at most 1 % false rejects on the pictures it was chosen on."""

LENGTH = 1.42
"""Mean length of dlib's embeddings (measured on 200 pictures)."""


def score(probes: NDArray[np.float32], templates: NDArray[np.float32]) -> float:
    """The distance of `probes` (k, 128), the faces of a tap so far, to `templates` (n, 128).

    0 is the same direction, 2.84 the opposite one.  The score is infinite, above every threshold,
    if there is no face or no template, or if a number is not finite.
    """
    if not len(probes) or not len(templates):
        return math.inf
    distance = LENGTH * float(np.linalg.norm(direction(probes) - direction(templates)))
    return distance if math.isfinite(distance) else math.inf


def direction(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean direction of (n, d), shape (d,), of length 1.  NaN if the mean is (almost) zero."""
    rows = embeddings.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        mean: NDArray[np.float64] = rows.mean(axis=0)
        length = np.linalg.norm(mean)
        return mean / length if length > 1e-6 else np.full_like(mean, np.nan)
