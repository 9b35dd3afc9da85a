"""Cameras through OpenCV: files, a network feed, and what goes wrong with them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from drivers.base import CameraState
from drivers.cameras.opencv import OpenCvCamera
from drivers.simulated.camera import black_video, empty_video, frozen_video, person_video
from tests.drivers.cameras.network import MjpegCamera, Picture


def camera(source: Path | str, **options: Any) -> OpenCvCamera:
    return OpenCvCamera(OpenCvCamera.Options(source=str(source), **options))


def drawn(at: float) -> Picture:
    return np.random.default_rng(round(at * 1000)).integers(90, 120, (240, 320, 3), np.uint8)


def wait_state(cam: OpenCvCamera, state: CameraState, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while cam.state is not state:
        assert time.monotonic() < deadline, cam.state
        time.sleep(0.02)


def test_a_camera_keeps_the_newest_frame_and_its_time(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "cam.avi"
    person_video(photos / "obama.jpg", path, seconds=1.0)
    cam = camera(path)
    cam.start()
    first = cam.next(0, 10)
    assert first is not None and first.image.shape == (480, 640, 3)
    time.sleep(1.5)  # beyond the end of the file: it goes on from its beginning
    later = cam.next(first.number, 1)
    assert later is not None and later.number > first.number + 5
    assert time.monotonic() - later.at < 0.5
    assert cam.state is CameraState.OK
    cam.stop()


def test_a_missing_camera_has_no_signal_and_returns(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "cam.avi"
    cam = camera(path)
    cam.start()
    wait_state(cam, CameraState.NO_SIGNAL)
    assert cam.next(0, 0.1) is None
    empty_video(path, seconds=1.0)
    wait_state(cam, CameraState.OK)
    path.unlink()
    wait_state(cam, CameraState.NO_SIGNAL)
    cam.stop()


def test_a_frozen_and_a_black_feed_are_seen(photos: Path, tmp_path: Path) -> None:
    frozen, black = tmp_path / "frozen.avi", tmp_path / "black.avi"
    frozen_video(photos / "obama.jpg", frozen)
    black_video(black)
    still, dark = camera(frozen, frozen_after_s=0.5), camera(black)
    still.start()
    dark.start()
    wait_state(still, CameraState.FROZEN)
    wait_state(dark, CameraState.BLACK)
    still.stop()
    dark.stop()


def test_a_network_camera_is_opened_again_when_it_is_back() -> None:
    peer = MjpegCamera(drawn)
    cam = camera(peer.url)
    cam.start()
    assert cam.next(0, 15) is not None
    peer.stop()
    wait_state(cam, CameraState.UNREACHABLE)
    assert cam.detail == "unreachable Connection refused"
    peer = MjpegCamera(drawn, port=peer.port)
    wait_state(cam, CameraState.DELAYED, 20)  # until it was well for a while
    wait_state(cam, CameraState.OK, 20)
    cam.stop()
    peer.stop()


def test_a_cameras_password_is_not_shown() -> None:
    cam = camera("rtsp://admin:secret@192.0.2.7/stream")
    assert cam.label == "rtsp://…@192.0.2.7/stream"
