"""Videos for a camera that reads a file: a photograph that lives a little.

The picture moves, changes in size, gets sensor noise and light that drifts, so that no two
frames are alike and none is the photograph; or a head that turns, a print, a screen
(drivers/simulated/presentation.py).  Written for OpenCV's own reader.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated import presentation

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


def turning_video(
    photo: Path,
    points: NDArray[np.float32],
    path: Path,
    *,
    turns: tuple[str, ...] = ("left", "right"),
    seed: int = 4,
) -> None:
    """Someone turns the head to the sides named ("left" as the person sees it), a turn every
    two seconds after one straight; `points` are dlib's five in `photo`."""
    person = presentation.portrait(_load(photo), points)
    count = round((1 + 2 * len(turns)) * FPS)
    frames = []
    random, behind = np.random.default_rng(seed), presentation.wall(seed)
    for index in range(count):
        at = index / FPS
        number, within = divmod(at - 1, 2)
        yaw = 0.0
        if number >= 0:
            side = 1 if turns[int(number)] == "left" else -1
            yaw = side * 0.52 * float(np.sin(np.pi * min(1.0, within / 1.6))) ** 2
        pose = _held(at, presentation.Pose(yaw=yaw), 1.0)
        frame = presentation.render(behind, person, presentation.head(), pose)
        frames.append(presentation.sensor(frame, random))
    _write(path, frames)


def print_video(
    photo: Path,
    points: NDArray[np.float32],
    path: Path,
    *,
    turned: bool = False,
    seconds: float = 5.0,
    seed: int = 5,
) -> None:
    """A hand holds a print of `photo` before the camera and moves it; `turned`: about the
    vertical too, as a head would turn."""
    half = (105.0, 148.0)
    sheet = presentation.printed(
        presentation.portrait(_load(photo), points), half, border=9, hands=True
    )
    random, behind = np.random.default_rng(seed), presentation.wall(seed)
    frames = []
    for index in range(round(seconds * FPS)):
        at = index / FPS
        yaw = 0.6 * float(np.sin(2.2 * at)) if turned else 0.0
        pose = _held(at, presentation.Pose(yaw=yaw), 2.0)
        frame = presentation.render(behind, sheet, presentation.sheet(half), pose)
        frames.append(presentation.sensor(frame, random))
    _write(path, frames)


def replay_video(film: Path, points: NDArray[np.float32], path: Path, *, seed: int = 6) -> None:
    """`film` played on a tablet in a hand; `points` are dlib's five in its first frame."""
    capture = cv2.VideoCapture(str(film))
    half = (100.0, 120.0)
    random, behind = np.random.default_rng(seed), presentation.wall(seed)
    frames: list[NDArray[np.uint8]] = []
    while (read := capture.read())[0]:
        played = presentation.portrait(np.asarray(read[1], np.uint8), points)
        screen = presentation.framed(played, half, bezel=9)
        pose = _held(len(frames) / FPS, presentation.Pose(distance=580), 0.5)
        frame = presentation.render(behind, screen, presentation.sheet(half), pose, grid_mm=0.31)
        frames.append(presentation.sensor(frame, random))
    capture.release()
    if not frames:
        raise ValueError(f"{film} is no video")
    _write(path, frames)


def _held(at: float, pose: presentation.Pose, size: float) -> presentation.Pose:
    """What no hand and no neck can help."""
    return replace(
        pose,
        x=pose.x + 8 * size * float(np.sin(1.9 * at)),
        y=pose.y + 5 * size * float(np.sin(2.7 * at + 1)),
        roll=pose.roll + 0.02 * size * float(np.sin(1.3 * at + 2)),
    )


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
