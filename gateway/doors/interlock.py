"""Doors of which never two are open: the two gates of a sally port, for example.

A door of an interlock is granted only while every other is known to be shut and locked.  What
is not known counts as open.  The one way around it is an override: by name, for a stated time,
on record.  Software can't hold a door that people leave through: that one opens, and the
breach is an event.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from gateway.doors.machine import Door


class Interlock:
    """`override(until)` lets the doors be, until that monotonic time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.overridden_until = -math.inf
        self._doors: dict[str, Door] = {}
        self._ready: dict[str, Callable[[], bool]] = {}
        self._reserved: Counter[str] = Counter()  # a door has a grant under way at each reader

    def add(self, name: str, door: Door, lock_ready: Callable[[], bool] = lambda: True) -> None:
        """A door, and whether its lock can be driven: one that is away may be unlocked."""
        self._doors[name] = door
        self._ready[name] = lock_ready

    @property
    def doors(self) -> tuple[str, ...]:
        return tuple(self._doors)

    def blocked_by(self, name: str, now: float) -> str:
        """The door that must be shut before `name` may open; "" if none."""
        if now < self.overridden_until:
            return ""
        others = [other for other in self._doors if other != name]
        reserved = next((other for other in others if self._reserved[other]), "")
        away = next((other for other in others if not self._ready[other]()), "")
        return reserved or self.breach(name) or away

    def breach(self, name: str) -> str:
        """Another door that is not known to be shut and locked."""
        return next((n for n, d in self._doors.items() if n != name and not d.secure), "")

    def reserve(self, name: str) -> None:
        """`name` is being granted: the others wait until that is carried out or given up."""
        self._reserved[name] += 1

    def give_back(self, name: str) -> None:
        self._reserved[name] = max(0, self._reserved[name] - 1)

    def override(self, until: float) -> None:
        self.overridden_until = until
