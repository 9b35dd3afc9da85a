"""One camera, watched all the time at low cost, so that the face is known before the badge comes.

A thread handles each frame: it checks for movement, follows the known faces
(gateway/face/vision/tracks.py), runs the detector when it is due (14 ms), and takes a sample (an
embedding) when one is due.  It looks at an empty, still scene a few times a second.  When a badge
is read, `attention` asks for the full rate at once.

`look()` returns the nearest face that is there *now*, on a frame taken after a given moment, and
never a face that has left.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import CameraDriver, CameraState, Frame
from gateway.face.vision import quality
from gateway.face.vision.engine import Engine, Face, Image
from gateway.face.vision.liveness import Observation, Passive
from gateway.face.vision.tracks import Grey, Sample, Track, Tracker

SMALL_PX = 320  # width of the picture in which faces are followed
IDLE_FPS = 5.0
CALM_S = 3.0  # seconds without movement or face until the scene is idle
DETECT_S = 0.25  # while something moves
LOST_S = 0.1  # while somebody waits and no face is known
IDLE_DETECT_S = 2.0  # for somebody who stands very still
SAMPLE_S = 0.5
EAGER_S = 0.1  # while somebody waits
STUCK_S = 15.0  # for what takes a tenth of a second on a slow box
SAMPLED = 2  # the nearest faces that are embedded
CELL_PX = 16
MOVED = 6.0  # grey levels; the mean of a cell of 256 pixels varies by less than 1 from noise


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face that a frame at `seen_at` showed, with its samples, oldest first."""

    track: int
    first_at: float
    seen_at: float
    width_px: int
    samples: tuple[Sample, ...]
    suspicions: tuple[str, ...] = ()
    cues: Mapping[str, float] = field(default_factory=dict)


