"""Pictures of the vehicle with the points of a checklist on them.

A picture is 360 units wide and 240 high; on a phone one unit is about one pixel.  Marks of 48
units, for gloves, stand in a row above and one below the vehicle, and a line leads from each to its
spot.  So a picture has room for twelve points, and no two marks touch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.desk.freight.checklists import Checklist
from gateway.locale import N_

WIDTH, HEIGHT = 360, 240
TOP, BOTTOM = 27, HEIGHT - 27
GAP = 54
A_ROW = 6

Spot = tuple[int, int]

VIEWS: Mapping[str, str] = {
    "tractor": N_("the tractor from the left"),
    "trailer": N_("the trailer from the left"),
    "box": N_("into the trailer or container, from behind"),
    "pests": N_("into the trailer or container, from behind: pests"),
}

SHORT: Mapping[str, str] = {
    "tractor": N_("tractor"),
    "trailer": N_("outside"),
    "box": N_("inside"),
    "pests": N_("inside"),
}
"""The same for a phone, where several pictures stand behind each other."""

SPOTS: Mapping[str, Mapping[str, Spot]] = {
    "tractor": {
        "bumper": (48, 164),
        "engine": (82, 128),
        "doors": (142, 126),
        "battery-box": (214, 166),
        "air-breather": (111, 96),
        "fuel-tanks": (170, 168),
        "cab": (140, 92),
        "roof": (172, 62),
        "tyres": (92, 172),
        "floor": (146, 150),
        "air-tanks": (238, 166),
        "drive-shafts": (272, 160),
        "fifth-wheel": (292, 144),
        "exhaust": (221, 80),
    },
    "trailer": {
        "fifth-wheel": (52, 152),
        "exterior": (150, 100),
        "rear": (338, 130),
        "undercarriage": (196, 158),
    },
    "box": {
        "front-wall": (180, 122),
        "left-side": (96, 116),
        "right-side": (264, 116),
        "floor": (180, 170),
        "ceiling": (180, 72),
        "doors": (34, 130),
        "undercarriage": (300, 192),
        "fan-housing": (206, 102),
        "refrigeration": (206, 102),
    },
    "pests": {
        "insects": (112, 86),
        "animals": (104, 160),
        "plants": (256, 166),
        "wood": (190, 150),
        "odour": (150, 174),
    },
}
"""Where each point of a checklist lies on each picture."""

_SEVENTEEN: tuple[tuple[str, frozenset[str]], ...] = (
    ("tractor", frozenset(SPOTS["tractor"]) - {"doors"}),
    ("trailer", frozenset({"undercarriage"})),
    ("box", frozenset(SPOTS["box"])),
)
"""The list of tractor and trailer together: its doors are those of the trailer."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point on a picture: its number on the list, the middle of its mark, and its spot."""

    point: str
    number: int
    x: int
    y: int
    spot_x: int
    spot_y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture with its marks."""

    view: str
    title: str
    short: str
    marks: tuple[Mark, ...]


def of(checklist: Checklist) -> list[Drawing]:
    """The pictures for a list.  Points of a site's own list that no picture knows have no mark:
    the list below the pictures has them all."""
    numbers = {point.id: n for n, point in enumerate(checklist.points, 1)}
    left = dict.fromkeys(numbers)
    found = []
    for view, known in _views(checklist):
        here = [point for point in left if point in known and point in SPOTS[view]][: 2 * A_ROW]
        for point in here:
            del left[point]
        if here:
            marks = _marks({point: SPOTS[view][point] for point in here}, numbers)
            found.append(Drawing(view, VIEWS[view], SHORT[view], marks))
    return found


def _views(checklist: Checklist) -> Sequence[tuple[str, Collection[str]]]:
    if checklist.name == "tractor-trailer-17":
        return _SEVENTEEN
    if checklist.pests:
        return [("pests", SPOTS["pests"])]
    if not checklist.per_unit:
        return [("tractor", SPOTS["tractor"])]
    whole_trailer = any(point.id == "fifth-wheel" for point in checklist.points)
    outside = [("trailer", SPOTS["trailer"])] if whole_trailer else []
    return [*outside, ("box", SPOTS["box"])]


def _marks(spots: Mapping[str, Spot], numbers: Mapping[str, int]) -> tuple[Mark, ...]:
    """The marks, half of them above and half below, each row from left to right."""
    by_height = sorted(spots, key=lambda point: (spots[point][1], spots[point][0]))
    above = (len(by_height) + 1) // 2
    marks = []
    for row, y in ((by_height[:above], TOP), (by_height[above:], BOTTOM)):
        ordered = sorted(row, key=lambda point: spots[point])
        places = _apart([spots[point][0] for point in ordered])
        for point, x in zip(ordered, places, strict=True):
            marks.append(Mark(point, numbers[point], x, y, *spots[point]))
    return tuple(sorted(marks, key=lambda mark: mark.number))


def _apart(wanted: Sequence[int]) -> list[int]:
    """Places near the `wanted` ones, in the same order, at least `GAP` apart and inside the
    picture.  The sum of the squares of the moves is the least (isotonic regression by pooling
    neighbours)."""
    pools: list[tuple[float, int]] = []  # (mean place of the first mark, how many)
    for n, x in enumerate(wanted):
        mean, count = float(x - n * GAP), 1
        while pools and pools[-1][0] >= mean:
            before, many = pools.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    firsts = [mean for mean, count in pools for _ in range(count)]
    most = WIDTH - GAP // 2 - (len(wanted) - 1) * GAP
    return [round(min(max(x, GAP // 2), most)) + n * GAP for n, x in enumerate(firsts)]
