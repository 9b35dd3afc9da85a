"""Faces followed from frame to frame: the same person in the same place is one track.

In: small grey pictures in order of time, and now and then what the detector found.  Out: the
tracks that are there now.  A track ends when it was not found for `GAP_S`, so two people who
change places are two tracks.  A track's samples are all of one face: a sample of another face
drops the earlier ones.  Uses no camera, clock or thread; times are monotonic seconds of frames.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.engine import Embedding, Face

Grey = NDArray[np.uint8]

GAP_S = 0.35  # two people can't change places in less
UNDETECTED_S = 2.5  # longest time without a detection; a turned head is not detected
ALIKE = 0.55  # least normalised correlation from one frame to the next; a moving face has 0.8 to 1
FLAT = 4.0  # grey levels of deviation; a patch without structure matches everywhere
REACH = 0.4  # how far a face moves between two frames, as a share of its width
OVERLAP = 0.3
KEPT = 5  # samples of a track
SAME_FACE = 0.7  # farther than this from the sample before, it is not the same person


@dataclass(frozen=True, slots=True)
class Sample:
    """One embedded look at a face, with the time and number of its frame and its quality."""

    embedding: Embedding
    at: float
    number: int
    quality: dict[str, float]
    picture: NDArray[np.uint8] = field(repr=False)


@dataclass(slots=True)
class Track:
    """A face that is followed.  `box` is in pixels of the whole frame; `seen_at` is the newest
    frame on which it was found, `detected_at` the newest on which the detector found it."""

    id: int
    box: Face
    first_at: float
    seen_at: float
    detected_at: float
    patch: Grey = field(repr=False)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)

    def add(self, sample: Sample) -> bool:
        """Add a sample.  If it shows another face, drop the earlier ones and return False."""
        same = not self.samples or (
            float(np.linalg.norm(self.samples[-1].embedding - sample.embedding)) <= SAME_FACE
        )
        if not same:
            self.samples.clear()
            self.first_at = sample.at
        self.samples.append(sample)
        return same


class Tracker:
    """All tracks of one camera.  `scale`: a pixel of the frame in pixels of the small pictures;
    `numbers` are the ids of the next tracks."""

    def __init__(self, scale: float, numbers: Iterator[int] | None = None) -> None:
        self.scale = scale
        self.tracks: list[Track] = []
        self._numbers = numbers or itertools.count(1)

    def clear(self) -> None:
        self.tracks.clear()

    @property
    def nearest(self) -> Track | None:
        """The widest face, which belongs to the person who stands nearest."""
        return max(self.tracks, key=lambda track: track.box.width, default=None)

    def follow(self, small: Grey, at: float) -> None:
        """Find every track on the next frame.  A track that is not found for long enough ends."""
        for track in self.tracks:
            found = self._find(track, small)
            if found is not None:
                track.box, track.patch, track.seen_at = found[0], found[1], at
        self.expire(at)

    def expire(self, at: float) -> None:
        """End the tracks that were not seen for long enough."""
        self.tracks = [
            track
            for track in self.tracks
            if at - track.seen_at <= GAP_S and at - track.detected_at <= UNDETECTED_S
        ]

    def detected(self, faces: Sequence[Face], small: Grey, at: float) -> None:
        """Use what the detector found on this frame: correct known tracks and begin new ones."""
        free = list(self.tracks)
        for face in faces:
            patch = self._cut(small, face)
            if patch is None:
                continue
            track = max(free, key=lambda item: _overlap(item.box, face), default=None)
            if track is None or _overlap(track.box, face) < OVERLAP:
                self.tracks.append(Track(next(self._numbers), face, at, at, at, patch))
                continue
            free.remove(track)
            track.box, track.patch, track.seen_at, track.detected_at = face, patch, at, at

    def _find(self, track: Track, small: Grey) -> tuple[Face, Grey] | None:
        """Where the face of a track is now, or None."""
        height, width = small.shape
        tall, wide = track.patch.shape
        left, top = round(track.box.left * self.scale), round(track.box.top * self.scale)
        reach = max(4, round(wide * REACH))
        x0, y0 = max(0, left - reach), max(0, top - reach)
        x1, y1 = min(width, left + wide + reach), min(height, top + tall + reach)
        if x1 - x0 < wide or y1 - y0 < tall or float(track.patch.std()) < FLAT:
            return None
        scores = cv2.matchTemplate(small[y0:y1, x0:x1], track.patch, cv2.TM_CCOEFF_NORMED)
        _, best, _, place = cv2.minMaxLoc(scores)
        if not best >= ALIKE:  # not a number fails too
            return None
        x, y = x0 + place[0], y0 + place[1]
        moved_x, moved_y = round((x - left) / self.scale), round((y - top) / self.scale)
        box = track.box
        face = Face(
            box.left + moved_x, box.top + moved_y, box.right + moved_x, box.bottom + moved_y
        )
        return face, small[y : y + tall, x : x + wide].copy()

    def _cut(self, small: Grey, face: Face) -> Grey | None:
        """The part of the picture to find a face by; None if the face is (almost) outside."""
        height, width = small.shape
        x0, y0 = max(0, round(face.left * self.scale)), max(0, round(face.top * self.scale))
        x1 = min(width, round(face.right * self.scale))
        y1 = min(height, round(face.bottom * self.scale))
        return small[y0:y1, x0:x1].copy() if min(x1 - x0, y1 - y0) >= 8 else None


def _overlap(a: Face, b: Face) -> float:
    """Intersection over union of two boxes."""
    wide = min(a.right, b.right) - max(a.left, b.left)
    tall = min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or tall <= 0:
        return 0.0
    both = wide * tall
    area = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top)
    return both / (area - both)
