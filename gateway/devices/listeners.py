"""Who wants to know what one device reports: a list of handlers by kind of event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from drivers.base import BadRead, CardRead, InputState, Keys, Reading

log = logging.getLogger("garita.devices.listeners")

E = TypeVar("E")


class Listeners:
    """The handlers for one device; `name` is the device's name, for the log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: dict[type, list[Callable[[Any, float], None]]] = {}

    def listen(self, kind: type[E], handler: Callable[[E, float], None]) -> None:
        """Call `handler(event, now)` for every event of exactly this `kind` (a class of
        drivers/base.py); `now` is its monotonic time in seconds."""
        self._handlers.setdefault(kind, []).append(handler)

    def listen_readings(self, handler: Callable[[Reading, float], None]) -> None:
        """Call `handler(reading, now)` for cards, bad reads and keys."""
        self.listen(CardRead, handler)
        self.listen(BadRead, handler)
        self.listen(Keys, handler)

    def report(self, event: object, now: float) -> None:
        """Hand `event` to those who listen to its kind, in the order in which they asked.  A
        handler that fails is logged, and the others still get the event."""
        for handler in self._handlers.get(type(event), ()):
            try:
                handler(event, now)
            except Exception:
                log.exception("%s: a handler of %s failed", self.name, type(event).__name__)


def input_number(
    number: int, handler: Callable[[bool], None]
) -> Callable[[InputState, float], None]:
    """A handler of `InputState` for input `number` (from 1) alone: it calls `handler` with whether
    the circuit is closed."""

    def handle(state: InputState, now: float) -> None:
        if state.number == number:
            handler(state.active)

    return handle
