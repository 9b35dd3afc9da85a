"""The trucks of a day: announced, inspected, loaded, sealed, drawn for a spot check, departed."""

from __future__ import annotations

import random

from benchmarks.site.load import TRAILER, Load
from benchmarks.site.raw import Day
from benchmarks.site.sealbook import SealBook
from benchmarks.site.truck import Truck
from benchmarks.site.world import Carrier, Person, World, holiday


class Trucks:
    """The yard of one site."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0
        self.seals = SealBook(world)

    def loads(self, day: Day, desk: list[Person]) -> list[Load]:
        """The trucks of an ordinary day."""
        date_ = day.day
        rng = self.world.rng("trucks", date_)
        if date_.weekday() == 6 or holiday(date_):
            return []
        usual = max(8, self.world.shape.people // 25)
        count = round(usual * rng.uniform(0.8, 1.2) * (0.4 if date_.weekday() == 5 else 1))
        working = [c for c in self.world.carriers if c.since is None or c.since <= date_]
        return [self.load(rng, desk, working) for _ in range(count)]

    def load(self, rng: random.Random, desk: list[Person], carriers: list[Carrier]) -> Load:
        """An ordinary truck of one of these carriers."""
        carrier = rng.choices(carriers, [one.share for one in carriers])[0]
        driver = told = rng.choice(carrier.drivers)
        tractor = told.tractor
        if rng.random() < 0.03:
            told = rng.choice(carrier.drivers)
        if rng.random() < 0.03:
            tractor = rng.choice(carrier.drivers).tractor
        inspector = rng.choice(desk)
        signer = rng.choice(self.world.supervisors)
        at = min(max(rng.choice(carrier.hours) * 60 + rng.gauss(0, 35), 365), 1290)
        early = rng.gauss(0, 25) if rng.random() > 0.03 else rng.choice((-1, 1)) * 160
        bad = (rng.choice(TRAILER),) if rng.random() < 0.015 else ()
        return Load(
            carrier,
            driver,
            told,
            tractor,
            f"{rng.choice(('R', 'T'))}{rng.randrange(100, 999)}{rng.randrange(10)}",
            at,
            early,
            inspector,
            signer,
            rng.uniform(7, 18),
            rng.uniform(55, 150),
            rng.random() < 0.3,
            bad=bad,
            told_before=rng.uniform(5, 30) * 60,
            void=rng.random() < 0.008,
            spot=rng.random() < 0.05,
            turned=rng.random() < 0.006,
        )

    def write(self, day: Day, load: Load, rng: random.Random) -> None:
        """The records of one truck."""
        self.count += 1
        Truck(self.seals, day, load, rng).write(self.count)
