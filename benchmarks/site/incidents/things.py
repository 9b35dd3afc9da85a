"""Incidents of doors, visitors, devices and operators."""

from __future__ import annotations

from benchmarks.site.incidents.base import Day, Planted, Site, Try, working
from benchmarks.site.world import Person


class HeldAtOneHour(Planted):
    """A door is held or forced at the same hour, day after day."""

    kind = "held_at_one_hour"
    lasts = 6

    def begin(self) -> None:
        self.door = self.rng.choice(("shipping", "warehouse", "floor"))
        self.hour = self.rng.choice((2, 4, 13, 20, 23))
        self.about = {"door": self.door}

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        number = self.on(day)
        if number is None or number >= self.of(3, 4, 6):
            return
        at = 60 * self.hour + self.rng.uniform(5, 50)
        if number % 3 == 2:
            site.watch.forced(day, self.rng, desk, self.door, at, self.name)
        else:
            site.watch.held(day, self.rng, desk, self.door, at, self.name)


class OverdueVisitor(Planted):
    """One visitor stays too long again and again, always with the same escort."""

    kind = "overdue_visitor"
    lasts = 12

    def begin(self) -> None:
        self.guest = self.rng.choice(range(25))
        self.host = self.rng.choice(self.world.hosts)

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or not working(day.day) or number % self.of(4, 3, 2):
            return
        who = site.visitors.regular[self.guest]
        self.about = {"visitor": who[0], "escort": self.host.id, "name": who[0]}
        tries += site.visitors.visit(
            day,
            self.rng,
            site.desk(day.day),
            self.rng.uniform(500, 800),
            host=self.host,
            who=who,
            stays=self.rng.uniform(120, 200),
            over=self.rng.uniform(30, 90),
            escort=self.host,
            mark=self.name,
        )


class Looking(Planted):
    """An operator looks at the pages of many people."""

    kind = "operator_looks"
    lasts = 1

    def begin(self) -> None:
        self.who = self.rng.choice([*self.world.supervisors, *self.world.guards])
        self.about = {"person": self.who.id}

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        for person in self.rng.sample(site.world.people, self.of(8, 15, 30)):
            site.office.portrait(day, self.rng.uniform(500, 700), self.who, person, self.name)


class ReaderDrift(Planted):
    """A reader reads worse and worse."""

    kind = "reader_drift"
    lasts = 6

    def begin(self) -> None:
        self.gate = self.rng.choice(self.world.gates)
        self.about = {"door": self.gate, "reader": f"{self.gate}-in"}

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        share = (0.04, 0.09, 0.18)[self.strength]
        for one in list(tries):
            if one.door == self.gate and one.way == "in" and self.rng.random() < share:
                self.try_(tries, one.at - 0.1, one.person, self.gate, reason="denied_bad_read")


class CameraAway(Planted):
    """A camera is away for some minutes every night."""

    kind = "camera_away"
    lasts = 5

    def begin(self) -> None:
        self.camera = f"camera-{self.rng.randrange(1, 7)}"
        self.about = {"device": self.camera, "camera": self.camera}

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        number = self.on(day)
        if number is None or number >= self.of(3, 4, 5):
            return
        for _ in range(self.of(1, 1, 2)):
            at = self.rng.uniform(120, 200)
            site.watch.away(day, self.rng, desk, ("camera", self.camera), at, self.name)


class ForcedBurst(Planted):
    """Alarms of forced doors at night at one door, one after another."""

    kind = "forced_burst"
    lasts = 1

    def begin(self) -> None:
        self.door = self.rng.choice(("lab", "tools", "office", "servers"))
        self.about = {"door": self.door}

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        at = self.rng.uniform(1, 200)
        for _ in range(self.of(2, 3, 5)):
            site.watch.forced(day, self.rng, desk, self.door, at, self.name)
            at += self.rng.uniform(2, 25)


THINGS = (HeldAtOneHour, OverdueVisitor, Looking, ReaderDrift, CameraAway, ForcedBurst)
