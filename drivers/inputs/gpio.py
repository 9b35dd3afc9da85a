"""Inputs on the box's own GPIO lines, through the kernel's character device (libgpiod 2).

The driver imports the package `gpiod` when it opens the lines: a box without GPIO does not need it
(``pip install garita[gpio]``).  Input N is the Nth line of the list.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from drivers import base
from drivers.base import InputState


class GpioInputs:
    """Open lines have a descriptor that the kernel makes readable when one of them changes."""

    class Options(base.Options):
        chip: str = "/dev/gpiochip0"
        lines: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, max_length=32)
        bias: Literal["pull-up", "pull-down", "disabled", "as-is"] = "pull-up"
        debounce_ms: Annotated[int, Field(ge=0, le=1000)] = 10

    def __init__(self, options: Options) -> None:
        self.inputs = len(options.lines)
        self._options = options
        self._request: Any = None

    def open(self) -> int:
        """Take the lines; returns the descriptor.  Raises OSError with a reason when that fails."""
        try:
            import gpiod  # noqa: PLC0415 - only where it is used
            from gpiod import line  # noqa: PLC0415
        except ImportError as error:
            raise OSError("the package gpiod is not installed") from error
        bias = {
            "pull-up": line.Bias.PULL_UP,
            "pull-down": line.Bias.PULL_DOWN,
            "disabled": line.Bias.DISABLED,
            "as-is": line.Bias.AS_IS,
        }[self._options.bias]
        settings = gpiod.LineSettings(
            direction=line.Direction.INPUT,
            edge_detection=line.Edge.BOTH,
            bias=bias,
            # With a pull-up, a contact that closes to ground reads low: closed is active.
            active_low=self._options.bias == "pull-up",
            debounce_period=datetime.timedelta(milliseconds=self._options.debounce_ms),
        )
        self._request = gpiod.request_lines(
            self._options.chip,
            consumer="garita",
            config={tuple(self._options.lines): settings},
        )
        return int(self._request.fd)

    def read(self) -> Sequence[InputState]:
        """Take the waiting edge events; returns the state of every line now."""
        while self._request.wait_edge_events(0):
            self._request.read_edge_events()
        return self.states()

    def states(self) -> Sequence[InputState]:
        """The state of every line now; `active` means a closed contact."""
        values = self._request.get_values(self._options.lines)
        return [InputState(n, bool(value.value)) for n, value in enumerate(values, 1)]

    def close(self) -> None:
        if self._request is not None:
            self._request.release()
            self._request = None
