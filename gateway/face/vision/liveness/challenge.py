"""A challenge at the reader: turn your head as asked, in time.

Observations of one tracked face go in, in order of time.  The challenge says what to tell the
person now (`prompt`) and ends with one result.  It asks for each turn after a random pause.  The
turn must go to the asked side, the nose must move in front of the eyes, the surface must not be a
sheet, and the face must come back.  A print that is held or moved does not turn; a print that is
turned stays flat; a video passes only if its turns and pauses happen to be the ones drawn.

The challenge fails if time stands still, jumps or runs back, if the face leaves or another takes
its place, or if frames repeat.  An observation that can't be read (a NaN) counts as not seen.  The
result is final.  The caller must also check whose face it is on frames of the turn.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.liveness.observation import Observation
from gateway.face.vision.liveness.relief import CornerTracks, Fit

TURNED = 0.08
"""By how much `Observation.turn` must move: some 18 degrees of a head."""
BACK = 0.05
MIN_RELIEF = 0.0062
MIN_SHARE = 0.35
"""The least share of a plane's residual that a bent sheet leaves too.  A head leaves more."""
MIN_FRAMES = 2
"""Frames that must show the turn, and frames that must show the straight face before it."""
MAX_GAP_S = 0.5
MAX_GAP_TURNED_S = 1.0
"""A turned face may be lost for longer: its corners show whether the same face comes back."""
MAX_SAME = 5
MIN_KEPT = 0.3
MAX_JUMP = 0.35
MAX_GROWTH = 1.5
"""The detector's boxes come in steps of 1.2, and it may be wrong by two steps."""
MAX_ASKEW = 0.20
MIN_RETURN = 0.5
"""The most of the turn that the surface may still show when the face is back, as a share."""
PAUSES_S = (0.3, 1.2)


class Turn(StrEnum):
    """The side to turn to, as the person sees it."""

    LEFT = "left"
    RIGHT = "right"


class Prompt(StrEnum):
    """What the person should do now."""

    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    DONE = "done"


class ChallengeReason(StrEnum):
    """Why a challenge ended.  Stable codes."""

    PASSED = "passed"
    NO_RESPONSE = "no_response"  # the time is over
    WRONG_TURN = "wrong_turn"  # turned to the other side
    EARLY_TURN = "early_turn"  # turned before it was asked
    FLAT = "flat"  # a plane or a bent sheet explains the movement
    UNMEASURED = "unmeasured"  # too few corners to tell
    FACE_LOST = "face_lost"  # no usable face for half a second
    FACE_CHANGED = "face_changed"  # another face, or a cut
    FRAMES_REPEATED = "frames_repeated"
    TIME_DISORDER = "time_disorder"


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """`measured` goes into the record: plain numbers only."""

    passed: bool
    reason: ChallengeReason
    measured: dict[str, Any] = field(default_factory=dict)


def draw(turns: int = 2) -> tuple[tuple[Turn, ...], tuple[float, ...]]:
    """Random turns, and the random pause (s) before each."""
    chance = secrets.SystemRandom()
    asked = tuple(chance.choice((Turn.LEFT, Turn.RIGHT)) for _ in range(turns))
    return asked, tuple(round(chance.uniform(*PAUSES_S), 2) for _ in range(turns))


