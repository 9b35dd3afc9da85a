"""A site day by day."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date

from benchmarks.site.load import Load
from benchmarks.site.office import Office
from benchmarks.site.passes import Doors, Try, hash_of, plan, strangers
from benchmarks.site.raw import Day, Raw, numbered
from benchmarks.site.trucks import Trucks
from benchmarks.site.visitors import Visitors
from benchmarks.site.watch import Watch
from benchmarks.site.world import Person, World


class Plant:
    """Changes what would happen on a day, to plant something; this one changes nothing."""

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        """`tries` are all badges that will be shown in the shifts that begin that day."""

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        """`loads` are all trucks that will come."""

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        """Whatever else happens that day."""


class Site:
    """One site.  Call `day` for one day after another."""

    def __init__(self, world: World, plants: Iterable[Plant] = ()) -> None:
        self.world = world
        self.plants = list(plants)
        self.doors = Doors(world)
        self.visitors = Visitors(world)
        self.trucks = Trucks(world)
        self.watch = Watch(world)
        self.office = Office(world, self.doors)
        self.last = 0
        self._later: list[Raw] = []
        self._begun = False

    def desk(self, day: date) -> list[Person]:
        """The guards who work at the desk that day, at least four."""
        rng = self.world.rng("desk", day)
        here = [one for one in self.world.guards if self.world.works(one, day)]
        return rng.sample(here, min(len(here), 5)) if len(here) >= 4 else self.world.guards[:4]

    def day(self, date_: date) -> list[Raw]:
        """The records of a local day in order, with numbers; ask for days in order."""
        world, day = self.world, Day(self.world.clock, date_)
        if not self._begun:
            self._begun = True
            self.office.first(day)
        self.office.write(day)
        desk = self.desk(date_)
        tries = self.visitors.write(day, desk)
        for person in world.people:
            rng = random.Random(hash_of(person) * 100_003 + date_.toordinal() + world.shape.seed)
            tries += plan(world, person, date_, rng)
        tries += strangers(world, world.rng("strangers", date_))
        for plant in self.plants:
            plant.people(self, day, tries)
        self.doors.write(day, tries, world.rng("doors", date_))
        answers = world.rng("answers", date_)
        for raw, over in self.doors.held:
            self.watch.answer(day, answers, desk, raw, "held", over)
        loads = self.trucks.loads(day, desk)
        for plant in self.plants:
            plant.trucks(self, day, loads)
        rng = world.rng("each truck", date_)
        for load in sorted(loads, key=lambda one: one.at):
            self.trucks.write(day, load, rng)
        if date_.weekday() == 4:
            self.trucks.seals.reconcile(day, 1000)
        self.watch.write(day, desk)
        for plant in self.plants:
            plant.more(self, day, desk)
        return self._in_order(day)

    def _in_order(self, day: Day) -> list[Raw]:
        end = self.world.clock.ms(day.day, 1440)
        here = [raw for raw in (*self._later, *day.records) if raw.at < end]
        self._later = [raw for raw in (*self._later, *day.records) if raw.at >= end]
        found = numbered(here, self.last)
        self.last += len(found)
        return found
