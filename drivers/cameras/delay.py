"""When was a frame taken, and does a feed run late?  Sans-I/O: times go in, a time comes out.

A network that stood for some seconds hands over what waited in its buffers: old frames, which
arrive now.  So a frame is not as young as its arrival.  Two ways tell its age:

- The source's own clock, where it has one (`own`): RTP time of RTSP, the kernel's time of V4L2.
  The least delay ever seen maps that clock onto ours.  The map follows a clock that drifts, by at
  most DRIFT.  A frame whose delay is LATE_S above the least is old.
- Otherwise (MJPEG over HTTP: FFmpeg only counts its frames) the pace of arrivals.  After a gap all
  frames count as old, until they come no faster than the camera takes them.

A new connection starts with a burst (FFmpeg collects some seconds to learn the format; servers send
what they hold since the last key frame), so it must settle before any of its frames counts.
What the fastest delivery takes, from the sensor to us, is not known here and not in the age.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

LATE_S = 0.5  # above the least delay; a frame that took longer is old
GAP_S, GAP_FRAMES = 0.5, 4  # without a clock: a longer silence than both means a backlog
SILENT_S = 1.5  # with a clock: a longer silence starts anew too
SETTLE_S = 1.0
FASTER = 0.8  # of the usual interval; a shorter mean interval drains a backlog
CATCHING_UP_S = 0.05  # by which the least delay falls while a backlog comes in
DRIFT = 1e-3  # seconds a second; crystals differ by a tenth of it
JUMP_S = 1.0  # a clock that leaps ahead by more was set anew
STUCK_S = 10.0  # a feed that runs late for longer is opened again
STANDS = 3  # a clock that stands for so many frames is none


class FrameClock:
    """`take()` each frame of one connection.

    `own`: the source has a clock.  `settle`: the connection begins with a burst.  `interval_s`: the
    usual time between frames, as the connection before learned it.
    """

    def __init__(self, *, own: bool, settle: bool, interval_s: float | None = None) -> None:
        self.lag_s = 0.0
        self.interval_s = interval_s
        self._own = own
        self._settle = settle
        self._arrived: float | None = None
        self._media = math.nan
        self._stood = 0
        self._offset: float | None = None  # our time minus the source's, of the fastest frame
        self._late_since: float | None = None
        self._settling_since = 0.0
        self._backlog = False
        self._arrivals: deque[float] = deque(maxlen=240)  # since the feed runs late
        self._intervals: deque[float] = deque(maxlen=60)

    @property
    def late(self) -> bool:
        """Whether the newest frame is old, or may be."""
        return self._late_since is not None

    @property
    def late_for_s(self) -> float:
        """For how long the feed has been late now."""
        if self._late_since is None or self._arrived is None:
            return 0.0
        return self._arrived - self._late_since

    @property
    def stuck(self) -> bool:
        """Whether a new connection is what helps: a buffer does not drain, or without a clock
        nothing tells for sure that it did."""
        return self._backlog or self.late_for_s > STUCK_S

    def take(self, arrived: float, media_s: float | None = None) -> float | None:
        """A frame arrived at monotonic time `arrived` (seconds) with the time `media_s` of the
        source's own clock.  Returns the monotonic time at which it was taken, or None if it is
        old, or if its age can't be known yet."""
        since = 0.0 if self._arrived is None else arrived - self._arrived
        if self._arrived is None and self._settle:
            self._run_late(arrived)
        self._arrived = arrived
        if self._has_clock(media_s):
            assert media_s is not None
            taken = self._by_clock(arrived, media_s, since)
        else:
            taken = self._by_pace(arrived, since)
        return None if self.late else taken

    def _has_clock(self, media_s: float | None) -> bool:
        """Whether the source's clock goes.  Once it is found to stand it is never used again."""
        if not self._own or media_s is None or not math.isfinite(media_s):
            return False
        self._stood = self._stood + 1 if media_s == self._media else 0
        self._media = media_s
        self._own = self._stood < STANDS
        return self._own

    def _by_clock(self, arrived: float, media_s: float, since: float) -> float:
        delay = arrived - media_s
        if self._offset is None:
            self._offset = delay
        least = self._offset + DRIFT * since
        if delay < least - JUMP_S and not self.late:
            self._run_late(arrived)
        elif delay < least - CATCHING_UP_S:
            self._settling_since = arrived
        self._offset = min(least, delay)
        self.lag_s = delay - self._offset
        if since > SILENT_S and not self.late:
            self._run_late(arrived)
        if self.lag_s > LATE_S:
            if not self.late:
                self._run_late(arrived)
            self._settling_since = arrived
        elif self.late and arrived - self._settling_since >= SETTLE_S:
            self._late_since = None
        return arrived - self.lag_s

    def _by_pace(self, arrived: float, since: float) -> float:
        if since > max(GAP_S, GAP_FRAMES * (self.interval_s or 0.0)):
            self._run_late(arrived)
            self.lag_s = since
            self._backlog = since > SILENT_S
            self._learn(since)  # a camera may have become that slow
        if not self.late:
            self._learn(since)
            return arrived
        self._arrivals.append(arrived)
        if self._is_drained():
            self._late_since, self.lag_s = None, 0.0
        return arrived

    def _run_late(self, arrived: float) -> None:
        if self._late_since is None:
            self._late_since = arrived
        self._settling_since = arrived
        self._arrivals.clear()

    def _learn(self, since: float) -> None:
        if since > 0:
            self._intervals.append(since)
        if len(self._intervals) >= 8:
            self.interval_s = statistics.median(self._intervals)

    def _is_drained(self) -> bool:
        """Whether the last arrivals came no faster than the camera takes pictures."""
        if self._arrivals[-1] - self._arrivals[0] < SETTLE_S:
            return False
        if self.interval_s is None:
            return True
        count = max(3, math.ceil(SETTLE_S / 2 / self.interval_s))
        if len(self._arrivals) <= count:
            return False
        took = self._arrivals[-1] - self._arrivals[-1 - count]
        return took >= FASTER * count * self.interval_s
