"""What a method shows of a week, and whether it is what was planted.

The same rule judges ours and the peers: a finding is of an incident if it shows at least one of its
records, and these are at least a quarter of what it shows or it names whom the incident is about.
An incident without records of its own (tailgating) counts if it is named while it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.site.incidents import Planted

SHARE = 0.25
LATE = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that a method shows: the day, what it is about, the records, and what says it."""

    day: date
    about: Mapping[str, str]
    records: tuple[int, ...]
    said_by: str


class Truth:
    """Which records belong to which plant."""

    def __init__(self, plants: Iterable[Planted]) -> None:
        self.plants = {one.name: one for one in plants}
        self.of: dict[int, str] = {}

    def take(self, seq: int, mark: str) -> None:
        """Record `seq` belongs to the plant `mark`."""
        if mark:
            self.of[seq] = mark

    def planted(self, one: Shown) -> Planted | None:
        """The plant that a finding shows, incidents before near-misses; None if it shows none."""
        counts: dict[str, int] = {}
        for seq in one.records:
            if name := self.of.get(seq):
                counts[name] = counts.get(name, 0) + 1
        found = [
            self.plants[name]
            for name, count in counts.items()
            if count >= SHARE * len(one.records) or _names(one, self.plants[name])
        ]
        found += [
            plant
            for plant in self.plants.values()
            if plant.by_about and plant.first <= one.day <= plant.last + LATE and _names(one, plant)
        ]
        found.sort(key=lambda plant: (plant.near, -counts.get(plant.name, 0)))
        return found[0] if found else None


def _names(one: Shown, plant: Planted) -> bool:
    return bool(set(one.about.values()) & set(plant.about.values()))
