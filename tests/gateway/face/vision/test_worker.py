"""The face process at work on a person who answers: the worker itself, its watcher in real time,
and a camera whose pictures are rendered as the prompts ask (a stand-in: nobody stands here)."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.base import CameraState, Frame
from drivers.simulated import presentation as stage
from gateway.decide.model import FaceOutcome
from gateway.face.enrolment import ExaminedPhotograph
from gateway.face.result import result_of
from gateway.face.vision.engine import Engine
from gateway.face.vision.watch import Watcher
from gateway.face.vision.worker import Worker

pytestmark = pytest.mark.slow

FPS = 12
THRESHOLD = 0.45


class Actor:
    """A camera before which a head, or a print of one, does what the reader says."""

    state = CameraState.OK

    def __init__(self, portrait: stage.Portrait, surface: stage.Surface) -> None:
        self.portrait, self.surface = portrait, surface
        self.prompt = "straight"
        self.obeys = True
        self._wall = stage.wall(3)
        self._random = np.random.default_rng(3)
        self._begun = time.monotonic()
        self._yaw = 0.0
        self._number = 0
        self._frame: Frame | None = None
        self._lock = threading.Lock()

    def set_rate(self, fps: float | None) -> None:
        """It shows every frame."""

    def next(self, after: int, timeout_s: float) -> Frame:
        with self._lock:
            number = max(after + 1, int((time.monotonic() - self._begun) * FPS))
            time.sleep(max(0.0, self._begun + number / FPS - time.monotonic()))
            aim = {"left": 0.5, "right": -0.5}.get(self.prompt if self.obeys else "", 0.0)
            self._yaw += float(np.clip(aim - self._yaw, -0.13, 0.13))
            at = number / FPS
            pose = stage.Pose(
                yaw=self._yaw + 0.02 * np.sin(2 * at), x=4 * np.sin(1.3 * at), y=3 * np.sin(at)
            )
            picture = stage.render(self._wall, self.portrait, self.surface, pose)
            return Frame(stage.sensor(picture, self._random), time.monotonic(), number)


class Scene:
    def __init__(self, actor: Actor, templates: str) -> None:
        self.actor, self.templates = actor, templates
        self.sent: list[dict[str, Any]] = []
        self.worker = Worker({"cameras": {}, "frames": 3, "min_face_px": 80}, io.BytesIO())
        self.worker._send = self._take  # type: ignore[method-assign]
        self.worker.comparisons._send = self._take
        self.worker.cameras["gate"] = actor  # type: ignore[assignment]
        watcher = Watcher(actor, self.worker.engine, 80)  # type: ignore[arg-type]
        self.worker.watchers["gate"] = watcher
        watcher.start()

    def _take(self, message: dict[str, Any]) -> None:
        self.sent.append(dict(message))
        if "prompt" in message:
            self.actor.prompt = str(message["prompt"])

    def match(self, **more: Any) -> dict[str, Any]:
        now = time.monotonic()
        request = {
            "op": "match",
            "id": 7,
            "camera": "gate",
            "person": "e1",
            "templates": self.templates,
            "threshold": THRESHOLD,
            "tapped_at": now,
            "deadline": now + 5,
            "max_age_s": 1.5,
        }
        self.worker._answer({**request, **more})
        return self.sent[-1]


@pytest.fixture(scope="module")
def person(
    engine: Engine, examined: Callable[[str], ExaminedPhotograph], photos: Path
) -> tuple[stage.Portrait, str]:
    picture = cv2.imread(str(photos / "obama.jpg"))
    assert picture is not None
    face = engine.detect(picture)[0]
    portrait = stage.portrait(picture, engine.landmarks(picture, face))
    looks = [examined(name) for name in ("obama.jpg", "obama2.jpg", "obama3.jpg")]
    rows = np.stack([look.embedding for look in looks if look.embedding is not None])
    return portrait, base64.b64encode(rows.astype("<f4").tobytes()).decode()


@pytest.fixture
def scenes() -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(actor: Actor, templates: str) -> Scene:
        made.append(Scene(actor, templates))
        return made[-1]

    yield make
    for scene in made:
        scene.worker.watchers["gate"].stop()


def test_who_turns_as_asked_passes(
    person: tuple[stage.Portrait, str], scenes: Callable[..., Scene]
) -> None:
    scene = scenes(Actor(person[0], stage.head()), person[1])
    for _ in range(5):
        answer = scene.match(challenge=True)
        assert answer["outcome"] == "match", answer
        # On a busy machine half a second may pass without a frame: they are asked once more.
        if answer["liveness"].get("detail") not in {"face_lost", "no_response"}:
            break
    prompts = [message["prompt"] for message in scene.sent if "prompt" in message]
    assert prompts[0] == "straight" and {"left", "right"} & set(prompts)
    assert answer["liveness"]["challenge"] is True, answer["liveness"]
    result = result_of(answer, THRESHOLD)
    assert result.outcome is FaceOutcome.MATCH
    assert result.liveness is not None and result.liveness.challenge is True


def test_a_print_that_is_turned_as_asked_does_not(
    person: tuple[stage.Portrait, str], scenes: Callable[..., Scene]
) -> None:
    scene = scenes(Actor(person[0], stage.sheet((150.0, 200.0))), person[1])
    answer = scene.match(challenge=True)
    assert answer["outcome"] == "match", answer  # the face is theirs
    assert answer["liveness"]["challenge"] is False  # the head is not


def test_who_does_not_answer_does_not_pass(
    person: tuple[stage.Portrait, str], scenes: Callable[..., Scene]
) -> None:
    actor = Actor(person[0], stage.head())
    actor.obeys = False
    scene = scenes(actor, person[1])
    begun = time.monotonic()
    answer = scene.match(challenge=True)
    assert answer["liveness"] == {**answer["liveness"], "challenge": False, "detail": "no_response"}
    assert time.monotonic() - begun < 14


def test_without_a_challenge_it_is_said_that_there_was_none(
    person: tuple[stage.Portrait, str], scenes: Callable[..., Scene]
) -> None:
    scene = scenes(Actor(person[0], stage.head()), person[1])
    answer = scene.match()
    assert answer["outcome"] == "match" and answer["liveness"]["challenge"] is None
    assert answer["seen_age_s"] < 0.5
