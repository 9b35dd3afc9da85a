"""How far the faces of a tap lie from a person's templates, as one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def score(probes: NDArray[np.float32], templates: NDArray[np.float32]) -> float:
    """`probes` (k, 128) against `templates` (n, 128): 0 is identical; k, n >= 1."""
    return float(np.linalg.norm(probes[:, None] - templates[None], axis=2).min())
