"""Is a camera's feed fit to be judged by?  Sans-I/O: frames and the time go in, a state comes out.

Every frame is checked for standing still and for black; every half second the exposure, the
scene (`scene`) and repeats (`repeats`).  What comes from statistics must last before it counts,
and a feed must be well for some seconds before it counts as well, so nothing flaps.  Frames that
come late are not shown here: who reads the camera (`delay`) reports that they do.

Somebody who fills the picture is no fault.  They hide the scene like a cover does, but bring
detail of their own, which a cover lacks; they hide it like another view does, but no shift of
the scene explains them, and they don't stand like a wall.  Silence is not seen here: who reads
the camera sees it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import CameraState
from drivers.cameras.options import HealthOptions
from drivers.cameras.repeats import RepeatFinder
from drivers.cameras.scene import Floats, Look, Reducer, Scene, still

EVERY_S = 0.5  # between looks at the scene
GAP_S = 1.5  # a longer pause between frames counts as this much

BLACK_MEAN, BLACK_SPREAD = 12.0, 4.0
DARK = 40  # nine tenths of an underexposed picture are below
BRIGHT, BRIGHT_SHARE = 250, 0.6

SEEN = 0.5  # share of the scene above which the view is the one that was learned
LOST = 0.2  # share below which it is not
COVERED_DETAIL = 0.3
DEFOCUSED_SHARPNESS = 0.5
LEARN_S = 20.0  # a scene must stand still for this long to be learned
QUIET = 0.9  # share of its cells that must stand still
STEADY = 0.7  # the same, for another view


class Latch:
    """A fault that must last `on_s` to count and be gone for `off_s` to be over."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self.on = False
        self._on_s, self._off_s = on_s, off_s
        self._bad_s = self._good_s = 0.0

    def update(self, bad: bool, seconds: float) -> bool:
        """`seconds` went by since the last call."""
        if bad:
            self._bad_s, self._good_s = min(self._bad_s + seconds, self._on_s), 0.0
            self.on = self.on or self._bad_s >= self._on_s
        else:
            # A moment of health does not wipe out the count: half a second costs one.
            self._bad_s, self._good_s = max(0.0, self._bad_s - 2 * seconds), self._good_s + seconds
            if self._good_s >= self._off_s:
                self.on = False
        return self.on

    def clear(self) -> None:
        self.on, self._bad_s, self._good_s = False, 0.0, 0.0


