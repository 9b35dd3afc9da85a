"""What the face process reports of its cameras."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from drivers.base import CameraState
from gateway.face.vision.health import SCENES_EVERY_S, HealthReporter


class Camera:
    """A camera whose state and scene are what the test says."""

    def __init__(self) -> None:
        self.state = CameraState.OK
        self.detail = "fine"
        self.scene: bytes | None = b"old"
        self.accepted = 0

    def next(self, after: int, timeout_s: float) -> object:
        return object()

    def accept_scene(self) -> None:
        self.accepted += 1


def reporter(camera: Camera) -> tuple[HealthReporter, list[Mapping[str, Any]]]:
    sent: list[Mapping[str, Any]] = []
    return HealthReporter({"gate": camera}, {}, sent.append), sent  # type: ignore[dict-item]


def scenes(sent: list[Mapping[str, Any]]) -> list[bytes]:
    return [base64.b64decode(item["data"]) for item in sent if "scene" in item]


def test_a_state_is_reported_when_it_changes() -> None:
    camera = Camera()
    health, sent = reporter(camera)
    for _ in range(3):
        health.poll(0.0)
    camera.state = CameraState.BLACK
    for _ in range(3):
        health.poll(0.0)
    assert [item["state"] for item in sent] == ["ok", "black"]


def test_a_scene_that_was_accepted_is_kept_at_once() -> None:
    """Killed within the five minutes, the process would come back to the scene of before."""
    camera = Camera()
    health, sent = reporter(camera)
    health.poll(0.0)
    health.accept("gate")
    health.poll(0.0)  # no frame yet: the camera still has the old one
    assert camera.accepted == 1 and scenes(sent) == []
    camera.scene = None
    health.poll(0.0)
    camera.scene = b"new"
    health.poll(0.0)
    camera.scene = b"new, an hour later"
    health.poll(0.0)
    assert scenes(sent) == [b"new"]


def test_a_scene_that_changes_slowly_is_kept_every_five_minutes() -> None:
    camera = Camera()
    health, sent = reporter(camera)
    start = health._scenes_due
    for seconds in (0.0, 1.0, SCENES_EVERY_S, SCENES_EVERY_S + 1):
        health.poll(start + seconds)
    assert scenes(sent) == [b"old"]  # once, for it did not change
    camera.scene = b"evening"
    health.poll(start + 2 * SCENES_EVERY_S)
    assert scenes(sent) == [b"old", b"evening"]
