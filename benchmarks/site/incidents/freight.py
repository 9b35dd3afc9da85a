"""Incidents of trucks: the commonest thefts at Mexican gates are deceptive pickups."""

from __future__ import annotations

from benchmarks.site import names
from benchmarks.site.incidents.base import Day, Planted, Site
from benchmarks.site.load import Load, new_carrier
from benchmarks.site.world import Carrier, Driver, Person


class _Freight(Planted):
    def carrier(self, most: int = 99) -> Carrier:
        """One of the carriers that come most often."""
        known = [c for c in self.world.carriers if c.since is None]
        carrier = self.rng.choice(known[:most])
        self.about = {"carrier": carrier.name}
        return carrier

    def extra(self, site: Site, desk: list[Person], carrier: Carrier) -> Load:
        load = site.trucks.load(self.rng, desk, [carrier])
        load.told_driver, load.told_tractor = load.driver, load.driver.tractor
        load.early, load.mark, load.bad, load.turned = 0.0, self.name, (), False
        return load

    def stranger(self) -> Driver:
        rng = self.rng
        return Driver(
            names.person(rng),
            f"{rng.getrandbits(64):016x}",
            f"{rng.randrange(10, 99)}XB{rng.randrange(10)}K",
            f"{rng.randrange(100, 999)}",
        )


class DeceptivePickup(_Freight):
    """Hours early, with another driver than announced; then with another tractor; then as the
    carrier's first load."""

    kind = "deceptive_pickup"
    lasts = 1

    def begin(self) -> None:
        self.from_ = self.carrier()
        if self.strength == 2:
            self.from_ = new_carrier(self.rng, f"Fletes {names.person(self.rng)}", self.first)
            self.about = {"carrier": self.from_.name}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        load = self.extra(site, site.desk(day.day), self.from_)
        load.driver = self.stranger()
        load.told_tractor = load.driver.tractor if not self.strength else load.told_tractor
        load.early, load.loaded = self.rng.uniform(150, 260), False
        load.told_before = self.rng.uniform(90, 200)
        loads.append(load)


class TwoCarriers(_Freight):
    """One driver under two carriers within days; at the strongest under another name."""

    kind = "driver_two_carriers"
    lasts = 3

    def begin(self) -> None:
        one = self.carrier()
        self.driver = self.rng.choice(one.drivers)
        self.other = self.rng.choice([c for c in self.world.carriers if c is not one])
        self.about = {"driver": self.driver.name}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        number = self.on(day)
        if number is None or number > self.strength or day.day.weekday() == 6:
            return
        load = self.extra(site, site.desk(day.day), self.other)
        load.driver = load.told_driver = self.driver
        load.told_tractor = self.driver.tractor
        if self.strength == 2:
            false = names.person(self.rng)
            load.driver = load.told_driver = Driver(
                false, self.driver.fingerprint, self.driver.tractor, self.driver.number
            )
            load.hold.append(("driver_id_of_other_name", self.driver.name))
        loads.append(load)


class TwoDrivers(_Freight):
    """Two drivers come for one load: the second finds that it is gone."""

    kind = "two_drivers"
    lasts = 1

    def begin(self) -> None:
        self.from_ = self.carrier()

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        desk = site.desk(day.day)
        true = self.extra(site, desk, self.from_)
        false = self.extra(site, desk, self.from_)
        false.driver, false.trailer = self.stranger(), true.trailer
        if self.strength:
            false.told_tractor = true.told_tractor
        if not self.strength:
            false.told_driver, false.told_tractor = false.driver, false.driver.tractor
        false.at, true.at = true.at - (240, 120, 40)[self.strength], true.at
        false.at = max(false.at, 362.0)
        true.turned = True
        true.hold.append(("unit_unexpected", true.trailer))
        loads += [false, true]


class Hasty(_Freight):
    """A guard inspects faster than anybody can walk around a trailer."""

    kind = "hasty_inspection"
    lasts = 5

    def begin(self) -> None:
        self.who = self.guard()
        self.about = {"inspector": self.who.id, "person": self.who.id}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        mine = [load for load in loads if not load.mark][:: self.of(5, 3, 2)]
        for load in mine:
            load.inspector, load.mark = self.who, self.name
            load.looks = self.rng.uniform(0.8, 1.6) * (1.6, 1.0, 0.5)[self.strength]


class SamePair(_Freight):
    """One guard and one supervisor do all trucks of one carrier."""

    kind = "same_pair"
    lasts = 7

    def begin(self) -> None:
        self.from_ = self.carrier(3)
        self.who, self.signer = self.guard(), self.rng.choice(self.world.supervisors)
        self.about |= {"inspector": self.who.id, "supervisor": self.signer.id}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        for load in loads:
            if load.carrier is self.from_ and self.rng.random() < (0.6, 0.8, 1.0)[self.strength]:
                load.inspector, load.signer, load.mark = self.who, self.signer, self.name


class VoidedSeals(_Freight):
    """One guard voids seal after seal."""

    kind = "voided_seals"
    lasts = 4

    def begin(self) -> None:
        self.who = self.guard()
        self.about = {"person": self.who.id}

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        for _ in range(self.of(1, 2, 3)):
            at = self.rng.uniform(500, 1300)
            site.trucks.seals.void(day, at, self.who, "broken", self.name)


class OutOfSequence(_Freight):
    """Seals go out that are not the next ones."""

    kind = "seal_sequence"
    lasts = 3

    def begin(self) -> None:
        self.who = self.guard()
        self.about = {"person": self.who.id}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        for load in loads[: self.of(1, 2, 3)]:
            load.skip, load.inspector, load.mark = self.of(3, 8, 20), self.who, self.name


class Releases(_Freight):
    """One supervisor releases hold after hold of one carrier."""

    kind = "releases"
    lasts = 5

    def begin(self) -> None:
        self.from_ = self.carrier()
        self.who = self.rng.choice(self.world.supervisors)
        self.about |= {"supervisor": self.who.id}

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        number = self.on(day)
        if number is None or day.day.weekday() == 6 or number % 2 > self.strength:
            return
        for _ in range(self.of(1, 1, 2)):
            load = self.extra(site, site.desk(day.day), self.from_)
            others = [d for d in self.from_.drivers if d is not load.driver]
            load.told_driver = self.rng.choice(others or [self.stranger()])
            load.released_by = self.who
            loads.append(load)


class Dwell(_Freight):
    """The trucks of one carrier take longer from gate to gate."""

    kind = "dwell"
    lasts = 5

    def begin(self) -> None:
        self.from_ = self.carrier(3)

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        for load in loads:
            if load.carrier is self.from_:
                load.inside += self.of(60, 110, 180)
                load.mark = self.name


class Moonlight(_Freight):
    """A carrier's trucks come at hours at which it never came."""

    kind = "freight_hours"
    lasts = 3

    def begin(self) -> None:
        self.from_ = self.carrier()

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        number = self.on(day)
        if number is None or number > self.strength:
            return
        load = self.extra(site, site.desk(day.day), self.from_)
        load.at = self.rng.uniform(80, 230)
        load.told_before = 60
        loads.append(load)


FREIGHT = (
    DeceptivePickup,
    TwoCarriers,
    TwoDrivers,
    Hasty,
    SamePair,
    VoidedSeals,
    OutOfSequence,
    Releases,
    Dwell,
    Moonlight,
)
