"""Frames that waited in a buffer are old, and are never taken for new ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import CameraState
from drivers.cameras.delay import LATE_S, FrameClock
from drivers.cameras.opencv import OpenCvCamera
from tests.drivers.cameras.network import MjpegCamera, NetworkCamera, Picture, RtspCamera

FPS = 15.0
STALL_S = 4.0


def dated(at: float) -> Picture:
    """A picture that shows in 16 bright or dark squares when it was taken, in hundredths."""
    noise = np.random.default_rng(round(at * 1000)).integers(-6, 7, (240, 320, 3))
    image = np.full((240, 320, 3), 110, np.int64) + noise
    for bit in range(16):
        left = bit * 20
        image[100:140, left : left + 20] += 90 if round(at * 100) >> bit & 1 else -90
    return np.clip(image, 0, 255).astype(np.uint8)


def date_of(image: Picture) -> float:
    """What `dated` wrote."""
    bits = [image[110:130, bit * 20 + 4 : bit * 20 + 16].mean() > 110 for bit in range(16)]
    return sum(1 << place for place, bit in enumerate(bits) if bit) / 100


@pytest.fixture(params=[MjpegCamera, RtspCamera])
def peer(request: pytest.FixtureRequest) -> Iterator[NetworkCamera]:
    camera = request.param(dated, FPS)
    yield camera
    camera.stop()


def seconds_of(cam: OpenCvCamera, peer: NetworkCamera, seconds: float) -> list[tuple[Any, ...]]:
    """(state, true age of the newest frame, age as the frame says) at each new frame."""
    now = cam.next(0, 0.0)
    number, until = now.number if now else 0, time.monotonic() + seconds
    seen = list[tuple[Any, ...]]()
    while time.monotonic() < until:
        frame = cam.next(number, 0.05)
        if frame is None:
            seen.append((cam.state, None, None))
            continue
        number, now = frame.number, time.monotonic()
        seen.append((cam.state, now - peer.began - date_of(frame.image), now - frame.at))
    return seen


def until_ok(cam: OpenCvCamera) -> None:
    deadline = time.monotonic() + 15
    while cam.next(0, 0.1) is None or cam.state is not CameraState.OK:
        assert time.monotonic() < deadline, cam.detail


@pytest.mark.slow
def test_frames_that_waited_for_the_network_do_not_come_out_as_new(peer: NetworkCamera) -> None:
    cam = OpenCvCamera(OpenCvCamera.Options(source=peer.url))
    cam.start()
    until_ok(cam)
    seconds_of(cam, peer, 2)
    peer.stalled.set()
    seen = seconds_of(cam, peer, STALL_S)
    assert seen[-1][0] is CameraState.NO_SIGNAL
    peer.stalled.clear()
    seen = seconds_of(cam, peer, 7)
    cam.stop()
    ages = [(state, true, told) for state, true, told in seen if true is not None]
    assert all(true < LATE_S + 0.2 for _, true, _ in ages), max(ages)
    # A frame's own age is true to what the fastest delivery takes, and never tells too little.
    assert all(abs(true - told) < 0.2 for _, true, told in ages), max(ages)
    states = [state for state, _, _ in seen]
    assert CameraState.DELAYED in states and states[-1] is CameraState.OK, states
    assert CameraState.LOOPING not in states
    assert states.index(CameraState.OK) > states.index(CameraState.DELAYED)


@pytest.mark.slow
def test_a_short_stall_that_leaves_a_backlog_is_drained(peer: NetworkCamera) -> None:
    cam = OpenCvCamera(OpenCvCamera.Options(source=peer.url))
    cam.start()
    until_ok(cam)
    seconds_of(cam, peer, 2)
    opened = peer.opened
    peer.stalled.set()
    time.sleep(1.2)
    peer.stalled.clear()
    seen = seconds_of(cam, peer, 5.5)
    cam.stop()
    ages = [true for state, true, _ in seen if true is not None]
    assert ages and max(ages) < LATE_S + 0.2
    states = [state for state, _, _ in seen]
    assert CameraState.DELAYED in states and states[-1] is CameraState.OK, states
    assert peer.opened == opened  # it was drained, not opened again


@pytest.mark.slow
def test_a_stream_that_stays_behind_after_a_stall_is_opened_again() -> None:
    """The sender goes on at the camera's rate, so its buffer never gets empty."""
    peer = RtspCamera(dated, FPS)
    cam = OpenCvCamera(OpenCvCamera.Options(source=peer.url))
    cam.start()
    until_ok(cam)
    opened = peer.opened
    peer.burst = False
    peer.stalled.set()
    time.sleep(2.5)
    peer.stalled.clear()
    deadline = time.monotonic() + 30
    now = cam.next(0, 0.0)
    number = now.number if now else 0
    while peer.opened == opened or cam.state is not CameraState.OK:
        assert time.monotonic() < deadline, cam.detail
        frame = cam.next(number, 0.05)
        if frame is not None and peer.opened == opened:
            number = frame.number
            assert time.monotonic() - peer.began - date_of(frame.image) < LATE_S + 0.3
    cam.stop()
    peer.stop()


@pytest.mark.slow
def test_the_burst_at_the_start_of_a_connection_is_not_new(peer: NetworkCamera) -> None:
    """FFmpeg reads for a second before it hands over the first picture, then all of them."""
    cam = OpenCvCamera(OpenCvCamera.Options(source=peer.url))
    cam.start()
    first, deadline = None, time.monotonic() + 15
    while first is None:
        assert time.monotonic() < deadline
        first = cam.next(0, 0.2)
    assert time.monotonic() - peer.began - date_of(first.image) < LATE_S
    assert cam.state is CameraState.OK  # a start is not a fault
    cam.stop()


