"""Presentation attacks on the face check: what stands before the camera, and how it answers
prompts.

A presenter gives one picture for each frame.  It knows the time and what the reader prompts, as an
attacker does.  Each kind (a "presentation attack instrument species" of ISO/IEC 30107-3) is one
entry of KINDS; HEAD stands for a bona fide person.  The same seed gives the same frames.  This
renders (drivers/simulated/presentation.py) and does not judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from drivers.simulated import presentation as stage
from drivers.simulated.presentation import Picture, Portrait, Pose, Surface
from gateway.face.vision.liveness import Prompt, Turn

FPS = 12
HALF = (88.0, 124.0)  # half the size of a print cut close around the head, mm
LARGE = (330.0, 250.0)  # a print that fills the picture, mm


class Presenter:
    """Something before the camera."""

    def frame(self, at: float, prompt: Prompt) -> Picture:
        raise NotImplementedError


class Sway:
    """Slow sums of sines: the movement that a hand or a neck always has."""

    def __init__(self, random: np.random.Generator, size: float) -> None:
        self._phase = random.uniform(0, 2 * np.pi, 8)
        self._rate = random.uniform(1.2, 4.0, 8)
        self._size = size

    def __call__(self, at: float, pose: Pose) -> Pose:
        s = self._size * np.sin(self._rate * at + self._phase)
        return replace(
            pose,
            x=pose.x + 7 * s[0] + 2 * s[1],
            y=pose.y + 4 * s[2],
            distance=pose.distance + 12 * s[3],
            yaw=pose.yaw + 0.03 * s[4],
            pitch=pose.pitch + 0.03 * s[5],
            roll=pose.roll + 0.025 * s[6],
        )


class Obeying:
    """An angle that follows the prompt after a moment, as people do."""

    def __init__(self, random: np.random.Generator, reach: tuple[float, float]) -> None:
        self._reach = np.deg2rad(random.uniform(*reach))
        self._rate = np.deg2rad(random.uniform(60, 110))
        self._delay = random.uniform(0.25, 0.6)
        self._heard: list[tuple[float, Prompt]] = []
        self._angle = self._before = 0.0

    def __call__(self, at: float, prompt: Prompt) -> float:
        self._heard.append((at, prompt))
        known = [p for when, p in self._heard if when <= at - self._delay]
        aim = {Prompt.LEFT: self._reach, Prompt.RIGHT: -self._reach}.get(
            known[-1] if known else Prompt.STRAIGHT, 0.0
        )
        step = self._rate * (at - self._before)
        self._angle += float(np.clip(aim - self._angle, -step, step))
        self._before = at
        return self._angle


class Shown(Presenter):
    """A picture on a surface, moved by hand."""

    def __init__(
        self,
        seed: int,
        carried: Portrait,
        surface: Surface,
        *,
        sway: float = 1.0,
        reach: tuple[float, float] | None = None,
        nod: float = 0.0,
        wobble: float = 0.0,
        grid_mm: float = 0.0,
        distance: tuple[float, float] = (520.0, 700.0),
    ) -> None:
        self._random = np.random.default_rng(seed)
        self._carried, self._surface, self._grid = carried, surface, grid_mm
        self._wall = stage.wall(seed)
        self._sway = Sway(self._random, sway)
        self._turning = Obeying(self._random, reach) if reach else None
        self._nod, self._wobble = nod, wobble
        self._pose = Pose(
            x=self._random.uniform(-25, 25),
            y=self._random.uniform(-5, 25),
            distance=self._random.uniform(*distance),
        )

    def frame(self, at: float, prompt: Prompt) -> Picture:
        return stage.sensor(self.clean(at, prompt), self._random)

    def pose(self, at: float, prompt: Prompt) -> Pose:
        yaw = self._turning(at, prompt) if self._turning else 0.0
        yaw += self._wobble * np.sin(2.1 * at)
        pitch = self._nod * abs(yaw) + 0.7 * self._wobble * np.sin(1.4 * at + 1)
        return self._sway(at, replace(self._pose, yaw=yaw, pitch=pitch))

    def clean(self, at: float, prompt: Prompt) -> Picture:
        """The picture before the sensor adds its noise."""
        pose = self.pose(at, prompt)
        return stage.render(self._wall, self._carried, self._surface, pose, grid_mm=self._grid)


class Worn(Shown):
    """A print bent around the attacker's head, with holes for the eyes behind."""

    def __init__(self, seed: int, carried: Portrait, other: Portrait) -> None:
        mask = replace(stage.bent(HALF, 80.0), holes=True)
        super().__init__(seed, carried, mask, reach=(32, 48))
        self._other = other

    def clean(self, at: float, prompt: Prompt) -> Picture:
        pose = self.pose(at, prompt)
        deeper = replace(pose, distance=pose.distance + 12)
        behind = stage.render(self._wall, self._other, stage.head(), deeper)
        return stage.render(behind, self._carried, self._surface, pose)


