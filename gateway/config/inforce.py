"""The settings in force: one frozen value that a reload puts another in the place of."""

from __future__ import annotations

from gateway.config import Settings


class InForce:
    """Parts of the gateway that go by the settings read `now` each time, and keep no copy.

    A reload assigns `now` once, in the event loop, so nobody ever sees half of a configuration.
    """

    __slots__ = ("now",)

    def __init__(self, settings: Settings) -> None:
        self.now = settings
