"""Videos of heads, prints and screens: what OpenCV reads back, and where the nose goes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.simulated import camera, presentation

pytestmark = pytest.mark.slow

POINTS = np.array([[345, 260], [302, 260], [201, 260], [244, 260], [273, 340]], np.float32)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), presentation.wall(8, (500, 600)))
    return path


def frames(path: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(read[1])
    return found


def test_a_turning_video_stands_still_for_a_second_and_then_turns(
    photo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "turn.avi"
    camera.turning_video(photo, POINTS, path, turns=("left",))
    seen = frames(path)
    assert len(seen) == 3 * camera.FPS and seen[0].shape == (480, 640, 3)
    middle = [frame[150:330, 230:410].astype(float) for frame in seen]
    straight = np.abs(middle[5] - middle[0]).mean()
    turned = np.abs(middle[27] - middle[0]).mean()
    assert turned > 1.5 * straight


def test_prints_and_replays_can_be_written_and_read(photo: Path, tmp_path: Path) -> None:
    camera.print_video(photo, POINTS, tmp_path / "print.avi", turned=True, seconds=0.4)
    assert len(frames(tmp_path / "print.avi")) == 6
    camera.replay_video(tmp_path / "print.avi", POINTS, tmp_path / "replay.avi")
    assert len(frames(tmp_path / "replay.avi")) == 6


def test_what_is_no_video_is_said_to_be_none(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no\.avi is no video"):
        camera.replay_video(tmp_path / "no.avi", POINTS, tmp_path / "replay.avi")


@pytest.mark.parametrize("yaw", [-0.5, 0.5])
def test_the_nose_of_a_head_turns_aside_and_that_of_a_sheet_does_not(yaw: float) -> None:
    at = np.array([[45.0, 0], [-45, 0], [0, 45]])

    def aside(surface: presentation.Surface) -> float:
        right, left, nose = presentation.project(surface, presentation.Pose(yaw=yaw), at)
        eyes = right - left
        return float((nose - (right + left) / 2) @ eyes / (eyes @ eyes))

    assert aside(presentation.head()) * np.sign(yaw) > 0.08
    assert abs(aside(presentation.sheet((90, 120)))) < 0.03
