"""One number for "how far is the face of this tap from what is enrolled"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def score(probes: NDArray[np.float32], templates: NDArray[np.float32]) -> float:
    """The distance of the looks of one tap, shape (k, 128), to a person's templates, (n, 128):
    0 is identical."""
    probe = probes.mean(axis=0)
    return float(np.linalg.norm(templates - probe, axis=1).min())
