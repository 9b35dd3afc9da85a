"""Who works at a simulated site, through which doors, and who comes with trucks.

Everything follows from the `Shape`, seed included.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from benchmarks.site import names
from benchmarks.site.raw import Clock

HOLIDAYS = ("01-01", "02-02", "03-16", "05-01", "09-16", "11-02", "11-16", "12-25")
LISTS = "2026.1"


@dataclass(frozen=True)
class Shape:
    """What site to make: `people` from 20 to 5,000; about one truck a day for 25 people, at least
    eight.  `full` also writes what a lock does (unlocked, locked), which no pattern reads."""

    seed: int = 1
    people: int = 250
    gateway: str = "gate-1"
    zone: str = "America/Tijuana"
    begin: date = date(2026, 1, 5)
    full: bool = True


@dataclass(slots=True)
class Person:
    """Somebody on the list.  `shift` is day, late, night, office or guard; `spread` is how many
    minutes their times vary; `rooms` are inner doors with the mean number of passes a day."""

    id: str
    name: str
    company: str
    group: str
    shift: str
    spread: float
    bias: float
    rooms: list[tuple[str, float]]
    badge: str
    fingerprint: str
    leaves: date | None = None
    joins: date | None = None
    eats_out: float = 0.1
    crew: int = 0


@dataclass(slots=True)
class Driver:
    """A driver with the usual tractor of the carrier."""

    name: str
    fingerprint: str
    tractor: str
    number: str


@dataclass(slots=True)
class Carrier:
    """A carrier; `hours` are its usual hours of arrival, `share` its share of the loads."""

    name: str
    drivers: list[Driver]
    hours: list[float]
    share: float
    since: date | None = None


@dataclass(slots=True)
class World:
    """A site."""

    shape: Shape
    clock: Clock
    people: list[Person] = field(default_factory=list)
    guards: list[Person] = field(default_factory=list)
    supervisors: list[Person] = field(default_factory=list)
    hosts: list[Person] = field(default_factory=list)
    carriers: list[Carrier] = field(default_factory=list)
    gates: list[str] = field(default_factory=list)
    doors: list[str] = field(default_factory=list)
    by_id: dict[str, Person] = field(default_factory=dict)

    def rng(self, what: str, day: date | None = None) -> random.Random:
        """Chance for one part of one day: nothing that is planted elsewhere changes it."""
        return random.Random(f"{self.shape.seed}/{what}/{day}")

    def works(self, person: Person, day: date) -> bool:
        """Whether the person's plan has a shift that begins that day."""
        # Who works into the next morning has the last shift a day earlier.
        out = day + timedelta(days=person.shift in ("late", "night", "guard"))
        if (person.joins and day < person.joins) or (person.leaves and out >= person.leaves):
            return False
        if person.shift == "guard":
            return (day.toordinal() + 2 * person.crew) % 8 < 4
        if holiday(day):
            return False
        if person.shift == "day" and person.group == "warehouse" and day.weekday() == 5:
            return (day.toordinal() // 7 + person.crew) % 2 == 0
        return day.weekday() < 5


def holiday(day: date) -> bool:
    """Whether nobody but the guards works."""
    return f"{day:%m-%d}" in HOLIDAYS


def payday(day: date) -> bool:
    """The 15th and the last day of the month, or the working day before."""
    later = [day + timedelta(days=n) for n in range(3)]
    ends = [one for one in later if one.day == 15 or (one + timedelta(days=1)).day == 1]
    if not ends or day.weekday() > 4:
        return False
    return all(one == day or one.weekday() > 4 for one in later[: later.index(ends[0]) + 1])


GROUPS = (
    ("assembly", 0.52, (("day", 0.5), ("late", 0.33), ("night", 0.17)), (("floor", 1.2),)),
    ("warehouse", 0.13, (("day", 0.6), ("late", 0.4)), (("warehouse", 3.5), ("shipping", 0.7))),
    ("shipping", 0.07, (("day", 0.6), ("late", 0.4)), (("shipping", 3.0), ("warehouse", 0.5))),
    ("office", 0.14, (("office", 1.0),), (("office", 2.4),)),
    ("maintenance", 0.05, (("day", 0.6), ("night", 0.4)), (("tools", 2.2), ("floor", 1.5))),
    ("quality", 0.05, (("day", 0.7), ("late", 0.3)), (("floor", 2.0), ("lab", 1.5))),
    ("contractor", 0.04, (("day", 1.0),), (("floor", 1.0),)),
)
ROOMS = ("floor", "warehouse", "shipping", "office", "tools", "lab", "servers", "cage")


def make(shape: Shape) -> World:
    """The site of this shape."""
    world = World(shape, Clock(ZoneInfo(shape.zone)))
    rng = world.rng("world")
    world.gates = [f"main-{n + 1}" for n in range(max(1, round(shape.people / 700)))]
    world.doors = [*world.gates, *ROOMS]
    for n in range(shape.people):
        person = _person(rng, n, shape.people)
        world.people.append(person)
        if person.shift == "guard":
            world.guards.append(person)
        elif person.group == "office" and len(world.hosts) < 12:
            world.hosts.append(person)
    offices = [p for p in world.people if p.group == "office"]
    world.supervisors = offices[:3]
    for person in offices[3 : 3 + max(2, len(offices) // 8)]:
        person.rooms.append(("servers", 0.8))
    for person in [p for p in world.people if p.group == "warehouse"][: max(3, shape.people // 60)]:
        person.rooms.append(("cage", 1.6))
    _come_and_go(world, rng)
    world.by_id = {person.id: person for person in world.people}
    world.carriers = [_carrier(rng, n) for n in range(min(16, 8 + shape.people // 250))]
    return world


def _person(rng: random.Random, n: int, people: int) -> Person:
    guards = max(8, people // 60)
    if n < guards:
        group, shift, rooms, company = "guard", "guard", [("shipping", 0.6)], "Guardias Baja"
    else:
        group, _, shifts, inner = rng.choices(GROUPS, [one[1] for one in GROUPS])[0]
        if n < guards + 5:  # every site has an office
            group, _, shifts, inner = GROUPS[3]
        shift = rng.choices([s for s, _ in shifts], [share for _, share in shifts])[0]
        rooms, company = [(door, mean * rng.uniform(0.4, 1.6)) for door, mean in inner], "Maquila"
        if group == "contractor":
            company = rng.choice(names.CONTRACTORS)
    # Published on real door logs: about three in ten are regular.
    spread = rng.uniform(2.5, 6) if rng.random() < 0.3 else rng.uniform(12, 40)
    number = rng.randrange(10_000, 99_999)
    return Person(
        id=f"e{n + 1:04}",
        name=names.person(rng),
        company=company,
        group=group,
        shift=shift,
        spread=spread,
        bias=rng.gauss(0, 8),
        rooms=rooms,
        badge=f"wiegand26:…{number % 100:02}",
        fingerprint=f"{rng.getrandbits(64):016x}",
        eats_out=rng.choice((0.02, 0.05, 0.3, 0.7)) if group == "office" else 0.04,
        crew=n % 4,
    )


def _come_and_go(world: World, rng: random.Random) -> None:
    """About two people in a hundred leave in a month; somebody else takes their place."""
    begin, new = world.shape.begin, []
    for person in world.people:
        if person.group in ("guard", "office"):
            continue
        gone = begin + timedelta(days=int(rng.expovariate(0.02 / 30)) + 5)
        if gone < begin + timedelta(days=400):
            person.leaves = gone
            other = _person(rng, len(world.people) + len(new) + 100, 0)
            other.group, other.shift, other.company = person.group, person.shift, person.company
            other.rooms, other.crew = list(person.rooms), person.crew
            other.joins = gone + timedelta(days=rng.randrange(1, 20))
            new.append(other)
    world.people += new


def _carrier(rng: random.Random, n: int) -> Carrier:
    drivers = [
        Driver(
            names.person(rng),
            f"{rng.getrandbits(64):016x}",
            f"{rng.randrange(10, 99)}AK{rng.randrange(1, 9)}{'ABCDEFGH'[rng.randrange(8)]}",
            f"{rng.randrange(100, 999)}",
        )
        for _ in range(rng.randrange(3, 9))
    ]
    hours = sorted(rng.uniform(7, 20) for _ in range(rng.randrange(2, 5)))
    return Carrier(names.CARRIERS[n], drivers, hours, 1 / (n + 1.5))