class Challenge:
    """`turns` at least one; `pauses` (s) one for each turn, none means no pause; `started_at`
    and the observations' times are of one monotonic clock.  Raises ValueError."""

    def __init__(
        self,
        turns: tuple[Turn, ...],
        started_at: float,
        timeout_s: float,
        pauses: tuple[float, ...] = (),
    ) -> None:
        if not turns or (pauses and len(pauses) != len(turns)):
            raise ValueError("a challenge has at least one turn, and a pause for each or none")
        if not np.isfinite(started_at) or not 0 < timeout_s < 120:
            raise ValueError("a challenge has a start and at most two minutes")
        self._turns = tuple(Turn(turn) for turn in turns)
        self._pauses = pauses or (0.0,) * len(turns)
        self._deadline = started_at + timeout_s
        self._started = self._at = self._seen_at = started_at
        self._verdict: ChallengeResult | None = None
        self._last: Observation | None = None
        self._same = self._strayed = 0
        self._straight: list[float] = []
        self._zero: float | None = None
        self._tracks: CornerTracks | None = None
        self._asked_at: float | None = None
        self._waiting_until = started_at
        self._during: list[tuple[float, Fit | None]] = []
        self._done: list[dict[str, float]] = []

    @property
    def prompt(self) -> Prompt:
        """What to tell the person now."""
        if self._verdict is not None:
            return Prompt.DONE
        if self._asked_at is None or self._turned_enough:
            return Prompt.STRAIGHT
        return Prompt(self._turns[len(self._done)].value)

    @property
    def verdict(self) -> ChallengeResult | None:
        return self._verdict

    def tick(self, now: float) -> ChallengeResult | None:
        """Call when no face was seen.  Ends the challenge if the time or the face is gone."""
        if self._verdict is None:
            if not np.isfinite(now) or now < self._at:
                return self._end(ChallengeReason.TIME_DISORDER)
            if now > self._deadline:
                return self._end(ChallengeReason.NO_RESPONSE)
            patience = MAX_GAP_S if self._asked_at is None else MAX_GAP_TURNED_S
            if self._last is not None and now - self._seen_at > patience:
                return self._end(ChallengeReason.FACE_LOST)
        return self._verdict

    def see(self, seen: Observation) -> ChallengeResult | None:
        """Take the next observation of the face.  Returns the result once there is one."""
        if self._verdict is not None:
            return self._verdict
        if not np.isfinite(seen.at) or seen.at <= self._at:
            return self._end(ChallengeReason.TIME_DISORDER)
        if self.tick(seen.at) is not None:
            return self._verdict
        self._at = seen.at
        if not seen.usable:
            return None
        if self._last is not None:
            if self._is_repeated(seen, self._last):
                self._same += 1
                return (
                    self._end(ChallengeReason.FRAMES_REPEATED) if self._same >= MAX_SAME else None
                )
            if _is_another(seen, self._last):
                return self._end(ChallengeReason.FACE_CHANGED)
        self._same = 0
        self._seen_at = seen.at
        self._last = seen
        # Followed without a break, so that nobody can take the place between two turns.
        if self._tracks is None:
            self._tracks = CornerTracks(seen)
        else:
            self._tracks.follow(seen.grey)
            if self._tracks.kept < MIN_KEPT:
                return self._end(ChallengeReason.FACE_CHANGED)
        return self._step(seen, self._tracks)

    def _step(self, seen: Observation, tracks: CornerTracks) -> ChallengeResult | None:
        if self._asked_at is None or self._zero is None:
            return self._stand(seen)
        moved = seen.turn - self._zero
        # Unmirrored, a person's left is the picture's right.
        side = 1.0 if self._turns[len(self._done)] is Turn.LEFT else -1.0
        if self._astray(moved * side <= -TURNED):
            return self._end(ChallengeReason.WRONG_TURN)
        if moved * side >= TURNED:
            self._during.append((moved * side, tracks.fit()))
        elif abs(moved) <= BACK and self._turned_enough and self._is_back(tracks.fit()):
            return self._judge(seen)
        return None

    def _astray(self, strays: bool) -> bool:
        """True after two in a row, because one alone may be an error of the landmarks."""
        self._strayed = self._strayed + 1 if strays else 0
        return self._strayed >= MIN_FRAMES

    def _is_back(self, now: Fit | None) -> bool:
        """Whether the surface is back.  The landmarks of a far turned face may look straight."""
        most = max((fit.flat for _, fit in self._during if fit is not None), default=0.0)
        return now is None or now.flat <= max(MIN_RETURN * most, MIN_RELIEF)

    def _stand(self, seen: Observation) -> ChallengeResult | None:
        """Before a turn: wait for a straight face, for as long as the pause."""
        if self._zero is None:
            if abs(seen.turn) > MAX_ASKEW:
                self._straight.clear()
                return None
            self._straight.append(seen.turn)
            if len(self._straight) <= MIN_FRAMES:
                return None
            self._zero = float(np.median(self._straight))
            self._waiting_until = seen.at + self._pauses[0]
        elif self._astray(abs(seen.turn - self._zero) >= TURNED):
            return self._end(ChallengeReason.EARLY_TURN)
        if seen.at >= self._waiting_until and abs(seen.turn - self._zero) <= BACK:
            self._asked_at = seen.at
            self._tracks = CornerTracks(seen)
        return None

    def _judge(self, seen: Observation) -> ChallengeResult | None:
        """Judge a turn that was made and taken back: was it a head?"""
        fits = [fit for _, fit in self._during if fit is not None]
        assert self._asked_at is not None
        turn = {
            "turn": max(moved for moved, _ in self._during),
            "seconds": seen.at - self._asked_at,
            "frames": float(len(self._during)),
        }
        if len(fits) < MIN_FRAMES:
            self._done.append(turn)
            return self._end(ChallengeReason.UNMEASURED)
        # The upper quartile: where the turn was widest, but not one odd frame.
        turn["relief"] = float(np.percentile([fit.relief for fit in fits], 75))
        turn["flat"] = float(np.percentile([fit.flat for fit in fits], 75))
        turn["corners"] = float(min(fit.corners for fit in fits))
        self._done.append(turn)
        enough = max(MIN_RELIEF, MIN_SHARE * turn["flat"])
        if not turn["relief"] >= enough:  # nor a NaN
            return self._end(ChallengeReason.FLAT)
        if len(self._done) == len(self._turns):
            return self._end(ChallengeReason.PASSED)
        self._during, self._tracks, self._asked_at = [], CornerTracks(seen), None
        self._waiting_until = seen.at + self._pauses[len(self._done)]
        return None

    @property
    def _turned_enough(self) -> bool:
        return len(self._during) >= MIN_FRAMES

    def _is_repeated(self, seen: Observation, last: Observation) -> bool:
        return seen.grey is last.grey or same_picture(seen.grey, last.grey)

    def _end(self, reason: ChallengeReason) -> ChallengeResult:
        measured: dict[str, Any] = {
            "seconds": round(self._at - self._started, 2),
            "asked": [turn.value for turn in self._turns],
            "turns": [{key: round(value, 4) for key, value in turn.items()} for turn in self._done],
        }
        self._verdict = ChallengeResult(reason is ChallengeReason.PASSED, reason, measured)
        self._tracks = self._last = None  # pictures are not kept
        return self._verdict


def same_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two pictures are equal to the last bit: no sensor gives that twice."""
    return one.shape == other.shape and cv2.norm(one, other, cv2.NORM_INF) == 0


def _is_another(seen: Observation, last: Observation) -> bool:
    """A box that jumps or changes size as no head does within a frame or two."""
    if seen.grey.shape != last.grey.shape:
        return True
    jump = np.hypot(seen.centre[0] - last.centre[0], seen.centre[1] - last.centre[1])
    growth = seen.face.width / last.face.width
    return bool(jump > MAX_JUMP * last.face.width or growth > MAX_GROWTH or growth < 1 / MAX_GROWTH)
