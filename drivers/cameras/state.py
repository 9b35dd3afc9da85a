"""What a camera's feed can be, and the settings of the watch over it.

Only names and limits, so that the daemon can check options without OpenCV or NumPy; the
judging is in `health`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from drivers import base

Seconds = Annotated[float, Field(ge=0, le=3600)]


class CameraState(StrEnum):
    """Stable words: they are written to the log as the detail of `device.offline`."""

    OK = "ok"
    NO_SIGNAL = "no_signal"
    FROZEN = "frozen"
    LOOPING = "looping"
    BLACK = "black"
    UNDEREXPOSED = "underexposed"
    OVEREXPOSED = "overexposed"
    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"


class HealthOptions(base.Options):
    """How many seconds a fault must last before it counts; 0 switches that check off.
    `clear_after_s` is how long a feed must be well before it counts as well."""

    black_after_s: Seconds = 0.5
    exposure_after_s: Seconds = 10.0
    covered_after_s: Seconds = 6.0
    defocused_after_s: Seconds = 20.0
    moved_after_s: Seconds = 20.0  # twice this where the new view shares nothing
    looping: bool = True
    clear_after_s: Annotated[float, Field(ge=0.5, le=60)] = 3.0
