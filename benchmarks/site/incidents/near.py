"""Near-misses: what looks a little like an incident and is everyday life of a site."""

from __future__ import annotations

from benchmarks.site.incidents.base import Day, Planted, Site, Try
from benchmarks.site.incidents.freight import _Freight
from benchmarks.site.load import Load, new_carrier
from benchmarks.site.passes import OUT
from benchmarks.site.world import Person


class _Near(Planted):
    near = True


def here(team: list[Person], day: Day) -> list[Person]:
    """Those of the team who are on the list."""
    return [one for one in team if one.leaves is None or one.leaves > day.day]


class LateShift(_Near):
    """A whole group works longer, or on Saturday, for an order."""

    kind = "late_shift"
    lasts = 2

    def begin(self) -> None:
        here = [p for p in self.world.people if p.group == "assembly" and p.shift == "day"]
        self.team = self.rng.sample(here, min(len(here), self.of(8, 15, 30)))

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        ids = {p.id for p in self.team}
        for one in tries:
            late = one.way == OUT and one.at > 850 and one.door in site.world.gates
            if one.person is not None and one.person.id in ids and late:
                one.at += 150 + self.rng.uniform(-8, 8)


class ThreeDenials(_Near):
    """Somebody whose level was forgotten tries three times and then asks."""

    kind = "three_denials"
    lasts = 1

    def begin(self) -> None:
        self.who = self.someone("quality", "maintenance", "assembly", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        at = self.rng.uniform(420, 850)
        for n in range(3):
            self.try_(tries, at + n * 0.5, self.who, "lab", reason="denied_no_access_level")


class OtherShift(_Near):
    """Somebody moves to another shift for good."""

    kind = "other_shift"
    lasts = 1

    def begin(self) -> None:
        self.who = self.someone("assembly", "warehouse", "shipping", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is not None:
            self.who.shift = "late"


class Delivery(_Near):
    """The door of shipping stands open for a long delivery, twice."""

    kind = "delivery"
    lasts = 4

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        number = self.on(day)
        if number in (0, 3):
            at = self.rng.uniform(500, 900)
            site.watch.held(day, self.rng, desk, "shipping", at, self.name)


class NewCarrier(_Near, _Freight):
    """A new carrier begins to work, announced and on time."""

    kind = "new_carrier"
    lasts = 1
    near = True

    def begin(self) -> None:
        self.from_ = new_carrier(self.rng, f"Nueva Línea {self.rng.randrange(10, 99)}", self.first)

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is not None:
            site.office.partner(day, 60, self.from_.name)

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        self.world.carriers.append(self.from_)
        loads.append(self.extra(site, site.desk(day.day), self.from_))


class OtherDriver(_Near, _Freight):
    """A driver is ill; the carrier sends another one of its own, on time."""

    kind = "other_driver"
    lasts = 1
    near = True

    def begin(self) -> None:
        self.from_ = self.carrier()

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        load = self.extra(site, site.desk(day.day), self.from_)
        load.told_driver = self.rng.choice(self.from_.drivers)
        loads.append(load)


class Traffic(_Near):
    """The bridge is slow: the trucks of a day are late and wait longer, those of all carriers."""

    kind = "traffic"
    lasts = 1

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        for load in loads:
            if not load.mark:
                load.at = min(load.at + 70, 1300)
                load.inside += 60
                load.early -= 70


class BadBox(_Near):
    """A box of seals is bad: several guards void some."""

    kind = "bad_box"
    lasts = 2

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        for guard in desk[:3]:
            at = self.rng.uniform(500, 1000)
            site.trucks.seals.void(day, at, guard, "bad batch", self.name)


class LongMeeting(_Near):
    """One visitor stays too long, once."""

    kind = "long_meeting"
    lasts = 1

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        desk = site.desk(day.day)
        tries += site.visitors.visit(day, self.rng, desk, 600, stays=180, over=45, mark=self.name)


class NewReader(_Near):
    """A technician changes a reader: it is away a few times within an hour."""

    kind = "new_reader"
    lasts = 1

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        device = self.rng.choice(site.watch.devices)
        for n in range(3):
            site.watch.away(day, self.rng, desk, device, 600 + 61 * n, self.name)


class Audit(_Near):
    """A supervisor checks a handful of people for the yearly review."""

    kind = "audit"
    lasts = 1

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is None:
            return
        who = site.world.supervisors[1]
        for person in self.rng.sample(site.world.people, 4):
            site.office.portrait(day, self.rng.uniform(560, 700), who, person, self.name)


class Inventory(_Near):
    """The warehouse counts on a Sunday."""

    kind = "inventory"
    lasts = 7

    def begin(self) -> None:
        team = [p for p in self.world.people if p.group == "warehouse" and p.shift == "day"]
        self.team = team[: self.of(4, 8, 12)]

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None or day.day.weekday() != 6:
            return
        gate = site.world.gates[0]
        for person in here(self.team, day):
            at = 480 + self.rng.uniform(-10, 10)
            self.try_(tries, at, person, gate)
            self.try_(tries, at + 8, person, "warehouse")
            self.try_(tries, at + 300, person, gate, OUT)


class Substitute(_Near):
    """Somebody of another group helps in shipping for some days."""

    kind = "substitute"
    lasts = 4

    def begin(self) -> None:
        self.who = self.someone("warehouse", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None or day.day.weekday() > 4:
            return
        for _ in range(3):
            self.try_(tries, self.rng.uniform(400, 900), self.who, "shipping")


class ForgotBadge(_Near):
    """Somebody forgot the badge and passes behind a colleague: some passes are missing."""

    kind = "forgot_badge"
    lasts = 2

    def begin(self) -> None:
        self.who = self.someone("assembly", "office", "warehouse")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is not None:
            for one in list(tries):
                if one.person is self.who and self.rng.random() < 0.5:
                    tries.remove(one)


class SickGuard(_Near):
    """A guard is ill, so another one inspects most trucks for two days, at the usual pace."""

    kind = "sick_guard"
    lasts = 2

    def begin(self) -> None:
        self.who = self.guard()

    def trucks(self, site: Site, day: Day, loads: list[Load]) -> None:
        if self.on(day) is None:
            return
        for load in loads[::2]:
            if not load.mark:
                load.inspector, load.mark = self.who, self.name


class Payroll(_Near):
    """Office people come in on a Saturday morning to close the month."""

    kind = "month_end"
    lasts = 7

    def begin(self) -> None:
        self.team = [p for p in self.world.people if p.group == "office"][: self.of(2, 4, 6)]

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None or day.day.weekday() != 5:
            return
        gate = site.world.gates[0]
        for person in here(self.team, day):
            at = 540 + self.rng.uniform(-30, 30)
            self.try_(tries, at, person, gate)
            self.try_(tries, at + 5, person, "office")
            self.try_(tries, at + 240, person, gate, OUT)


class Drill(_Near):
    """A fire drill."""

    kind = "drill"
    lasts = 1

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if self.on(day) is not None:
            site.watch.fire(day, self.rng, desk)


class Rain(_Near):
    """A wet reader reads badly for one morning."""

    kind = "rain"
    lasts = 1

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        gate = self.rng.choice(site.world.gates)
        for one in list(tries):
            if one.door == gate and 340 < one.at < 480 and self.rng.random() < 0.03:
                self.try_(tries, one.at - 0.1, one.person, gate, reason="denied_bad_read")


NEAR = (
    LateShift,
    ThreeDenials,
    OtherShift,
    Delivery,
    NewCarrier,
    OtherDriver,
    Traffic,
    BadBox,
    LongMeeting,
    NewReader,
    Audit,
    Inventory,
    Substitute,
    ForgotBadge,
    SickGuard,
    Payroll,
    Drill,
    Rain,
)
