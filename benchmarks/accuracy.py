"""The face match's accuracy on labelled folders, and what scoring a tap costs.

``GARITA_FACES`` names folders (separated by ``:``), each with one sub-folder for each person.  We
may not pass on the public sets whose figures are in docs/face.md.  Without ``GARITA_FACES`` this
measures the cost only.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import say
from gateway.face.accuracy import evaluate
from gateway.face.accuracy.evaluate import Plan
from gateway.face.accuracy.statistics import Trials
from gateway.face.vision.score import score

THRESHOLDS = (0.36, 0.38, 0.40, 0.42, 0.45, 0.50)
WANTED = 0.0001


def nearest(probes: NDArray[np.float32], templates: NDArray[np.float32]) -> float:
    """The former score: the smallest distance of any face to any template."""
    return float(np.linalg.norm(probes[:, None] - templates[None], axis=2).min())


RULES = {"smallest distance": nearest, "score": score}


async def run(folder: Path) -> None:
    random = np.random.default_rng(1)
    probes, templates = (random.normal(0, 0.1, (n, 128)).astype(np.float32) for n in (3, 5))
    begun = time.perf_counter()
    for _ in range(2000):
        score(probes, templates)
    say("one score, 3 faces, 5 templates", f"{(time.perf_counter() - begun) / 2000 * 1e6:.0f} µs")
    for name in filter(None, os.environ.get("GARITA_FACES", "").split(":")):
        pictures = evaluate.people(Path(name))
        paths = [path for found in pictures.values() for path in found]
        seen = evaluate.look(paths, 3, lambda: None)
        people = {who: [seen[path] for path in found] for who, found in pictures.items()}
        for frames in (3, 1):
            for rule, function in RULES.items():
                plan = Plan(frames=frames, splits=20, rule=function)
                made, _ = evaluate.trials(people, plan)
                say(f"{Path(name).name}, {frames} a tap, {rule}", _figures(made))


def _figures(made: Trials) -> str:
    tried = f"{len(made.genuine) / made.splits:.0f}/{len(made.impostor) / made.splits:.0f}"
    rates = (
        f"{at:.2f}: {made.fmr(at).value * 100:.3f}/{made.fnmr(at).value * 100:.2f} %"
        for at in THRESHOLDS
    )
    spread = np.sqrt((made.genuine.var() + made.impostor.var()) / 2)
    apart = (made.impostor.mean() - made.genuine.mean()) / spread
    at = made.threshold_for(WANTED, proven=False) or 0.0
    best = f"FNMR {made.fnmr(at).value * 100:.2f} % at FMR {WANTED:.2%} ({at:.3f})"
    return f"{made.people} people, {tried}; d' {apart:.2f}; {best}; " + ", ".join(rates)
