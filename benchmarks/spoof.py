"""Presentation attacks on the challenge and on the passive cues: APCER, BPCER and the other rates.

ISO/IEC 30107-3 defines them.  APCER is the share of attack presentations of one kind that pass as
bona fide; it is stated for each kind and never averaged.  BPCER is the share of bona fide
presentations that count as attacks.  APNRR and BPNRR are the shares that got no response.  A
presentation without a response opens no door.  Bounds are Clopper-Pearson's, two-sided, 95 %.

This renders attacks and turning heads from photographs (drivers/simulated/presentation.py), so the
figures are those of a simulation and not of a laboratory.  GARITA_FACES may name a folder with one
folder of pictures for each further person, and videos of live people for the passive cues.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks import FPS, HEAD, KINDS, Kind
from benchmarks.figures import percentile, say
from demo.photos import fetch
from drivers.simulated import presentation as stage
from gateway.face.vision.engine import Engine, Face
from gateway.face.vision.liveness import (
    Challenge,
    ChallengeReason,
    Observation,
    Passive,
    Prompt,
    Turn,
)

TIMEOUT_S = 8.0
SEEDS = int(os.environ.get("GARITA_SPOOF_SEEDS", "2"))
REPORTED = ("obama.jpg", "biden.jpg", "astronaut.png")
SILENT = (ChallengeReason.NO_RESPONSE, ChallengeReason.FACE_LOST, ChallengeReason.UNMEASURED)


class Eyes:
    """Detector and five points, as the face process has them."""

    def __init__(self) -> None:
        self._engine = Engine(100)

    def all(
        self, picture: stage.Picture, engine: Engine
    ) -> Iterator[tuple[Face, NDArray[np.float32]]]:
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        for face in engine.detect(rgb):
            yield face, engine.landmarks(rgb, face)

    def look(self, picture: stage.Picture) -> tuple[Face, NDArray[np.float32]] | None:
        """The widest face."""
        return next(self.all(picture, self._engine), None)

    def portrait(self, picture: stage.Picture) -> stage.Portrait:
        found = self.look(picture)
        if found is None:
            raise ValueError("no face in the picture")
        return stage.portrait(picture, found[1])

    def observe(self, at: float, picture: stage.Picture) -> Observation | None:
        found = self.look(picture)
        if found is None:
            return None
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return Observation(at, grey, found[0], found[1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one presentation."""

    reason: ChallengeReason
    measured: dict[str, Any]
    scores: dict[str, float]
    suspect: bool

    @property
    def passed(self) -> bool:
        return self.reason is ChallengeReason.PASSED

    @property
    def silent(self) -> bool:
        return self.reason in SILENT


def present(
    kind: Kind, seed: int, person: stage.Portrait, other: stage.Portrait, eyes: Eyes
) -> Outcome:
    """One presentation against one challenge, drawn from the seed."""
    random = np.random.default_rng(seed + 1000)
    turns = tuple(Turn(str(side)) for side in random.choice(["left", "right"], 2))
    pauses = tuple(float(pause) for pause in random.uniform(0.3, 1.2, 2))
    challenge, passive = Challenge(turns, 0.0, TIMEOUT_S, pauses), Passive()
    presenter = kind.make(seed, person, other, eyes.portrait)
    at, verdict = 0.0, None
    while verdict is None:
        at += 1 / FPS
        seen = eyes.observe(at, presenter.frame(at, challenge.prompt))
        verdict = challenge.see(seen) if seen else challenge.tick(at)
        if seen:
            passive.see(seen)
    return Outcome(verdict.reason, verdict.measured, passive.scores, passive.suspect)


def people(eyes: Eyes) -> Iterator[stage.Portrait]:
    """One straight picture of each person."""
    photos = fetch()
    for name in REPORTED:
        yield eyes.portrait(cv2.imread(str(photos / name)))
    known = {Path(name).stem for name in REPORTED}
    for folder in sorted(p for p in _more().iterdir() if p.is_dir()) if _more() else []:
        if folder.name in known:
            continue
        for file in sorted(folder.iterdir()):
            picture = cv2.imread(str(file))
            seen = None if picture is None else eyes.observe(0.0, picture)
            if seen is not None and abs(seen.turn) < 0.15:
                yield stage.portrait(picture, seen.points)
                break


def _more() -> Path | None:
    name = os.environ.get("GARITA_FACES")
    return Path(name) if name else None


def bounds(hits: int, of: int) -> tuple[float, float]:
    """Clopper-Pearson, 95 %, two-sided, by bisection of the binomial's tails."""

    def tail(p: float, least: int) -> float:
        return sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(least, of + 1))

    def solve(rising: Callable[[float], float]) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if rising(middle) < 0 else (low, middle)
        return low

    lowest = 0.0 if hits == 0 else solve(lambda p: tail(p, hits) - 0.025)
    highest = 1.0 if hits == of else solve(lambda p: tail(p, hits + 1) - 0.975)
    return lowest, highest


