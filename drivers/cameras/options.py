"""The settings of the watch over a camera's feed.

Names and limits only, so that the daemon can check options without OpenCV or NumPy.
drivers/cameras/health.py does the judging.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from drivers import base

Seconds = Annotated[float, Field(ge=0, le=3600)]


class HealthOptions(base.Options):
    """How many seconds a fault must last before it counts; 0 switches that check off.
    `clear_after_s` (seconds) is how long a feed must be good before the camera is `ok` again."""

    black_after_s: Seconds = 0.5
    exposure_after_s: Seconds = 10.0
    covered_after_s: Seconds = 6.0
    defocused_after_s: Seconds = 20.0
    moved_after_s: Seconds = 20.0  # twice this where the new view shares nothing
    looping: bool = True
    clear_after_s: Annotated[float, Field(ge=0.5, le=60)] = 3.0
