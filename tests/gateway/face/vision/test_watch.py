"""The watcher and what the worker makes of it, with a camera and an engine that do as the test
says: feeds that go bad, people who take another's place, parts that hang."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.base import CameraState, Frame
from gateway.face import wire
from gateway.face.evidence import MAX_PICTURE
from gateway.face.vision import watch
from gateway.face.vision.comparison import _jpeg
from gateway.face.vision.engine import Face
from gateway.face.vision.score import LENGTH
from gateway.face.vision.tracks import Sample
from gateway.face.vision.watch import TrackedFace, Watcher
from gateway.face.vision.worker import Worker

pytestmark = pytest.mark.slow

FPS = 20
BOX = Face(100, 60, 220, 180)


class Feed:
    """A camera that shows one picture with noise; `state` and `size` are for tests to change."""

    def __init__(self) -> None:
        self.state = CameraState.OK
        self.size = (240, 320)
        self.frozen: NDArray[np.uint8] | None = None
        self._random = np.random.default_rng(5)
        self._number = 0

    def set_rate(self, fps: float | None) -> None:
        """It shows every frame."""

    def next(self, after: int, timeout_s: float) -> Frame:
        time.sleep(1 / FPS)
        self._number += 1
        if self.frozen is not None:
            return Frame(self.frozen, time.monotonic(), self._number)
        coarse = np.random.default_rng(1).integers(0, 255, (15, 20, 3))
        picture = np.kron(coarse, np.ones((32, 32, 1)))[: self.size[0], : self.size[1]]
        picture = picture + self._random.integers(0, 6, picture.shape)
        return Frame(picture.clip(0, 255).astype(np.uint8), time.monotonic(), self._number)


class Eyes:
    """An engine that always finds the same face."""

    def __init__(self) -> None:
        self.faults = 0
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a model's bad day")
        return [BOX]

    def landmarks(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        return np.array([(200, 95), (180, 95), (120, 95), (140, 95), (160, 130)], np.float32)

    def embed(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        self.gate.wait(10)
        return person(0.0)


def person(away: float) -> NDArray[np.float32]:
    """Somebody who scores `away` from person(0.0)."""
    angle = 2 * np.arcsin(away / LENGTH / 2)
    made = np.zeros(128, np.float32)
    made[:2] = LENGTH * np.cos(angle), LENGTH * np.sin(angle)
    return made


@pytest.fixture
def make() -> Iterator[Callable[..., Watcher]]:
    made: list[tuple[Watcher, Eyes]] = []

    def make(feed: Feed, eyes: Eyes) -> Watcher:
        made.append((Watcher(feed, eyes, 80), eyes))  # type: ignore[arg-type]
        made[-1][0].start()
        return made[-1][0]

    yield make
    for watcher, eyes in made:
        eyes.gate.set()
        watcher.stop()


def look(watcher: Watcher, wait_s: float = 3.0) -> TrackedFace | None:
    now = time.monotonic()
    return watcher.look(now, now + wait_s)


@pytest.mark.parametrize("state", [CameraState.LOOPING, CameraState.MOVED, CameraState.FROZEN])
def test_a_feed_that_is_not_fit_has_no_faces(
    make: Callable[..., Watcher], state: CameraState
) -> None:
    """A loop shows a face all the time: not even in the moment of its discovery does it count."""
    feed = Feed()
    watcher = make(feed, Eyes())
    assert look(watcher) is not None
    before = time.monotonic() - 1.0
    feed.state = state
    assert watcher.look(before, time.monotonic()) is None
    for _ in range(20):
        assert look(watcher, 0.05) is None
    feed.state = CameraState.OK
    assert look(watcher) is not None


def test_a_picture_that_comes_again_shows_nobody_anew(make: Callable[..., Watcher]) -> None:
    """A feed that has just frozen is not yet known to be: who stood there before the tap does not
    count as still there."""
    feed = Feed()
    watcher = make(feed, Eyes())
    assert look(watcher) is not None and watcher.newest is not None
    feed.frozen = watcher.newest.image
    time.sleep(2.5 / FPS)
    known = watcher._tracker.nearest
    assert look(watcher, 0.6) is None
    feed.frozen = None
    again = look(watcher)
    assert known is not None and again is not None and again.track > known.id  # unseen for too long


def test_another_size_of_the_picture_is_another_track(make: Callable[..., Watcher]) -> None:
    feed = Feed()
    watcher = make(feed, Eyes())
    first = look(watcher)
    feed.size = (400, 600)
    time.sleep(0.3)
    second = look(watcher)
    assert first is not None and second is not None and second.track > first.track


def test_a_bad_frame_does_not_end_the_watch(make: Callable[..., Watcher]) -> None:
    eyes = Eyes()
    eyes.faults = 1
    assert look(make(Feed(), eyes), 6.0) is not None  # a still scene is searched every 2 s


def test_a_network_that_hangs_is_noticed(
    make: Callable[..., Watcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STUCK_S", 0.5)
    eyes = Eyes()
    watcher = make(Feed(), eyes)
    assert look(watcher) is not None and not watcher.stuck
    eyes.gate.clear()
    time.sleep(1.5)  # a sample is taken every half second
    assert watcher.stuck
    eyes.gate.set()
    time.sleep(0.3)
    assert not watcher.stuck


# The worker


class Shown:
    """A watcher that has seen what the test says."""

    def __init__(self, *looks: Callable[[float], list[tuple[NDArray[np.float32], float]]]) -> None:
        self.looks = list(looks)

    def look(self, after: float, deadline: float, *, newer_than: float = 0.0) -> TrackedFace | None:
        if not self.looks:
            return None
        picture = np.zeros((4, 4, 3), np.uint8)
        now = time.monotonic()
        samples = [Sample(e, at, 1, {}, picture) for e, at in self.looks.pop(0)(now)]
        return TrackedFace(7, 0.0, now, 100, tuple(samples))


@pytest.fixture
def worker() -> Worker:
    made = Worker({"cameras": {}, "frames": 3, "min_face_px": 80, "others": 10}, io.BytesIO())
    return made


def test_after_a_challenge_only_looks_from_then_on_count(worker: Worker) -> None:
    """Who takes the holder's place during the turn does not profit from the holder's looks."""
    holder, other = person(0.0), person(0.6)
    request = {"camera": "gate", "threshold": 0.4}

    def swapped(now: float) -> list[tuple[NDArray[np.float32], float]]:
        return [(holder, now - 3 + n / 2) for n in range(4)] + [(other, now)]

    worker.watchers["gate"] = Shown(swapped, swapped, swapped)  # type: ignore[assignment]
    assert not worker.comparisons._still_theirs(request, holder[None], 7)
    worker.watchers["gate"] = Shown(lambda now: [(holder, now)])  # type: ignore[assignment]
    assert worker.comparisons._still_theirs(request, holder[None], 7)
    worker.watchers["gate"] = Shown(lambda now: [(holder, now)])  # type: ignore[assignment]
    assert not worker.comparisons._still_theirs(request, holder[None], 8)  # another track


def test_who_is_identified_is_none_of_the_others(worker: Worker) -> None:
    """Or each face without a badge would be a false match in the gate's own error rate."""
    worker.gallery.put({"e1": person(0.0)[None], "e2": person(1.2)[None]})
    both = lambda now: [(person(0.0), now - 0.1), (person(0.01), now)]  # noqa: E731
    worker.watchers["gate"] = Shown(both)  # type: ignore[assignment]
    now = time.monotonic()
    request = {"camera": "gate", "track": 7, "threshold": 0.36, "tapped_at": now, "deadline": now}
    answer = worker.comparisons.identify(request)
    assert (answer["outcome"], answer["person"]) == ("match", "e1")
    assert answer["others"]["n"] == 1 and answer["others"]["below"] == 0


def test_a_large_cameras_picture_fits_the_wire_and_the_limit() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2160, 3840, 3), dtype=np.uint8)
    jpeg = _jpeg(noise)
    assert len(jpeg) <= MAX_PICTURE
    wire.encode({"picture": base64.b64encode(jpeg).decode()})
    plain = np.full((2160, 3840, 3), 90, np.uint8)
    assert _jpeg(plain).startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("scene", ["not base64!", "é", "AAAA"])
def test_a_damaged_scene_does_not_stop_the_process(scene: str) -> None:
    camera: dict[str, Any] = {"driver": "opencv", "options": {"source": "/nowhere.avi"}}
    config = {"cameras": {"gate": camera}, "frames": 3, "min_face_px": 80}
    assert Worker({**config, "scenes": {"gate": scene}}, io.BytesIO()).cameras
