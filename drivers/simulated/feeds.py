"""Feeds for the watch over cameras: a yard, people who come and go, and what goes wrong.

Functions from a picture to a picture and iterators over frames, (480, 640, 3), BGR, uint8;
nothing here waits or writes.  People are cut from photographs by an oval, which is rough, but
has real skin, cloth and hair in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 480
MARGIN = 400  # the yard goes on beyond the picture, for a camera that turns


def yard(seed: int = 1) -> Image:
    """A gate's surroundings, larger than the picture by MARGIN on each side."""
    random = np.random.default_rng(seed)
    size = (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    ground = random.normal(0, 1, (size[0] // 8, size[1] // 8)).astype(np.float32)
    ground = cv2.resize(ground, size[::-1], interpolation=cv2.INTER_CUBIC) * 6
    image: Image = np.dstack([ground + shade for shade in (104, 112, 108)]).astype(np.uint8)
    for _ in range(90):
        x, y = int(random.integers(0, size[1])), int(random.integers(0, size[0]))
        w, h = (int(v) for v in random.integers(20, 150, 2))
        colour = tuple(int(v) for v in random.integers(40, 210, 3))
        cv2.rectangle(image, (x, y), (x + w, y + h), colour, int(random.choice([-1, 2, 4])))
    for x in range(0, size[1], 90):
        cv2.line(image, (x, 0), (x + int(random.integers(-40, 40)), size[0]), (60, 62, 66), 3)
    return image


def view(scene: Image, across: float = 0.0, down: float = 0.0, roll: float = 0.0) -> Image:
    """What a camera sees that is turned by pixels across and down, and by degrees of roll."""
    centre = (scene.shape[1] / 2, scene.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(centre, roll, 1.0)
    matrix[:, 2] += (WIDTH / 2 - centre[0] - across, HEIGHT / 2 - centre[1] - down)
    seen: Image = cv2.warpAffine(scene, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return seen


def person(photo: Path) -> Image:
    """A portrait as it is."""
    image: Image | None = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{photo} is no picture")
    return image


def stand(background: Image, portrait: Image, *, height: float, x: float, y: float = 0.5) -> Image:
    """`portrait` before the background, its oval `height` pictures high, its middle at x, y
    (shares of the picture)."""
    scale = height * HEIGHT / portrait.shape[0]
    matrix = np.array(
        [
            [scale, 0, x * WIDTH - scale * portrait.shape[1] / 2],
            [0, scale, y * HEIGHT - scale * portrait.shape[0] / 2],
        ]
    )
    mask = np.zeros(portrait.shape[:2], np.uint8)
    middle = (portrait.shape[1] // 2, portrait.shape[0] // 2)
    cv2.ellipse(mask, middle, middle, 0, 0, 360, 255, -1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    placed = cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), flags=how)
    seen = cv2.warpAffine(mask, matrix, (WIDTH, HEIGHT))
    _, inside = cv2.threshold(seen, 127, 255, cv2.THRESH_BINARY)
    result: Image = cv2.copyTo(placed, inside, background.copy())
    return result


def covered(seed: int = 5, *, light: float = 90.0) -> Image:
    """A hand or a tape on the lens: soft shades without an edge."""
    random = np.random.default_rng(seed)
    soft = random.normal(0, 14, (5, 7, 3)).astype(np.float32)
    soft = cv2.resize(soft, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return _picture(soft + np.array([light * 0.7, light * 0.85, light * 1.2]))


def defocused(image: Image, sigma: float) -> Image:
    """Out of focus by `sigma` pixels."""
    blurred: Image = cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image
    return blurred


def exposed(image: Image, stops: float) -> Image:
    """More light or less; a stop doubles it.  White and black clip."""
    return _picture(image.astype(np.float32) * 2.0**stops)


def rain(image: Image, at: float, drops: int = 120) -> Image:
    """Streaks, others in each frame."""
    random = np.random.default_rng(int(at * 1000))
    wet = image.copy()
    for x, y in random.integers(0, (WIDTH, HEIGHT), (drops, 2)):
        cv2.line(wet, (int(x), int(y)), (int(x) + 2, int(y) + 18), (190, 190, 190), 1)
    return wet


def headlights(image: Image, strength: float) -> Image:
    """Two lamps that shine into the lens; 1 dazzles a third of the picture."""
    glare = np.zeros(image.shape[:2], np.float32)
    for x in (WIDTH * 0.35, WIDTH * 0.6):
        cv2.circle(glare, (int(x), int(HEIGHT * 0.6)), 60, 1.0, -1)
    glare = cv2.GaussianBlur(glare, (0, 0), 40) * strength * 500
    return _picture(image + glare[..., None])


class Sensor:
    """Noise of a sensor, fresh in each frame; from a pool that is shifted, since drawing
    a million numbers a frame is slow."""

    def __init__(self, spread: float = 3.0, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        shape = (HEIGHT + 64, WIDTH * 3 + 96)
        self._pools = [
            np.round(self._random.normal(0, spread / np.sqrt(2), shape)).astype(np.int16)
            for _ in range(4)
        ]

    def __call__(self, image: Image) -> Image:
        noise = np.zeros((HEIGHT, WIDTH * 3), np.int16)
        for pool in self._pools[:2] if self._random.random() < 0.5 else self._pools[2:]:
            y, x = (int(v) for v in self._random.integers(0, (64, 96)))
            noise += pool[y : y + HEIGHT, x : x + WIDTH * 3]
        noisy = image.reshape(HEIGHT, -1) + noise
        return _picture(noisy).reshape(image.shape)


def jpeg(image: Image, quality: int = 90) -> Image:
    """Through an encoder and back, as an MJPG camera gives it."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Image = cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return decoded


def looped(
    clip: list[Image], *, again: Callable[[Image, int], Image] | None = None
) -> Iterator[Image]:
    """A clip without end.  `again` is what happens to each frame on its way, given the frame
    and its count: another encoding, say."""
    count = 0
    while True:
        image = clip[count % len(clip)]
        yield again(image, count) if again else image
        count += 1


def reencoded(image: Image, count: int) -> Image:
    """Encoded anew with a quality that changes, and a little noise of a capture device."""
    random = np.random.default_rng(count)
    noise = random.integers(-1, 2, (HEIGHT, WIDTH, 1))
    return jpeg(_picture(image.astype(np.int16) + noise), 80 + count * 7 % 11)


def _picture(values: NDArray[Any]) -> Image:
    clipped: Image = np.clip(values, 0, 255).astype(np.uint8)
    return clipped
