"""Doors of which never two are open: the two gates of a sally port, for example.

A door of an interlock is granted only while every other is known to be shut and locked.  What
is not known counts as open.  The one way around it is an override: by name, for a stated time,
on record.  Software can't hold a door that people leave through: that one opens, and the
breach is an event.
"""

from __future__ import annotations

import math

from gateway.door import Door


class Interlock:
    """`override(until)` lets the doors be, until that monotonic time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.overridden_until = -math.inf
        self._doors: dict[str, Door] = {}
        self._reserved: str = ""

    def add(self, name: str, door: Door) -> None:
        self._doors[name] = door

    @property
    def doors(self) -> tuple[str, ...]:
        return tuple(self._doors)

    def blocked_by(self, name: str, now: float) -> str:
        """The door that must be shut before `name` may open; "" if none."""
        if now < self.overridden_until:
            return ""
        if self._reserved and self._reserved != name:
            return self._reserved
        return self.breach(name)

    def breach(self, name: str) -> str:
        """Another door that is not known to be shut and locked."""
        return next((n for n, d in self._doors.items() if n != name and not d.secure), "")

    def reserve(self, name: str) -> None:
        """`name` is being granted: the others wait until that is carried out or given up."""
        self._reserved = name

    def give_back(self, name: str) -> None:
        if self._reserved == name:
            self._reserved = ""

    def override(self, until: float) -> None:
        self.overridden_until = until
