"""Videos for a camera that reads a file: a photograph that lives a little.

The picture moves, changes in size, gets sensor noise and light that drifts, so that no two
frames are alike and none is the photograph.  Written for OpenCV's own reader.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (640, 480)
FPS = 15
FACE_AT = (0.55, 0.22)  # where official portraits have the face, as shares of width and height


def person_video(
    photo: Path,
    path: Path,
    *,
    seconds: float = 2.0,
    zoom: float = 1.6,
    seed: int = 1,
    fps: int = FPS,
) -> None:
    """Someone stands before the camera, face in the middle; `zoom` 1 shows as much of the
    height as the portrait does."""
    image = _load(photo)
    random = np.random.default_rng(seed)
    count = round(seconds * fps)
    width, height = SIZE
    frames = []
    for index in range(count):
        turn = 2 * np.pi * index / count
        scale = zoom * height / image.shape[0] * (1 + 0.04 * np.sin(turn))
        shift = (14 * np.sin(turn), 8 * np.cos(2 * turn))
        face = (FACE_AT[0] * image.shape[1], FACE_AT[1] * image.shape[0])
        matrix = cv2.getRotationMatrix2D(face, 2.5 * np.sin(turn), scale)
        matrix[:, 2] += (width / 2 - face[0] + shift[0], height / 2 - face[1] + shift[1])
        frame = cv2.warpAffine(image, matrix, SIZE, borderValue=(90, 96, 92))
        light = 1 + 0.12 * np.sin(turn + 1)
        frames.append(_noisy(frame * light, random))
    _write(path, frames, fps)


def empty_video(path: Path, *, seconds: float = 2.0, seed: int = 2) -> None:
    """Nobody is there: a wall, with the noise of a sensor."""
    random = np.random.default_rng(seed)
    wall = np.full((SIZE[1], SIZE[0], 3), (90, 96, 92), np.float64)
    _write(path, [_noisy(wall, random) for _ in range(round(seconds * FPS))])


def black_video(path: Path, *, seconds: float = 2.0) -> None:
    """The lens is covered."""
    random = np.random.default_rng(3)
    dark = np.full((SIZE[1], SIZE[0], 3), 3.0)
    _write(path, [_noisy(dark, random, 1.0) for _ in range(round(seconds * FPS))])


def frozen_video(photo: Path, path: Path, *, seconds: float = 6.0) -> None:
    """A feed that stands still on one picture."""
    image = _load(photo)
    frame = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
    _write(path, [frame] * round(seconds * FPS))


def _load(photo: Path) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] | None = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{photo} is no picture")
    return image


def _noisy(
    frame: NDArray[np.float64], random: np.random.Generator, spread: float = 4.0
) -> NDArray[np.uint8]:
    noise = random.normal(0.0, spread, frame.shape)
    noisy: NDArray[np.uint8] = np.clip(frame + noise, 0, 255).astype(np.uint8)
    return noisy


def _write(path: Path, frames: list[NDArray[np.uint8]], fps: int = FPS) -> None:
    """Written beside and moved into place, so that a reader sees a whole file or the old one."""
    fresh = path.with_name(f"new-{path.name}")
    writer = cv2.VideoWriter(str(fresh), cv2.VideoWriter.fourcc(*"MJPG"), fps, SIZE)
    if not writer.isOpened():
        raise OSError(f"{fresh}: OpenCV can't write this video")
    for frame in frames:
        writer.write(frame)
    writer.release()
    fresh.replace(path)
