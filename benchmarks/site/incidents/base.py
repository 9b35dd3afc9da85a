"""What is planted: an incident, or a near-miss that looks a little like one and is none.

Each kind has three strengths, 0 to 2.  A plant lasts from `first` for `lasts` days, and its records
have its name as their `mark`.  `about` names whom or what it is about by the keys that findings
use; it is set when the plant begins.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import ClassVar

from benchmarks.site.passes import IN, Try
from benchmarks.site.raw import Day
from benchmarks.site.site import Plant, Site
from benchmarks.site.world import Person, World, holiday

WEAK, MEDIUM, STRONG = range(3)
STRENGTHS = ("weak", "medium", "strong")


class Planted(Plant):
    """One plant.  `number` makes its name unique among those of one site."""

    kind: ClassVar[str]
    near: ClassVar[bool] = False
    lasts: ClassVar[int] = 5
    by_about: ClassVar[bool] = False
    """Whether no record of its own shows it: then a finding is judged by whom it names."""

    def __init__(self, world: World, first: date, strength: int, number: int) -> None:
        self.world, self.first, self.strength = world, first, strength
        prefix = "near" if self.near else "planted"
        self.name = f"{prefix}-{number}-{self.kind}"
        self.rng = random.Random(f"{world.shape.seed}/{self.name}")
        self.about: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        """Choose whom it is about."""

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first + timedelta(days=self.lasts - 1)

    def on(self, day: Day) -> int | None:
        """Which day of the plant it is, from 0; None if it is not going on."""
        number = (day.day - self.first).days
        return number if 0 <= number < self.lasts else None

    def of(self, *values: int) -> int:
        """The value for this strength."""
        return values[self.strength]

    def someone(self, *groups: str, shift: str = "") -> Person:
        """Somebody of one of these groups who works all the time around it."""
        found = [
            one
            for one in self.world.people
            if one.group in groups
            and (not shift or one.shift == shift)
            and (one.joins is None or one.joins < self.first - timedelta(days=45))
            and (one.leaves is None or one.leaves > self.last + timedelta(days=7))
        ]
        person = self.rng.choice(found)
        self.about = {"person": person.id}
        return person

    def guard(self) -> Person:
        """One of the guards."""
        return self.rng.choice(self.world.guards)

    def try_(
        self,
        tries: list[Try],
        at: float,
        person: Person | None,
        door: str,
        way: str = IN,
        reason: str = "granted",
        then: str = "entered",
        open_s: float = 0.0,
    ) -> None:
        """A badge that this plant shows."""
        if reason != "granted":
            then = ""
        tries.append(Try(at, person, door, way, reason, then, open_s, self.name))


def working(day: date) -> bool:
    """Whether most people work that day."""
    return day.weekday() < 5 and not holiday(day)


__all__ = ["MEDIUM", "STRENGTHS", "STRONG", "WEAK", "Day", "Planted", "Site", "Try", "working"]
