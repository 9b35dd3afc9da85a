"""One truck as it will go, before there are records of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date

from benchmarks.site import names
from benchmarks.site.visitors import by_of
from benchmarks.site.world import Carrier, Driver, Person

TRACTOR = ("bumper", "doors", "battery-box", "air-breather", "fuel-tanks", "cab", "roof")
TRAILER = [
    "fifth-wheel",
    "exterior",
    "rear",
    "front-wall",
    "left-side",
    "right-side",
    "floor",
    "ceiling",
    "doors",
    "undercarriage",
]
PESTS = ("insects", "animals", "plants", "wood", "odour")


@dataclass(slots=True)
class Load:
    """One truck as it will go; whoever plants something changes it first.

    Times are minutes: `early` before (after, if negative) the announced time, `looks` for the
    inspection of the trailer, `inside` from gate to gate.
    """

    carrier: Carrier
    driver: Driver
    told_driver: Driver
    told_tractor: str
    trailer: str
    at: float
    early: float
    inspector: Person
    signer: Person
    looks: float
    inside: float
    loaded: bool
    bad: tuple[str, ...] = ()
    announced: bool = True
    told_before: float = 0.0
    void: bool = False
    skip: int = 0
    released_by: Person | None = None
    spot: bool = False
    turned: bool = False
    mark: str = ""
    hold: list[tuple[str, str]] = field(default_factory=list)


def second(person: Person) -> dict[str, str]:
    """A second person as records have them."""
    return {
        "account": by_of(person)["by"],
        "confirmed": "",
        "name": person.name,
        "person": person.id,
        "proof": "account",
    }


def new_carrier(rng: random.Random, name: str, since: date) -> Carrier:
    """A carrier that comes for the first time on some day."""
    driver = Driver(
        names.person(rng), f"{rng.getrandbits(64):016x}", f"{rng.randrange(10, 99)}ZT9X", "1"
    )
    return Carrier(name, [driver], [rng.uniform(8, 18)], 0.2, since)
