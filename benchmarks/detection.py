"""How wide a face must be before the detector finds it, at 640x480.

This cuts each portrait out around the face, scales it to a width in pixels (as the detector
measures the face at full size), and lays it at a random place on coloured boxes and lines, or on
noise.  A camera's noise lies over all of it.  A face counts as found if the middle of a box lies
within half a face of the true middle.  ``GARITA_FACES`` names folders with more portraits than the
tests' three.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.embedding import portraits
from benchmarks.figures import say
from demo.photos import fetch
from gateway.face.vision.engine import Engine, HogDetector

WIDTHS = (50, 60, 70, 75, 80, 85, 90, 100, 120, 150, 200)
EACH = 2  # places for each portrait, width and ground
SIZE = (480, 640)


def cut(image: Any, engine: Engine) -> tuple[Any, int] | None:
    """The face with half its width around it, and how wide the face is."""
    faces = engine.detect(image)
    if not faces:
        return None
    face = faces[0]
    margin = face.width // 2
    top, left = max(0, face.top - margin), max(0, face.left - margin)
    return image[top : face.bottom + margin, left : face.right + margin], face.width


def ground(kind: str, random: np.random.Generator) -> Any:
    """An empty frame."""
    if kind == "noise":
        return random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    frame = np.full((*SIZE, 3), random.integers(60, 200, 3), np.uint8)
    for _ in range(60):
        x, y, w, h = (int(v) for v in random.integers(0, (640, 480, 160, 160)))
        colour = [int(v) for v in random.integers(0, 256, 3)]
        if random.random() < 0.5:
            cv2.rectangle(frame, (x, y), (x + w, y + h), colour, -1)
        else:
            cv2.line(frame, (x, y), (x + w, y + h), colour, 3)
    return frame


def laid(cutting: Any, scale: float, kind: str, random: np.random.Generator) -> tuple[Any, Any]:
    """A frame with the face in it, and where the middle of the face is."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(cutting, None, fx=scale, fy=scale, interpolation=method)
    height, width = small.shape[:2]
    frame = ground(kind, random)
    top = int(random.integers(0, SIZE[0] - height + 1))
    left = int(random.integers(0, SIZE[1] - width + 1))
    frame[top : top + height, left : left + width] = small
    noisy = frame + random.normal(0, 4, frame.shape)
    middle = np.array([left + width / 2, top + height / 2])
    return np.clip(noisy, 0, 255).astype(np.uint8), middle


def found(detector: HogDetector, frame: Any, middle: Any, width: int) -> bool:
    centres = [((f.left + f.right) / 2, (f.top + f.bottom) / 2) for f in detector.detect(frame)]
    return any(np.abs(np.array(centre) - middle).max() <= width / 2 for centre in centres)


async def run(folder: Path) -> None:
    engine = Engine(40)
    cuttings = [item for image in portraits(fetch()) if (item := cut(image, engine)) is not None]
    say("portraits", str(len(cuttings)))
    detector = HogDetector()
    for kind in ("clutter", "noise"):
        random = np.random.default_rng(640)
        for width in WIDTHS:
            hits = tries = 0
            for cutting, wide in cuttings:
                scale = width / wide
                if cutting.shape[0] * scale > SIZE[0]:
                    continue
                for _ in range(EACH):
                    frame, middle = laid(cutting, scale, kind, random)
                    tries += 1
                    hits += found(detector, frame, middle, width)
            goal = "all" if width >= 80 else ""
            what = f"on {kind}, {width} px wide"
            say(what, f"{hits}/{tries} found" if tries else "does not fit", goal)