class Clock:
    """A FrameClock and the frames of a camera of 15 pictures a second."""

    def __init__(self, *, own: bool, settle: bool = False, drift: float = 0.0) -> None:
        self.clock = FrameClock(own=own, settle=settle)
        self.now, self.taken, self.drift = 1000.0, 1000.0, drift
        self.given: list[tuple[float, float]] = []  # (true age, age as told)

    def frame(self, arrived: float | None = None) -> bool:
        """The next picture arrives at once, or at `arrived`; whether it is given out."""
        self.taken += 1 / FPS
        self.now = max(self.now, self.taken + 0.02 if arrived is None else arrived)
        media = (self.taken - 990.0) * (1 + self.drift)
        told = self.clock.take(self.now, media)
        if told is not None:
            self.given.append((self.now - self.taken, self.now - told))
        return told is not None

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            self.frame()

    def stall(self, seconds: float, pause_s: float = 0.002) -> None:
        """The network stands; then everything arrives, a frame each `pause_s`."""
        arrived = self.now + seconds
        while self.taken + 1 / FPS < arrived:
            self.frame(arrived)
            arrived += pause_s


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("stall_s", [0.7, 1.2, 4.0, 30.0])
@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.03])
def test_no_frame_of_a_backlog_is_given_out(own: bool, stall_s: float, pause_s: float) -> None:
    feed = Clock(own=own)
    feed.run(10)
    feed.stall(stall_s, pause_s)
    assert feed.clock.late
    feed.run(3)
    assert not feed.clock.late
    assert max(true for true, _ in feed.given) <= LATE_S + 0.05
    assert feed.clock.stuck is (not own and stall_s > 1.5)  # opened again, to be sure


def test_a_clock_that_drifts_stays_true() -> None:
    for drift in (-200e-6, 200e-6):
        feed = Clock(own=True, drift=drift)
        feed.run(3600)
        assert len(feed.given) == 3600 * FPS
        assert max(abs(true - told) for true, told in feed.given) < 0.05


def test_a_clock_that_was_set_anew_is_learned_again() -> None:
    clock = FrameClock(own=True, settle=False)
    now = 0.0
    for count in range(100):
        now = count / FPS
        assert clock.take(now, now) is not None
    for ahead in (3600.0, 0.5):  # forward, then back
        given = []
        for _ in range(300):
            now += 1 / FPS
            given.append(clock.take(now, now + ahead))
            if clock.stuck:
                clock = FrameClock(own=True, settle=False)  # as the camera does
        assert given[0] is None and given[-1] is not None
        assert abs(now - given[-1]) < 0.05


@pytest.mark.parametrize("media", [0.0, float("nan"), None])
def test_a_source_without_a_clock_goes_by_the_pace_of_arrivals(media: float | None) -> None:
    clock, now, given = FrameClock(own=True, settle=False), 0.0, 0
    for _ in range(100):
        now += 1 / FPS
        given += clock.take(now, media) is not None
    assert given >= 98
    assert clock.take(now + 3, media) is None


def test_a_camera_that_slows_down_at_night_is_not_late_for_long() -> None:
    clock, now = FrameClock(own=False, settle=False), 0.0
    for _ in range(200):
        now += 1 / 25
        clock.take(now)
    for _ in range(100):
        now += 0.6  # below two pictures a second
        clock.take(now)
    assert not clock.late


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(allow_nan=True)), max_size=60),
    st.booleans(),
    st.booleans(),
)
def test_whatever_a_sources_clock_says_no_frame_is_from_the_future(
    steps: list[tuple[float, float]], own: bool, settle: bool
) -> None:
    clock, now = FrameClock(own=own, settle=settle), 5000.0
    last = 0.0
    for pause, media in steps:
        now += pause
        taken = clock.take(now, media)
        if taken is not None:
            assert now - LATE_S - 1e-6 <= taken <= now
            # A clock that goes back makes a frame older than it is, never younger.
            assert taken >= last - LATE_S - 1e-6
            last = taken


class V4l2:
    """Stands in for cv2 with a USB camera, which no test machine has: V4L2 gives the monotonic
    time of capture as CAP_PROP_POS_MSEC."""

    CAP_PROP_FPS, CAP_PROP_POS_MSEC = cv2.CAP_PROP_FPS, cv2.CAP_PROP_POS_MSEC
    error = cv2.error

    def __init__(self, taken: list[float]) -> None:
        self._taken, self._place = taken, -1

    def grab(self) -> bool:
        self._place += 1
        if self._place >= len(self._taken):
            return False
        time.sleep(0.002)
        return True

    def retrieve(self) -> tuple[bool, Picture]:
        return True, dated(self._place / 100)

    def get(self, prop: int) -> float:
        return self._taken[self._place] * 1000 if prop == self.CAP_PROP_POS_MSEC else 30.0


def test_a_usb_cameras_frame_that_waited_is_dropped() -> None:
    now = time.monotonic()
    taken = [now + n * 0.002 for n in range(20)]
    taken += [now - 2.0 + n * 0.002 for n in range(5)]  # two seconds old
    cam = OpenCvCamera(OpenCvCamera.Options(source=0))
    fake = V4l2(taken)
    assert cam._read(fake, fake)
    frame = cam.next(0, 0.1)
    assert frame is not None and frame.number == 20
