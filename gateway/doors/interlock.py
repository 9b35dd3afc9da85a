"""Doors of which never two may be open: the inner and the outer door of a sally port, for example.

A badge opens a door of an interlock only while every other door of it is known to be shut and
locked; a door of which nobody knows counts as open.  The only way around that is an override: by
name, for a stated time, on record.  Software can't hold a door through which people leave: such a
door opens, and two open doors are recorded as a breach.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from gateway.doors.machine import Door


class Interlock:
    """A named group of doors.  Times are seconds of a monotonic clock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.overridden_until = -math.inf
        self._doors: dict[str, Door] = {}
        self._ready: dict[str, Callable[[], bool]] = {}
        self._reserved: Counter[str] = Counter()  # grants that are being recorded, by door

    def add(self, name: str, door: Door, lock_ready: Callable[[], bool] = lambda: True) -> None:
        """Add a door, and how to ask whether its lock answers: a lock that is away may be open."""
        self._doors[name] = door
        self._ready[name] = lock_ready

    @property
    def doors(self) -> tuple[str, ...]:
        """The names of the doors."""
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
        """A grant at `name` is being recorded: the other doors stay shut until `give_back`."""
        self._reserved[name] += 1

    def give_back(self, name: str) -> None:
        """A grant at `name` was carried out, or did not come about."""
        self._reserved[name] = max(0, self._reserved[name] - 1)

    def override(self, until: float) -> None:
        """Let the doors open without regard to each other, until that time."""
        self.overridden_until = until
