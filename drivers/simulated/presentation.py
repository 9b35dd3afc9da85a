"""What a camera sees of a head that turns, of a print, and of a screen: rendered from pictures.

A surface (head, sheet, bent sheet, folded sheet) carries a picture, stands in a pose before a
pinhole camera and a wall, and comes out as a frame of 640 x 480.  Lengths are millimetres, with
the origin between the eyes, x to the picture's right, y down, z away from the camera; angles
are radians.  Stand-ins: the head is one smooth depth map with a nose, the same for everybody
and stiff; the screen's moiré and the print's loss of contrast are guesses at a typical device.
A figure measured on these says what such frames do, not what people do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (640, 480)
FOCAL_PX = 600.0
EYES_MM = 90.0  # between the outer corners
STEP = 3
NECK_MM = 85.0  # the axis of a head's turn, behind the eyes

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]
Depth = Callable[[Field, Field], Field]
"""Depth (mm, negative towards the camera) of a surface at x and y."""
Unroll = Callable[[Field], Field]
"""Place on the sheet (mm along it) of what stands at x."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture and where its eyes are; `points` as dlib's five (see `portrait`)."""

    image: Picture
    middle: tuple[float, float]
    px_per_mm: float
    roll: float


def portrait(image: Picture, points: NDArray[np.float32]) -> Portrait:
    """`image` BGR, `points` of shape (5, 2): 0 and 2 are the outer corners of the eyes."""
    axis = points[0] - points[2]
    middle = (points[0] + points[2]) / 2
    return Portrait(
        image,
        (float(middle[0]), float(middle[1])),
        float(np.hypot(*axis)) / EYES_MM,
        float(np.arctan2(axis[1], axis[0])),
    )