def rate(hits: int, of: int) -> str:
    low, high = bounds(hits, of)
    return f"{hits}/{of} = {hits / of:4.0%} ({low:.0%}..{high:.0%})"


def attack_row(kind: Kind, got: list[Outcome]) -> None:
    of = len(got)
    say(
        kind.name,
        f"APCER {rate(sum(o.passed for o in got), of)}"
        f"  APNRR {sum(o.silent for o in got) / of:4.0%}"
        f"  passive alone {sum(not o.suspect for o in got) / of:4.0%}"
        f"  both {sum(o.passed and not o.suspect for o in got) / of:4.0%}",
    )
    turns = [t for o in got for t in o.measured["turns"] if "relief" in t]
    if turns and not kind.name.startswith(("puppet", "replay")):
        say(f"  most relief of {len(turns)} turns", f"{max(t['relief'] for t in turns):.4f}")


def head_row(got: list[Outcome]) -> None:
    of = len(got)
    say(
        "simulated heads",
        f"BPCER {rate(sum(not o.passed and not o.silent for o in got), of)}"
        f"  BPNRR {rate(sum(o.silent for o in got), of)}",
    )
    turns = [t for o in got for t in o.measured["turns"] if "relief" in t]
    say("  relief of heads, least and median", _spread([t["relief"] for t in turns]))
    say("  ended by", " ".join(f"{k} {n}" for k, n in Counter(o.reason for o in got).items()))


def _spread(values: list[float]) -> str:
    return f"{min(values):.4f}, {percentile(values, 0.5):.4f} (n={len(values)})"


def live(path: Path) -> None:
    """What the passive cues say of each track in a video of live people."""
    eyes, engine = Eyes(), Engine(80)
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    tracks: list[tuple[Observation, Passive]] = []
    number = 0
    while (read := capture.read())[0]:
        number += 1
        grey = cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)
        for face, points in eyes.all(read[1], engine):
            seen = Observation(number / fps, grey, face, points)
            for index, (last, passive) in enumerate(tracks):
                far = np.hypot(*np.subtract(seen.centre, last.centre))
                if seen.at - last.at < 0.5 and far < 0.4 * face.width:
                    tracks[index] = (seen, passive)
                    passive.see(seen)
                    break
            else:
                tracks.append((seen, Passive()))
                tracks[-1][1].see(seen)
    windows = [passive for _, passive in tracks if passive.scores]
    say(
        f"live video {path.name}: tracks suspected, passive",
        rate(sum(p.suspect for p in windows), len(windows)) if windows else "none long enough",
    )
    for passive in windows:
        say("  scores", " ".join(f"{k} {v:.4f}" for k, v in passive.scores.items()))


def cost(person: stage.Portrait, eyes: Eyes) -> None:
    """Time of each cue on one core, 640 x 480."""
    presenter = HEAD.make(1, person, person, eyes.portrait)
    seen = []
    for index in range(1, 40):
        observation = eyes.observe(index / FPS, presenter.frame(index / FPS, Prompt.STRAIGHT))
        if observation:
            seen.append(observation)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    passive, took = Passive(), []
    challenge, asked = Challenge((Turn.LEFT,), 0.0, 60.0), []
    for observation in seen:
        begun = time.perf_counter()
        passive.see(observation)
        took.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        challenge.see(observation)
        asked.append((time.perf_counter() - begun) * 1000)
    cv2.setNumThreads(threads)
    for what, values in (("passive", took), ("challenge", asked)):
        say(
            f"{what}, a frame on one core (ms)",
            f"mean {np.mean(values):.1f}  p50 {percentile(values, 0.5):.1f}"
            f"  p95 {percentile(values, 0.95):.1f}  worst {max(values):.1f}",
        )


async def run(folder: Path) -> None:
    eyes = Eyes()
    crowd = list(people(eyes))
    cost(crowd[0], eyes)
    say("people", str(len(crowd)))
    passed: dict[str, float] = {}
    for kind in (HEAD, *KINDS):
        got = []
        for number, person in enumerate(crowd):
            other = crowd[(number + 1) % len(crowd)]
            # All heads give one rate, so there are more of them than of one kind of attack.
            for seed in range(SEEDS * (3 if kind is HEAD else 1)):
                got.append(present(kind, 7000 + 100 * number + seed, person, other, eyes))
        if kind is HEAD:
            head_row(got)
        else:
            attack_row(kind, got)
            passed[kind.name] = sum(o.passed for o in got) / len(got)
    most = max(passed.values())
    worst = ", ".join(name for name, share in passed.items() if share == most)
    say("WORST KIND", f"{worst}: APCER {most:.0%}")
    for path in sorted(_more().glob("*.mp4")) if _more() else []:
        live(path)