class Replayed(Presenter):
    """A video on a screen that the attacker holds.  `script` says what the person in it does; with
    None it follows the prompts (a puppet)."""

    def __init__(
        self,
        seed: int,
        film: Presenter,
        eyes: Callable[[Picture], Portrait],
        *,
        half: tuple[float, float] = (100.0, 120.0),
        bezel: float = 9.0,
        grid_mm: float = 0.31,
        script: Callable[[float], Prompt] | None = None,
        sway: float = 0.5,
    ) -> None:
        self._random = np.random.default_rng(seed + 7)
        self._film, self._script = film, script
        self._half, self._bezel, self._grid = half, bezel, grid_mm
        self._place = eyes(film.frame(0.0, Prompt.STRAIGHT))
        self._wall = stage.wall(seed + 1)
        self._sway = Sway(self._random, sway)
        self._pose = Pose(distance=self._random.uniform(540, 680))
        self._surface = stage.sheet(half)

    def frame(self, at: float, prompt: Prompt) -> Picture:
        played = self._film.frame(at + 0.01, self._script(at) if self._script else prompt)
        plate = stage.framed(replace(self._place, image=played), self._half, self._bezel)
        pose = self._sway(at, self._pose)
        seen = stage.render(self._wall, plate, self._surface, pose, grid_mm=self._grid)
        return stage.sensor(seen, self._random)


def rhythm(turns: tuple[Turn, ...]) -> Callable[[float], Prompt]:
    """The script of a film made beforehand: a turn every 1.7 s."""

    def now(at: float) -> Prompt:
        index, within = divmod(at - 0.6, 1.7)
        if 0 <= index < len(turns) and within < 0.8:
            return Prompt(turns[int(index)].value)
        return Prompt.STRAIGHT

    return now


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of presentation; `make(seed, portrait, other portrait, eyes)` makes a presenter."""

    name: str
    says: str
    make: Callable[[int, Portrait, Portrait, Callable[[Picture], Portrait]], Presenter]


def _print(
    half: tuple[float, float] = HALF, *, border: float = 0.0, hands: bool = False
) -> Callable[[Portrait], Portrait]:
    return lambda carried: stage.printed(carried, half, border=border, hands=hands)


_CUT, _EDGED, _FILLING = _print(), _print((105, 148), border=9, hands=True), _print(LARGE)


def _head(seed: int, carried: Portrait, sway: float = 1.0) -> Shown:
    return Shown(seed, carried, stage.head(), sway=sway, reach=(26, 38))


HEAD = Kind("head", "a head that does as asked (simulated)", lambda s, c, o, e: _head(s, c))
KINDS = (
    Kind(
        "print_held",
        "print clamped, quite still",
        lambda s, c, o, e: Shown(s, _EDGED(c), stage.sheet((105, 148)), sway=0.0),
    ),
    Kind(
        "print_moved",
        "print in a hand, border and fingers in view, moved about",
        lambda s, c, o, e: Shown(s, _EDGED(c), stage.sheet((105, 148)), sway=2.5),
    ),
    Kind(
        "print_filling",
        "print that fills the picture, moved about",
        lambda s, c, o, e: Shown(s, _FILLING(c), stage.sheet(LARGE), sway=2.0),
    ),
    Kind(
        "print_tilted",
        "print cut close, tilted to and fro",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.sheet(HALF), wobble=0.35),
    ),
    Kind(
        "print_turned",
        "print turned about the vertical as prompted",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.sheet(HALF), reach=(30, 50)),
    ),
    Kind(
        "print_nodding",
        "print turned as prompted and tipped with it",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.sheet(HALF), reach=(30, 45), nod=0.8),
    ),
    Kind(
        "bent_turned",
        "print bent to 80 mm, turned as prompted",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.bent(HALF, 80), reach=(30, 45)),
    ),
    Kind(
        "bent_tight",
        "print bent to 60 mm, turned as prompted",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.bent(HALF, 60), reach=(26, 38)),
    ),
    Kind(
        "folded_turned",
        "print folded along the nose, turned as prompted",
        lambda s, c, o, e: Shown(s, _CUT(c), stage.folded(HALF, 0.55), reach=(26, 38)),
    ),
    Kind(
        "print_worn",
        "bent print worn with holes for the eyes, turned as prompted",
        lambda s, c, o, e: Worn(s, _CUT(c), o),
    ),
    Kind(
        "replay_still",
        "video of the person standing, on a tablet in a hand",
        lambda s, c, o, e: Replayed(s, _head(s, c), e, script=lambda at: Prompt.STRAIGHT),
    ),
    Kind(
        "replay_turns",
        "video of the person turning left, right, left, right",
        lambda s, c, o, e: Replayed(s, _head(s, c), e, script=rhythm((Turn.LEFT, Turn.RIGHT) * 2)),
    ),
    Kind(
        "puppet",
        "the right video at the right time, on a large still screen without a border",
        lambda s, c, o, e: Replayed(
            s, _head(s, c), e, half=LARGE, bezel=0.0, grid_mm=0.0, sway=0.0
        ),
    ),
)
