"""Presentation attacks on the challenge and on the passive cues: APCER, BPCER and the rest.

As ISO/IEC 30107-3 defines them: APCER, the share of attack presentations of one kind taken for
bona fide, stated for each kind and never averaged; BPCER, the share of bona fide presentations
taken for attacks; APNRR and BPNRR, the shares without a response.  Bounds are Clopper-Pearson,
95 %.  The attacks and the turning heads are rendered from photographs; GARITA_FACES may name a
folder with more people (see docs/spoofing.md).  The test and its limits are not a laboratory's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks import FPS, Kind
from drivers.simulated import presentation as stage
from gateway.face.engine import Engine, Face, _models
from gateway.face.liveness import Challenge, Observation, Passive, Reason, Turn

TIMEOUT_S = 9.0
SEEDS = int(os.environ.get("GARITA_SPOOF_SEEDS", "2"))
REPORTED = ("obama.jpg", "biden.jpg", "astronaut.png")


class Eyes:
    """Detector and five points, as the face process has them."""

    def __init__(self) -> None:
        self._engine = Engine(100)
        self._points = dlib.shape_predictor(str(_models() / "shape_predictor_5_face_landmarks.dat"))

    def look(
        self, picture: stage.Picture, engine: Engine | None = None
    ) -> tuple[Face, NDArray[np.float32]] | None:
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        faces = (engine or self._engine).detect(rgb)
        if not faces:
            return None
        face = faces[0]
        box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
        shape = self._points(rgb, box)
        return face, np.array([(p.x, p.y) for p in shape.parts()], np.float32)

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
    """Of one presentation."""

    kind: str
    reason: Reason
    measured: dict[str, Any]
    scores: dict[str, float]
    suspicions: tuple[str, ...]


def present(
    kind: Kind, seed: int, person: stage.Portrait, other: stage.Portrait, eyes: Eyes
) -> Outcome:
    """One presentation against one challenge, drawn from the seed."""
    random = np.random.default_rng(seed + 1000)
    turns = tuple(Turn(str(t)) for t in random.choice(["left", "right"], 2))
    pauses = tuple(float(p) for p in random.uniform(0.3, 1.2, 2))
    challenge, passive = Challenge(turns, 0.0, TIMEOUT_S, pauses), Passive()
    presenter = kind.make(seed, person, other, eyes.portrait)
    at, verdict = 0.0, None
    while verdict is None:
        at += 1 / FPS
        seen = eyes.observe(at, presenter.frame(at, challenge.prompt))
        verdict = challenge.see(seen) if seen else challenge.tick(at)
        if seen:
            passive.see(seen)
    return Outcome(
        kind.name, verdict.reason, verdict.measured, passive.scores, tuple(passive.suspicions)
    )
