"""Who has left is not seen by a badge that comes later, though the network brings them late."""

from __future__ import annotations

import io
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.base import CameraState
from drivers.cameras.opencv import OpenCvCamera
from drivers.simulated.camera import person_video
from gateway.face.vision.engine import Engine, Face
from gateway.face.vision.liveness import Observation
from gateway.face.vision.watch import TrackedFace, Watcher
from gateway.face.vision.worker import Worker
from tests.drivers.cameras.network import MjpegCamera, NetworkCamera, Picture, RtspCamera

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [MjpegCamera, RtspCamera])
def test_a_person_who_left_while_the_network_stood_is_not_seen_afterwards(
    kind: type[NetworkCamera], engine: Engine, photos: Path, tmp_path: Path
) -> None:
    """They stood there when it began to stand and left; the badge is read 2.5 s later."""
    person_video(photos / "obama.jpg", tmp_path / "person.avi")
    video = cv2.VideoCapture(str(tmp_path / "person.avi"))
    frames: list[Picture] = []
    while (read := video.read())[0]:
        frames.append(read[1])
    left_at = [1e9]

    def scene(at: float) -> Picture:
        if at < left_at[0]:
            return frames[round(at * 15) % len(frames)]
        noise = np.random.default_rng(round(at * 1000)).integers(0, 6, (480, 640, 3))
        return (90 + noise).astype(np.uint8)

    peer = kind(scene)
    camera = OpenCvCamera(OpenCvCamera.Options(source=peer.url))
    watcher = Watcher(camera, engine, 80)
    camera.start()
    watcher.start()
    now = time.monotonic()
    assert watcher.look(now, now + 20) is not None
    time.sleep(1)
    peer.stalled.set()
    left_at[0] = time.monotonic() - peer.began + 1.5
    time.sleep(4)
    tapped = time.monotonic()
    peer.stalled.clear()
    was_late = False
    while not was_late or camera.state is not CameraState.OK:
        assert time.monotonic() < tapped + 25, camera.detail
        assert watcher.look(tapped, time.monotonic() + 0.1) is None
        was_late = was_late or camera.state is CameraState.DELAYED
    now = time.monotonic()
    assert watcher.look(tapped, now + 1) is None
    camera.stop()
    peer.stop()
    watcher.stop()


def test_a_look_from_before_a_challenge_began_is_not_time_disorder() -> None:
    """A frame is as old as it is: the one that woke the challenge was taken before it."""
    worker = Worker({"cameras": {}, "frames": 3, "min_face_px": 80, "others": 0}, io.BytesIO())
    grey = np.random.default_rng(1).integers(0, 255, (240, 320), np.uint8)

    class Shown:
        """Hands the same older look to whoever listens, then nothing."""

        def shown(self, listener: Any) -> AbstractContextManager[None]:
            points = np.array([(200, 95), (180, 95), (120, 95), (140, 95), (160, 130)], np.float32)
            listener(7, Observation(time.monotonic() - 0.2, grey, Face(100, 60, 220, 180), points))
            return nullcontext()

    worker.watchers["gate"] = Shown()  # type: ignore[assignment]
    seen = TrackedFace(7, 0.0, time.monotonic(), 120, ())
    told: dict[str, Any] = {"liveness": {}, "timing_ms": {}}
    began = time.monotonic()
    answer = worker.comparisons._challenge(
        {"camera": "gate", "id": 1, "threshold": 0.4}, np.zeros((1, 128), np.float32), seen, told
    )
    assert answer["liveness"]["detail"] == "no_response"
    assert time.monotonic() - began > 5