class FeedHealth:
    """`look()` at each frame; `state` is what the feed is like, `detail` the figures behind it."""

    # What hides what: a feed that is not live tells nothing of the scene.
    ORDER = (
        CameraState.DELAYED,
        CameraState.FROZEN,
        CameraState.LOOPING,
        CameraState.BLACK,
        CameraState.UNDEREXPOSED,
        CameraState.OVEREXPOSED,
        CameraState.COVERED,
        CameraState.MOVED,
        CameraState.DEFOCUSED,
    )

    def __init__(
        self,
        options: HealthOptions | None = None,
        *,
        frozen_after_s: float = 2.0,
        scene: bytes | None = None,
    ) -> None:
        """`scene` is what `to_bytes` gave before.  Raises ValueError where it is not that."""
        self._options = options or HealthOptions()
        self._scene = Scene.from_bytes(scene) if scene else None
        wanted = {
            CameraState.FROZEN: frozen_after_s,
            CameraState.BLACK: self._options.black_after_s,
            CameraState.UNDEREXPOSED: self._options.exposure_after_s,
            CameraState.OVEREXPOSED: self._options.exposure_after_s,
            CameraState.COVERED: self._options.covered_after_s,
            CameraState.DEFOCUSED: self._options.defocused_after_s,
            CameraState.MOVED: self._options.moved_after_s,
        }
        self._latches = {
            state: Latch(seconds, self._options.clear_after_s)
            for state, seconds in wanted.items()
            if seconds
        }
        self._latches[CameraState.DELAYED] = Latch(0.0, self._options.clear_after_s)
        self._repeats = RepeatFinder() if self._options.looping else None
        self._reducer = Reducer()
        self._sample = b""
        self._changed_at: float | None = None
        self._at: float | None = None
        self._scene_at: float | None = None
        self._steady: Floats | None = None  # a view that may become the reference, or another one
        self._steady_s = 0.0
        self._figures: dict[str, float] = {}

    @property
    def state(self) -> CameraState:
        """The first fault of ORDER that counts, or OK."""
        faults = {state for state, latch in self._latches.items() if latch.on}
        if self._repeats is not None and self._repeats.period_s:
            faults.add(CameraState.LOOPING)
        return next((state for state in self.ORDER if state in faults), CameraState.OK)

    @property
    def figures(self) -> dict[str, float]:
        """What was measured last: grey levels, shares of the reference, seconds."""
        return {
            **self._figures,
            "stood_s": self._stood_s,
            "period_s": self._repeats.period_s if self._repeats else 0.0,
        }

    @property
    def detail(self) -> str:
        """The state and the figure behind it, as `moved view=0.05`; only `ok` when well."""
        key = {
            CameraState.DELAYED: "lag_s",
            CameraState.FROZEN: "stood_s",
            CameraState.LOOPING: "period_s",
            CameraState.BLACK: "grey",
            CameraState.UNDEREXPOSED: "grey",
            CameraState.OVEREXPOSED: "clipped",
            CameraState.COVERED: "detail",
            CameraState.MOVED: "view",
            CameraState.DEFOCUSED: "sharpness",
        }.get(self.state)
        return f"{self.state} {key}={self.figures.get(key, 0.0):.2f}" if key else str(self.state)

    @property
    def learned(self) -> bool:
        """Whether there is a reference of the scene."""
        return self._scene is not None

    def to_bytes(self) -> bytes | None:
        """The reference of the scene, to be given again after a restart; None without one."""
        return self._scene.to_bytes() if self._scene else None

    def accept(self) -> None:
        """Forget the scene and learn what the camera sees now, on an operator's word."""
        self._scene = self._steady = None
        for state in (CameraState.COVERED, CameraState.DEFOCUSED, CameraState.MOVED):
            if state in self._latches:
                self._latches[state].clear()

    def run_late(self, now: float, lag_s: float) -> None:
        """Frames that come at monotonic time `now` are old, by about `lag_s`, and are not shown to
        `look`.  The feed is delayed until it was well for `clear_after_s`."""
        self._at = now
        most = self._figures.get("lag_s", 0.0) if self._on(CameraState.DELAYED) else 0.0
        self._figures["lag_s"] = max(most, lag_s)
        self._latch(CameraState.DELAYED, bad=True, seconds=0.0)

    def look(self, image: NDArray[np.uint8], now: float) -> None:
        """A frame, (h, w, 3), BGR, and its monotonic time in seconds."""
        passed = min(max(0.0, now - self._at), GAP_S) if self._at is not None else 0.0
        self._at = now
        points = image[4::8, 4::8]
        sample = points.tobytes()
        # A live sensor is never still to the last bit; a driver that repeats itself is.
        stood = sample == self._sample
        if not stood or self._changed_at is None:
            self._sample, self._changed_at = sample, now
        self._latch(CameraState.FROZEN, stood, passed)
        self._latch(CameraState.DELAYED, bad=False, seconds=passed)
        grey = cv2.mean(points)
        mean = sum(grey[:3]) / 3
        self._figures["grey"] = mean
        black = mean < BLACK_MEAN and float(points.std()) < BLACK_SPREAD
        self._latch(CameraState.BLACK, black, passed)
        if self._repeats is not None:
            self._repeats.note(image, now)
        if self._scene_at is None or now - self._scene_at >= EVERY_S:
            since = min(now - self._scene_at, GAP_S) if self._scene_at is not None else 0.0
            self._scene_at = now
            self._look_closely(image, points, black, since)
            if self._repeats is not None:
                self._repeats.search(now)

    @property
    def _stood_s(self) -> float:
        if self._at is None or self._changed_at is None:
            return 0.0
        return self._at - self._changed_at

    def _latch(self, state: CameraState, bad: bool, seconds: float) -> None:
        if state in self._latches:
            self._latches[state].update(bad, seconds)

    def _on(self, state: CameraState) -> bool:
        return state in self._latches and self._latches[state].on

    def _look_closely(
        self, image: NDArray[np.uint8], points: NDArray[np.uint8], black: bool, seconds: float
    ) -> None:
        level = np.partition(points.max(axis=2).ravel(), -points.shape[0] * points.shape[1] // 10)
        dark = int(level[-level.size // 10]) < DARK
        clipped = float((points.min(axis=2) >= BRIGHT).mean())
        self._figures["clipped"] = clipped
        self._latch(CameraState.UNDEREXPOSED, dark and not black, seconds)
        self._latch(CameraState.OVEREXPOSED, clipped >= BRIGHT_SHARE, seconds)
        if not black and not dark and clipped < BRIGHT_SHARE:
            self._judge(self._reducer.reduce(image), seconds)

    def _judge(self, look: Look, seconds: float) -> None:
        """The picture against the reference, or towards one."""
        if self.state is not CameraState.OK and (self._scene is None or self._scene.plain):
            return  # a feed that is not live has no scene to learn
        if self._scene is None:
            if self._stands(look, seconds, QUIET) and self._steady_s >= LEARN_S:
                self._scene, self._steady = Scene(look), None
            return
        if self._scene.plain:
            if self._stands(look, seconds, QUIET) and not Scene(look).plain:
                self._learn_plain(look)
            return
        like = self._scene.compare(look)
        self._figures |= {"view": like.view, "detail": like.detail, "sharpness": like.sharpness}
        lost = like.view < LOST
        covered = lost and like.detail < COVERED_DETAIL
        shifted = stands = False
        if lost and not covered:
            shifted = self._scene.shifted(look) is not None
            stands = self._stands(look, seconds, STEADY)
        elif not lost:
            stands = self._stands(look, seconds, QUIET)
        self._latch(CameraState.COVERED, covered, seconds)
        blurred = like.view >= 0.3 and like.sharpness < DEFOCUSED_SHARPNESS
        self._latch(CameraState.DEFOCUSED, blurred, seconds)
        moved = lost and not covered and (shifted or stands or self._on(CameraState.MOVED))
        # Another view without a shift to explain it must stand twice as long.
        pace = 0.5 if moved and not shifted else 1.0
        self._latch(CameraState.MOVED, moved, pace * seconds)
        if like.view >= SEEN and stands and not blurred and self.state is CameraState.OK:
            self._scene.follow(look, seconds)

    def _learn_plain(self, look: Look) -> None:
        """A wall that got something to hold on to and kept it."""
        if self._steady_s >= LEARN_S:
            self._scene, self._steady = Scene(look), None

    def _stands(self, look: Look, seconds: float, share: float) -> bool:
        """Whether the picture stands still, and since when (`_steady_s`)."""
        if self._steady is None or still(self._steady, look.directions) < share:
            self._steady, self._steady_s = look.directions, 0.0
            return False
        self._steady_s += seconds
        return True