@dataclass(frozen=True, slots=True)
class Pose:
    """Turned by `yaw` (positive: the nose to the picture's right), `pitch` and `roll`, standing
    at (x, y) and `distance` before the camera."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    distance: float = 620.0


@dataclass(frozen=True, slots=True)
class Surface:
    """`half` is half the width and height (mm) of what there is of it; `axis` how far behind
    its origin it turns; soft edges belong to heads; `holes` are cut for eyes behind."""

    depth: Depth
    unroll: Unroll
    half: tuple[float, float]
    axis: float = 0.0
    head: bool = False
    holes: bool = False


def head() -> Surface:
    """A smooth head with brow, nose and chin: depths after common anthropometry (the base of
    the nose some 20 mm before the eyes)."""
    return Surface(_head_depth, _as_is, (88.0, 125.0), NECK_MM, head=True)


def sheet(half: tuple[float, float]) -> Surface:
    return Surface(lambda x, y: np.zeros_like(x), _as_is, half)


def bent(half: tuple[float, float], radius: float) -> Surface:
    """Bent about the vertical, the middle towards the camera."""

    def depth(x: Field, y: Field) -> Field:
        inside = np.clip(x / radius, -0.95, 0.95)
        return np.asarray(radius - radius * np.sqrt(1 - inside**2), np.float32)

    def unroll(x: Field) -> Field:
        inside = x / radius
        along = radius * np.arcsin(np.clip(inside, -0.95, 0.95))
        return np.asarray(np.where(np.abs(inside) > 0.95, 1e4, along), np.float32)

    return Surface(depth, unroll, half, axis=radius)


def folded(half: tuple[float, float], angle: float) -> Surface:
    """Folded along the bridge of the nose, the crease towards the camera."""

    def depth(x: Field, y: Field) -> Field:
        return np.asarray(np.abs(x) * np.tan(angle), np.float32)

    def unroll(x: Field) -> Field:
        return np.asarray(x / np.cos(angle), np.float32)

    return Surface(depth, unroll, half, axis=40.0)


def _as_is(x: Field) -> Field:
    return x


def _head_depth(x: Field, y: Field) -> Field:
    round_ = x**2 / 150 + (y - 15) ** 2 / 260
    bridge = np.clip((y + 5) / 45, 0, 1) * (y < 40) + np.exp(-((y - 40) ** 2) / 60) * (y >= 40)
    nose = 23 * np.exp(-(x**2) / (2 * 11.0**2)) * bridge
    sockets = 7 * np.exp(-((np.abs(x) - 32) ** 2) / 300 - y**2 / 160)
    mouth = 7 * np.exp(-(x**2) / 700 - (y - 68) ** 2 / 200)
    return np.asarray(np.minimum(round_ - nose + sockets - mouth, 90.0), np.float32)


@functools.lru_cache(maxsize=4)
def _room(size: tuple[int, int]) -> Picture:
    return wall(9, size)


def wall(seed: int = 5, size: tuple[int, int] = SIZE) -> Picture:
    """A wall with stains and edges at every scale, so that there is something to follow."""
    random = np.random.default_rng(seed)
    picture = np.full((size[1], size[0], 3), 120.0, np.float32)
    for cells in (6, 20, 60):
        coarse = random.normal(0, 14, (cells * 3 // 4, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(25):
        a = (int(random.integers(0, size[0])), int(random.integers(0, size[1])))
        b = (a[0] + int(random.integers(15, 90)), a[1] + int(random.integers(15, 90)))
        colour = tuple(float(c) for c in random.integers(60, 200, 3))
        cv2.rectangle(picture, a, b, colour, -1 if random.random() < 0.5 else 2)
    return np.asarray(cv2.GaussianBlur(np.clip(picture, 0, 255), (0, 0), 1.0), np.uint8)


def render(
    behind: Picture,
    carried: Portrait,
    surface: Surface,
    pose: Pose,
    *,
    grid_mm: float = 0.0,
) -> Picture:
    """`carried` on `surface` before `behind`; with `grid_mm` the surface is a screen of that
    pixel pitch, whose grid beats against the camera's."""
    height, width = behind.shape[:2]
    x, y = _meet(surface, pose, width, height)
    along = surface.unroll(x)
    cos, sin = np.cos(carried.roll), np.sin(carried.roll)
    px = carried.px_per_mm
    map_x = (carried.middle[0] + px * (cos * along - sin * y)).astype(np.float32)
    map_y = (carried.middle[1] + px * (sin * along + cos * y)).astype(np.float32)
    # A camera pixel covers about pose.distance / FOCAL_PX mm of the picture.
    source = carried.image
    spread = px * pose.distance / FOCAL_PX / 2
    if spread > 0.8:
        source = cv2.GaussianBlur(source, (0, 0), spread * 0.6)
    front = cv2.remap(source, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(
        np.float32
    )
    if grid_mm:
        beat = np.cos(2 * np.pi * along / grid_mm) + np.cos(2 * np.pi * y / grid_mm)
        front = front * (1 + 0.05 * beat[:, :, None])
    cover = _cover(surface, along, y)[:, :, None]
    if surface.head:
        behind = _body(behind, carried, pose)
    mixed = behind * (1 - cover) + front * cover
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def project(
    surface: Surface, pose: Pose, at: NDArray[np.float64], size: tuple[int, int] = SIZE
) -> NDArray[np.float32]:
    """Pixels, shape (n, 2), of points `at` (x and y on the surface, mm)."""
    x, y = at[:, 0].astype(np.float32), at[:, 1].astype(np.float32)
    axis = np.array([0.0, 0.0, surface.axis])
    own = np.stack([x, y, surface.depth(x, y)], axis=1) - axis
    there = own @ _rotation(pose).T + axis + (pose.x, pose.y, pose.distance)
    middle = (size[0] / 2, size[1] / 2)
    return np.asarray(there[:, :2] / there[:, 2:] * FOCAL_PX + middle, np.float32)


def sensor(frame: Picture, random: np.random.Generator, spread: float = 3.0) -> Picture:
    """The noise and slight blur of a small camera."""
    soft = cv2.GaussianBlur(frame, (0, 0), 0.7).astype(np.float32)
    noise = random.standard_normal(soft.shape[:2], np.float32)[:, :, None] * spread
    noise = noise + random.standard_normal(soft.shape, np.float32) * (spread / 3)
    return np.asarray(np.clip(soft + noise, 0, 255), np.uint8)


def printed(
    carried: Portrait, half: tuple[float, float], *, border: float, hands: bool
) -> Portrait:
    """The portrait as a print of half-size `half` (mm): duller, with a white border of so many
    mm and, if wanted, the fingers that hold it."""
    image = _plate(carried, half)
    image = np.clip(image.astype(np.float32) * 0.82 + 28, 0, 255).astype(np.uint8)
    edge = round(border * 2)
    if edge:
        height, width = image.shape[:2]
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), (235, 238, 236), 2 * edge)
    if hands:
        _fingers(image)
    return Portrait(image, (half[0] * 2, half[1] * 2 * PLATE_EYES), 2.0, 0.0)


def framed(carried: Portrait, half: tuple[float, float], bezel: float) -> Portrait:
    """The portrait on a screen: brighter and bluer, with a black bezel of so many mm."""
    image = _plate(carried, half).astype(np.float32) * (1.12, 1.04, 0.98)
    image = np.clip(image + 6, 0, 255).astype(np.uint8)
    edge = round(bezel * 2)
    height, width = image.shape[:2]
    if edge:
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), (14, 13, 12), 2 * edge)
    return Portrait(image, (half[0] * 2, half[1] * 2 * PLATE_EYES), 2.0, 0.0)


PLATE_EYES = 0.9  # the eyes stand a little above the middle of a plate


