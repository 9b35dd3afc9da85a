"""Cameras through OpenCV: a V4L2 number, an RTSP address, or a file.

A thread reads the camera and keeps the newest frame with the monotonic time at which it was taken
(`delay`).  Frames that waited in a buffer are dropped, and the feed is `delayed` until it was well
for `clear_after_s`.  The thread opens a lost camera again with back-off, and one that stays late.
`state` says when the feed is silent, or when `health` finds a fault in it; the caller decides what
follows from that.  `set_rate()` saves power while nobody is there: most frames are not decoded.

Times of the source's own clock, as OpenCV gives them (CAP_PROP_POS_MSEC): RTSP gives RTP time, V4L2
the kernel's time of capture; MJPEG over HTTP only counts frames at 25 a second, so it is not used.

OpenCV is imported when a camera starts, not when its options are read: the daemon checks
options and must stay small.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from drivers import base
from drivers.backoff import Backoff
from drivers.base import CameraState, Frame
from drivers.cameras.delay import SILENT_S, FrameClock
from drivers.cameras.options import HealthOptions
from drivers.cameras.probe import Refusal, why_not, without_password

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.cameras.health import FeedHealth

log = logging.getLogger("garita.camera")

RETRY_S = (0.2, 5.0)
NETWORK_MS = 5000  # a network camera that takes longer is opened again
ASK_EVERY_S = 30.0  # why it does not open; each question may be a failed login to the camera
OPENING_S = 3.0  # for which a new feed may settle before it is called delayed
DEFAULT_FPS = 15.0
COUNTED = ("http://", "https://")  # FFmpeg makes up the times of these


class OpenCvCamera:
    """`start()` it once, then ask `next()` for frames and `state` for its health."""

    class Options(base.Options):
        source: int | str
        width: Annotated[int, Field(ge=160, le=4096)] | None = None
        height: Annotated[int, Field(ge=120, le=4096)] | None = None
        frozen_after_s: Annotated[float, Field(ge=0.5, le=60)] = 2.0
        own_clock: bool = True
        health: HealthOptions = HealthOptions()

    def __init__(self, options: Options) -> None:
        self._options = options
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._arrived = time.monotonic()  # the last frame, old or new; at first the start
        self._clock: FrameClock | None = None
        self._refusal: Refusal | None = None
        self._asked_at = -ASK_EVERY_S
        self._health: FeedHealth | None = None
        self._scene: bytes | None = None
        self._accept = threading.Event()
        self._rate: float | None = None
        self._decoded_at = -1.0
        self._stop = threading.Event()

    @property
    def label(self) -> str:
        """The source, without the password that an address may hold."""
        return without_password(str(self._options.source))

    @property
    def state(self) -> CameraState:
        """What the feed is like now."""
        if time.monotonic() - self._arrived > SILENT_S:
            return CameraState.NO_SIGNAL if self._refusal is None else self._refusal.state
        return CameraState.OK if self._health is None else self._health.state

    @property
    def detail(self) -> str:
        """The state's word, and the figure behind it where there is one."""
        state, health, refusal = self.state, self._health, self._refusal
        if refusal is not None and refusal.state is state:
            return f"{state} {refusal.detail}".strip()
        return health.detail if health is not None and health.state is state else str(state)

    @property
    def scene(self) -> bytes | None:
        """The reference of what the camera should see, for `use_scene` after a restart."""
        return self._health.to_bytes() if self._health is not None else None

    def use_scene(self, scene: bytes) -> None:
        """Before `start()`: expect the scene that was learned before.  What is damaged is
        logged, and the scene learned anew."""
        self._scene = scene

    def accept_scene(self) -> None:
        """Learn what the camera sees now, on an operator's word."""
        self._accept.set()

    def set_rate(self, fps: float | None) -> None:
        """Decode only so many frames a second, at least one; None is every frame, from the
        next on.  Raises ValueError below one: the watch over the feed needs that many."""
        if fps is not None and not fps >= 1:
            raise ValueError("a camera gives at least one frame a second")
        self._rate = fps

    def start(self) -> None:
        """Begin to read, in a thread that ends with the process."""
        threading.Thread(target=self._run, name=f"camera {self.label}", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def next(self, after: int, timeout_s: float) -> Frame | None:
        """The newest frame with a number above `after`; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._frame is not None and self._frame.number > after, timeout_s
            )
            frame = self._frame
        return frame if frame is not None and frame.number > after else None

    def _run(self) -> None:
        import cv2  # noqa: PLC0415 - see the head of this file

        cv2.setNumThreads(1)
        self._health = self._watch()
        backoff = Backoff(*RETRY_S)
        while not self._stop.is_set():
            capture = self._open(cv2)
            if capture is not None:
                got = self._read(cv2, capture)
                capture.release()
                if got and self._is_file:
                    continue  # at its end a file begins again, or its successor does
                if got:
                    backoff.reset()
            elif "://" in str(self._options.source):
                self._ask_why()
            self._stop.wait(backoff.pause_s())

    def _ask_why(self) -> None:
        """Ask a network camera, now and then, why it does not open."""
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = now
        self._refusal = why_not(str(self._options.source))
        log.warning("camera %s: %s %s", self.label, self._refusal.state, self._refusal.detail)

    def _watch(self) -> FeedHealth:
        from drivers.cameras.health import FeedHealth  # noqa: PLC0415 - see the head of this file

        options = self._options.health
        if self._is_file:  # it is played again and again
            options = options.model_copy(update={"looping": False})
        frozen = self._options.frozen_after_s
        try:
            return FeedHealth(options, frozen_after_s=frozen, scene=self._scene)
        except ValueError as error:
            log.warning("camera %s: the scene that was kept: %s", self.label, error)
            return FeedHealth(options, frozen_after_s=frozen)

    @property
    def _is_file(self) -> bool:
        source = self._options.source
        return isinstance(source, str) and "://" not in source and not source.startswith("/dev/")

    def _open(self, cv2: Any) -> Any:
        source = self._options.source
        try:
            if isinstance(source, int) or source.startswith("/dev/"):
                capture = cv2.VideoCapture(source, cv2.CAP_V4L2)
            elif self._is_file and not Path(source).is_file():
                return None
            else:
                limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, NETWORK_MS]
                limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, NETWORK_MS]
                capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
            if not capture.isOpened():
                capture.release()
                return None
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            for size, prop in (
                (self._options.width, cv2.CAP_PROP_FRAME_WIDTH),
                (self._options.height, cv2.CAP_PROP_FRAME_HEIGHT),
            ):
                if size is not None:
                    capture.set(prop, size)
        except cv2.error as error:
            log.warning("camera %s: %s", self.label, error.err)
            return None
        return capture

    def _read(self, cv2: Any, capture: Any) -> bool:
        """Frames until the feed ends or must be opened again; whether there was any."""
        fps = capture.get(cv2.CAP_PROP_FPS)
        pace = 1 / (fps if 1 <= fps <= 120 else DEFAULT_FPS) if self._is_file else 0.0
        clock = self._clock = self._new_clock()
        due, got = time.monotonic(), False
        while not self._stop.is_set():
            try:
                good, image = capture.grab(), None
                now = time.monotonic()
                taken = clock.take(now, self._media_s(cv2, capture)) if good and clock else now
                wanted = good and taken is not None and self._wanted(now)
                if wanted:
                    good, image = capture.retrieve()
            except cv2.error as error:
                log.warning("camera %s: %s", self.label, error.err)
                return got
            if not good or (wanted and image is None):
                return got
            got = True
            self._arrive(now)
            if image is not None and taken is not None:
                self._take(cv2, image, now, taken)
            if clock and clock.stuck:
                log.warning(
                    "camera %s: its frames are %.1f s late; it is opened again",
                    self.label,
                    clock.lag_s,
                )
                return got
            due = max(due + pace, time.monotonic() - pace)
            self._stop.wait(max(0.0, due - time.monotonic()))
        return got

    def _new_clock(self) -> FrameClock | None:
        """The clock of a new connection; None for a file, which is read at its own pace."""
        if self._is_file:
            return None
        source = str(self._options.source)
        network = "://" in source
        last = self._clock
        return FrameClock(
            own=self._options.own_clock and not source.startswith(COUNTED),
            settle=network,
            interval_s=None if last is None or last.late_for_s > SILENT_S else last.interval_s,
        )

    @staticmethod
    def _media_s(cv2: Any, capture: Any) -> float:
        return float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def _arrive(self, now: float) -> None:
        """A frame came, old or new.  The health knows before `state` ends the silence."""
        health, clock = self._health, self._clock
        silent = now - self._arrived > SILENT_S and self._frame is not None
        late = clock is not None and clock.late
        opening = self._frame is None and clock is not None and clock.late_for_s < OPENING_S
        if health is not None and clock is not None and (silent or (late and not opening)):
            health.run_late(now, clock.lag_s)
        self._arrived, self._refusal, self._asked_at = now, None, -ASK_EVERY_S

    def _wanted(self, now: float) -> bool:
        """Whether the frame at hand is decoded, or skipped to keep the rate."""
        rate = self._rate
        # A tenth less than the interval: a frame that comes a little early is the one meant.
        return rate is None or now - self._decoded_at >= 0.9 / rate

    def _take(self, cv2: Any, image: NDArray[np.uint8], now: float, taken: float) -> None:
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        self._decoded_at = now
        health = self._health
        if health is not None:
            if self._accept.is_set():
                self._accept.clear()
                health.accept()
            health.look(image, taken)
        with self._changed:
            number = self._frame.number + 1 if self._frame else 1
            self._frame = Frame(image, taken, number)
            self._changed.notify_all()