class Motion:
    """Detects movement: compares the means of small cells with their slow average."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None

    def moved(self, small: Grey) -> bool:
        height, width = small.shape
        size = (max(1, width // CELL_PX), max(1, height // CELL_PX))
        cells = cv2.resize(small, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._mean is None or self._mean.shape != cells.shape:
            self._mean = cells
            return True
        change = np.abs(cells - self._mean)
        self._mean += 0.1 * (cells - self._mean)
        return bool(change.max() > MOVED)


class Watcher:
    """`start()` it once.  `arrived(track, at)` is called, in its thread, when the nearest face
    has its first sample."""

    def __init__(
        self,
        camera: CameraDriver,
        engine: Engine,
        min_face_px: int,
        arrived: Callable[[int, float], None] = lambda track, at: None,
    ) -> None:
        self._camera = camera
        self._engine = engine
        self._min_px = min_face_px
        self._arrived = arrived
        self._changed = threading.Condition()
        self._motion = Motion()
        self._numbers = itertools.count(1)
        self._tracker = Tracker(1.0, self._numbers)
        self._width = 0
        self._last: Grey | None = None
        self._waiting = 0
        self._busy_at = 0.0
        self._detected_at = 0.0
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._sampling = False
        self._sampler = ThreadPoolExecutor(1, "sampler")
        self._passive: tuple[int, Passive] = (0, Passive())
        self._listeners: dict[int, Callable[[int, Observation], None]] = {}
        self.frames = 0
        self.detections = 0
        self.newest: Frame | None = None
        self.progress_at = time.monotonic()
        self._sampling_since = 0.0

    @property
    def stuck(self) -> bool:
        """Whether one of its threads hangs, so that it would never see a face again."""
        now = time.monotonic()
        sampler = self._sampling and now - self._sampling_since > STUCK_S
        return sampler or (self._thread is not None and now - self.progress_at > STUCK_S)

    def start(self) -> None:
        self.progress_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch, and wait for its threads."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
        self._sampler.shutdown()

    @contextmanager
    def attention(self) -> Iterator[None]:
        """Use the full frame rate, and look for a face on every frame, while somebody waits."""
        with self._changed:
            self._waiting += 1
        self._camera.set_rate(None)
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1

    @contextmanager
    def shown(self, listener: Callable[[int, Observation], None]) -> Iterator[None]:
        """Have `listener(track, observation)` called with every frame of the nearest face."""
        with self._changed:
            self._listeners[id(listener)] = listener
        try:
            yield
        finally:
            with self._changed:
                self._listeners.pop(id(listener), None)

    def look(self, after: float, deadline: float, *, newer_than: float = 0.0) -> TrackedFace | None:
        """The nearest face on a frame taken after `after`, with a sample newer than `newer_than`.

        Waits until `deadline` at most (monotonic seconds); None if there is no such face.
        """
        with self._changed:
            while True:
                seen = self._seen(after, newer_than)
                wait = deadline - time.monotonic()
                if seen is not None or wait <= 0:
                    return seen
                if self._camera.state is not CameraState.OK:
                    return None
                self._changed.wait(min(wait, 0.1))

    def track(self, number: int, after: float) -> TrackedFace | None:
        """The same, of one track that is there now and is the nearest."""
        with self._changed:
            seen = self._seen(after, 0.0)
        return seen if seen is not None and seen.track == number else None

    def _seen(self, after: float, newer_than: float) -> TrackedFace | None:
        # Checked first: a feed that loops, or shows another place, may show faces too.
        if self._camera.state is not CameraState.OK:
            return None
        track = self._tracker.nearest
        if track is None or track.seen_at <= after or not track.samples:
            return None
        if track.samples[-1].at <= newer_than:
            return None
        known, passive = self._passive
        watched = known == track.id
        return TrackedFace(
            track=track.id,
            first_at=track.first_at,
            seen_at=track.seen_at,
            width_px=track.box.width,
            samples=tuple(track.samples),
            suspicions=tuple(passive.suspicions) if watched else (),
            cues=passive.scores if watched else {},
        )

    def _run(self) -> None:
        number = 0
        while not self._stopping:
            frame = self._camera.next(number, 0.5)
            self.progress_at = time.monotonic()
            number = number if frame is None else frame.number
            if frame is None or self._camera.state is not CameraState.OK:
                with self._changed:
                    self._tracker.clear()
                    self.newest = frame or self.newest
                    self._changed.notify_all()
                continue
            try:
                self._see(frame)
            except Exception as error:  # one bad frame must not end the watch
                print(f"a frame could not be watched: {type(error).__name__}", file=sys.stderr)

    def _see(self, frame: Frame) -> None:
        """One frame, from movement to samples."""
        self.frames += 1
        grey: Grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        small = self._small(grey)
        if self._last is not None and np.array_equal(small, self._last):
            # A repeated picture does not show that anybody is still there.
            with self._changed:
                self._tracker.expire(frame.at)
            return
        self._last = small
        with self._changed:
            self._tracker.follow(small, frame.at)
            self.newest = frame
            self._changed.notify_all()
        attending = self._waiting > 0
        moved = self._motion.moved(small)
        # Only this thread changes the tracks, so the slow parts need no lock.  Whoever waits for
        # a known face gets it before the detector runs.
        if self._detection_due(frame.at, attending, moved):
            self._detected_at = frame.at
            self.detections += 1
            faces = [f for f in self._engine.detect(grey) if f.width >= self._min_px * 0.8]
            with self._changed:
                self._tracker.detected(faces, small, frame.at)
        if not self._sampling:
            wanted = self._wanted(frame.at, attending)
            if wanted:
                self._sampling_since = time.monotonic()
                self._sampling = True
                self._sampler.submit(self._sample_all, wanted, frame)
        if moved or self._tracker.tracks or attending:
            self._busy_at = frame.at
        idle = frame.at - self._busy_at > CALM_S
        self._camera.set_rate(IDLE_FPS if idle else None)
        self._show(frame, grey)

    def _small(self, grey: Grey) -> Grey:
        height, width = grey.shape
        if width != self._width:
            self._width = width
            # The numbers go on, so a number never stands for two tracks.
            self._tracker = Tracker(min(1.0, SMALL_PX / width), self._numbers)
        scale = self._tracker.scale
        size = (round(width * scale), round(height * scale))
        small: Grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        return small

    def _detection_due(self, at: float, attending: bool, moved: bool) -> bool:
        known = self._tracker.nearest is not None
        if attending and not known:
            wait = LOST_S
        elif moved or known or attending:
            wait = DETECT_S
        else:
            wait = IDLE_DETECT_S
        return at - self._detected_at >= wait

    def _wanted(self, at: float, attending: bool) -> list[tuple[Track, Face]]:
        """The tracks of which a sample is due, and where they are, the nearest first."""
        pause = EAGER_S if attending else SAMPLE_S
        nearest = sorted(self._tracker.tracks, key=lambda track: -track.box.width)[:SAMPLED]
        return [
            (track, track.box)
            for track in nearest
            if track.seen_at == at and (not track.samples or at - track.samples[-1].at >= pause)
        ]

    def _sample_all(self, wanted: list[tuple[Track, Face]], frame: Frame) -> None:
        """Embed faces of this frame.  Runs in its own thread, so that following goes on."""
        try:
            image: Image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            for track, box in wanted:
                self._sample(track, box, image, frame)
        except Exception as error:  # one bad frame must not end the watch
            print(f"a face could not be sampled: {type(error).__name__}", file=sys.stderr)
        finally:
            self._sampling = False

    def _sample(self, track: Track, box: Face, image: Image, frame: Frame) -> None:
        height, width = image.shape[:2]
        face = Face(
            max(0, box.left), max(0, box.top), min(width, box.right), min(height, box.bottom)
        )
        if face.width < 8 or face.bottom - face.top < 8:
            return
        measured = quality.measure(image, face)
        embedding = self._engine.embed(image, face)
        sample = Sample(embedding, frame.at, frame.number, measured.as_dict(), frame.image)
        with self._changed:
            first = not track.samples
            same = track.add(sample)
            nearest = self._tracker.nearest is track
            self._changed.notify_all()
        if nearest and (first or not same):
            self._arrived(track.id, frame.at)

    def _show(self, frame: Frame, grey: Grey) -> None:
        """Give this frame's look at the nearest face to the passive cues, and to the challenge
        that listens."""
        track = self._tracker.nearest
        if track is None or track.seen_at != frame.at:
            return
        points = self._engine.landmarks(grey, track.box)
        seen = Observation(frame.at, grey, track.box, points)
        with self._changed:
            if self._passive[0] != track.id:
                self._passive = (track.id, Passive())
            listeners = list(self._listeners.values())
        self._passive[1].see(seen)
        for listener in listeners:
            listener(track.id, seen)