def _plate(carried: Portrait, half: tuple[float, float]) -> Picture:
    """The portrait cut to size, 2 pixels a mm, upright."""
    width, height = round(half[0] * 4), round(half[1] * 4)
    cos, sin = np.cos(carried.roll), np.sin(carried.roll)
    px = carried.px_per_mm / 2
    matrix = np.array([[cos * px, -sin * px, 0.0], [sin * px, cos * px, 0.0]])
    matrix[:, 2] = np.array(carried.middle) - matrix[:, :2] @ (
        half[0] * 2,
        half[1] * 2 * PLATE_EYES,
    )
    image = carried.image
    if px > 1.2:
        image = cv2.GaussianBlur(image, (0, 0), px * 0.4)
    plate = _room((width, height)).copy()  # where the portrait ends, some other room
    cv2.warpAffine(
        image,
        matrix,
        (width, height),
        dst=plate,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return plate


def _fingers(image: Picture) -> None:
    height, width = image.shape[:2]
    for side in (0, width - 1):
        for place in range(4):
            centre = (side, int(height * (0.62 + 0.06 * place)))
            colour = (120 + 6 * place, 150 + 4 * place, 196)
            cv2.ellipse(image, centre, (34, 15), 0, 0, 360, colour, -1)


def _meet(surface: Surface, pose: Pose, width: int, height: int) -> tuple[Field, Field]:
    """Where the ray of each pixel meets the surface, in the surface's own x and y (mm).

    Found by going back and forth between the ray and the depth there, on a coarser grid that
    is smooth enough to fill in."""
    # Where cv2.resize, which goes by the middles of pixels, will look for them.
    xs = np.arange(STEP // 2, width + STEP, STEP, dtype=np.float32)
    ys = np.arange(STEP // 2, height + STEP, STEP, dtype=np.float32)
    ray = np.stack(
        [
            *np.meshgrid((xs - width / 2) / FOCAL_PX, (ys - height / 2) / FOCAL_PX),
            np.ones((len(ys), len(xs)), np.float32),
        ],
        axis=-1,
    )
    rotation = _rotation(pose)
    axis = np.array([0.0, 0.0, surface.axis])
    origin = np.array([pose.x, pose.y, pose.distance])
    # own = R^T (s * ray - origin - axis) + axis: the surface turns about its axis
    start = rotation.T @ -(origin + axis) + axis
    along = ray @ rotation
    z = np.zeros(ray.shape[:2], np.float32)
    x = y = z
    for _ in range(9):
        reach = (z - start[2]) / along[:, :, 2]
        x = (start[0] + reach * along[:, :, 0]).astype(np.float32)
        y = (start[1] + reach * along[:, :, 1]).astype(np.float32)
        z = 0.3 * z + 0.7 * surface.depth(x, y)
    size = (len(xs) * STEP, len(ys) * STEP)
    return (
        np.asarray(cv2.resize(x, size)[:height, :width], np.float32),
        np.asarray(cv2.resize(y, size)[:height, :width], np.float32),
    )


def _rotation(pose: Pose) -> NDArray[np.float64]:
    cy, sy = np.cos(pose.yaw), np.sin(pose.yaw)
    cp, sp = np.cos(pose.pitch), np.sin(pose.pitch)
    cr, sr = np.cos(pose.roll), np.sin(pose.roll)
    # The front is at negative z: turning it to +x is a turn that takes -z to +x.
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    found: NDArray[np.float64] = yaw @ pitch @ roll
    return found


def _cover(surface: Surface, along: Field, y: Field) -> Field:
    """1 where the surface is, 0 where it is not."""
    if surface.head:
        far = (along / surface.half[0]) ** 2 + ((y - 5) / surface.half[1]) ** 2
        return np.asarray(np.clip((1.06 - far) / 0.12, 0, 1), np.float32)
    # The plate's eyes stand above its middle.
    down = y - surface.half[1] * (1 - PLATE_EYES)
    inside = np.minimum(surface.half[0] - np.abs(along), surface.half[1] - np.abs(down))
    cover = np.clip(inside + 0.5, 0, 1)
    if surface.holes:
        cover *= ((np.abs(along) - 32) / 17) ** 2 + (y / 10) ** 2 > 1
    return np.asarray(cover, np.float32)


def _body(behind: Picture, carried: Portrait, pose: Pose) -> Picture:
    """Neck and shoulders of the portrait: they do not turn with the head."""
    still = replace(pose, yaw=0.0, pitch=0.0, roll=0.0)
    height, width = behind.shape[:2]
    scale = FOCAL_PX / (still.distance + 30)
    xs = (np.arange(width, dtype=np.float32) - width / 2) / scale - still.x
    ys = (np.arange(height, dtype=np.float32) - height / 2) / scale - still.y
    x, y = np.meshgrid(xs, ys)
    cos, sin = np.cos(carried.roll), np.sin(carried.roll)
    px = carried.px_per_mm
    map_x = (carried.middle[0] + px * (cos * x - sin * y)).astype(np.float32)
    map_y = (carried.middle[1] + px * (sin * x + cos * y)).astype(np.float32)
    front = cv2.remap(
        carried.image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    broad = np.where(y > 120, 190.0, 62.0)
    cover = np.clip((y - 70) / 12, 0, 1) * np.clip((broad - np.abs(x)) / 10, 0, 1)
    mixed = behind * (1 - cover[:, :, None]) + front * cover[:, :, None]
    return np.asarray(mixed, np.uint8)
