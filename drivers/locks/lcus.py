"""USB relay boards of the LCUS kind (LCUS-1 to LCUS-8 and their many copies).

Wire (9600 8N1, from the vendors' manual): ``A0 channel state sum``, where state is 1 to
energise and 0 to release and sum is the low byte of the sum of the first three.  The board does not
answer and has no timed pulse: a relay keeps its state until the next frame for it, which is why
drivers/locks/deadman.py exists.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from drivers import base

START = 0xA0


class LcusBoard:
    """Encodes frames; channels are numbered from 1."""

    class Options(base.Options):
        channels: Annotated[int, Field(ge=1, le=16)] = 1

    def __init__(self, options: Options) -> None:
        self.channels = options.channels

    def set(self, channel: int, on: bool) -> bytes:
        """The frame that energises or releases one relay.  Raises ValueError for a channel that the
        board does not have."""
        if not 1 <= channel <= self.channels:
            raise ValueError(f"relay {channel} of a board with {self.channels}")
        frame = bytes((START, channel, int(on)))
        return frame + bytes((sum(frame) & 0xFF,))
