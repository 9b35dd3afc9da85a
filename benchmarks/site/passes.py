"""Badges at doors: what people do on a day, and the records of each pass."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from benchmarks.site.raw import Day, Raw, marks
from benchmarks.site.world import Person, World, payday
from gateway.ledger.event import EventType

SHIFTS = {"day": (360, 930), "late": (930, 1470), "night": (1320, 1800), "office": (480, 1080)}
PASS_MIN = 4 / 60
"""A gate takes one person in four seconds."""

IN, OUT = "in", "out"


@dataclass(slots=True)
class Try:
    """A badge that somebody will show: when (minutes), where, and what comes of it.  `then` is
    entered, no_entry, or exit for a way out without a badge."""

    at: float
    person: Person | None
    door: str
    way: str
    reason: str = "granted"
    then: str = "entered"
    open_s: float = 0.0
    mark: str = ""
    raw: Raw | None = None


def plan(world: World, person: Person, day: date, rng: random.Random) -> list[Try]:
    """What one person does in the shift that begins that day; nothing if they don't come."""
    if not world.works(person, day) or rng.random() < 0.035:
        return []
    if person.shift == "guard":
        begin, end = (350, 1090) if person.crew < 2 else (1070, 1810)
    else:
        begin, end = SHIFTS[person.shift]
    paid = payday(day)
    come = begin - 8 + person.bias + rng.gauss(0, person.spread)
    go = end + 3 + person.bias / 2 + rng.gauss(0, person.spread)
    if paid and rng.random() < 0.35:
        go -= rng.uniform(20, 120)  # to the bank
    if person.group == "office" and rng.random() < 0.06:
        go += rng.uniform(60, 200)
    go = max(go, come + 120)
    gate = world.gates[hash_of(person) % len(world.gates)]
    tries = _through(rng, person, gate, come, IN)
    if rng.random() < person.eats_out * (1.6 if paid else 1):
        out = come + (go - come) * 0.5 + rng.gauss(0, 15)
        tries += _through(rng, person, gate, out, OUT)
        tries += _through(rng, person, gate, out + rng.uniform(25, 65), IN)
    tries += _rooms(rng, person, come, go)
    last = max(one.at for one in tries) + 1
    return _walked(tries + _through(rng, person, gate, max(go, last), OUT), person)


def _walked(tries: list[Try], person: Person) -> list[Try]:
    """The same with the time that it takes from one door to the next, and a few passes less: those
    at which the door was held open for them."""
    tries.sort(key=lambda one: one.at)
    before: Try | None = None
    kept, at = [], 0.0
    for one in tries:
        if one.person is None:
            kept.append(one)
            continue
        if before is not None:
            one.at = max(one.at, at + walk(before.door, one.door))
        before, at = one, one.at
        if (int(at * 60) * 2_654_435_761 + hash_of(person)) % 97 or one.way == OUT:
            kept.append(one)
    return kept


def walk(door: str, other: str) -> float:
    """Minutes from one door to another at the least."""
    if door == other:
        return 0.12
    return 0.8 + abs(zlib.crc32(door.encode()) % 50 - zlib.crc32(other.encode()) % 50) / 10


def hash_of(person: Person) -> int:
    """A number of the person that is the same in every run."""
    return int(person.fingerprint[:8], 16)


def _rooms(rng: random.Random, person: Person, come: float, go: float) -> list[Try]:
    tries = []
    for door, mean in person.rooms:
        for _ in range(_poisson(rng, mean)):
            at = rng.uniform(come + 5, go - 10)
            tries += _through(rng, person, door, at, IN)
            if rng.random() < 0.5:
                tries.append(Try(at + rng.uniform(2, 9), None, door, OUT, then="exit"))
    return tries


def _through(rng: random.Random, person: Person, door: str, at: float, way: str) -> list[Try]:
    """One pass with what goes wrong on any day: a badge read badly, nobody enters, a door that
    stands open for a while."""
    tries, chance = [], rng.random()
    if chance < 0.004:
        tries.append(Try(at, person, door, way, "denied_bad_read", ""))
        at += 0.15
    elif chance < 0.010:
        tries.append(Try(at, person, door, way, then="no_entry"))
        at += rng.uniform(0.2, 2)
    elif chance < 0.012 and door not in ("shipping",):
        tries.append(Try(at, person, "cage", IN, "denied_no_access_level", ""))
    elif chance < 0.0135:
        tries.append(Try(at, person, door, way, "denied_out_of_schedule", ""))
        at += 3
    open_s = rng.uniform(1.8, 5)
    if door in ("shipping", "warehouse") and rng.random() < 0.02:
        open_s = rng.uniform(20, 75)  # a pallet goes through
    tries.append(Try(at, person, door, way, open_s=open_s))
    return tries


def _poisson(rng: random.Random, mean: float) -> int:
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count


def strangers(world: World, rng: random.Random) -> list[Try]:
    """Badges that nobody knows, a few a week."""
    if rng.random() > 0.45:
        return []
    return [
        Try(rng.uniform(300, 1300), None, rng.choice(world.gates), IN, "unknown", "")
        for _ in range(rng.choice((1, 1, 2)))
    ]


class Doors:
    """Writes the records of tries, one at a time at each door."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.version = 1
        self.policy = "5f1d0c9a7be2"
        self.held: list[tuple[Raw, float]] = []
        """Alarms of doors that stood open that day, each with the minute when that was over."""

    def write(self, day: Day, tries: Iterable[Try], rng: random.Random) -> None:
        """The records of all tries of the day, which get their times in order of arrival."""
        free: dict[str, float] = {}
        self.held.clear()
        for one in sorted(tries, key=lambda one: one.at):
            one.at = max(one.at, free.get(one.door, 0.0))
            free[one.door] = one.at + PASS_MIN
            self._one(day, one, rng)

    def _one(self, day: Day, one: Try, rng: random.Random) -> None:
        at, door, s = one.at, one.door, 1 / 60
        open_s = round(one.open_s or rng.uniform(1.8, 4.5), 1)
        if one.then == "exit":
            day.put(at, EventType.DOOR_REX, door, mark=one.mark)
            day.put(at + 0.8 * s, EventType.DOOR_EXIT, door, mark=one.mark)
            if self.world.shape.full:
                day.put(at + (0.8 + open_s) * s, EventType.DOOR_CLOSED, door, {"open_s": open_s})
            return
        kind = EventType.ACCESS_GRANTED if one.reason == "granted" else EventType.ACCESS_DENIED
        one.raw = grant = day.put(at, kind, door, self.access(one, rng), mark=one.mark)
        if kind is EventType.ACCESS_DENIED:
            return
        to, full = (("grant", grant),), self.world.shape.full
        if full:
            day.put(at + 0.01 * s, EventType.DOOR_UNLOCKED, door, {"grant": 0}, to)
        if one.then == "no_entry":
            if full:
                day.put(at + 5 * s, EventType.DOOR_LOCKED, door)
            day.put(at + 5.01 * s, EventType.DOOR_NO_ENTRY, door, {"grant": 0}, to, one.mark)
            return
        opened = at + rng.uniform(0.7, 2.2) * s
        day.put(opened, EventType.DOOR_ENTERED, door, {"grant": 0}, to, one.mark)
        if open_s > 30:
            day.put(opened + 30 * s, EventType.DOOR_HELD_WARNING, door, {"open_s": 30.0})
        closed = EventType.DOOR_CLOSED
        if open_s > 60:
            held = EventType.DOOR_HELD
            raw = day.put(opened + 60 * s, held, door, {"open_s": 60.0}, mark=one.mark)
            self.held.append((raw, opened + open_s * s))
            closed = EventType.DOOR_HELD_CLEARED
        if full or open_s > 60:
            day.put(opened + open_s * s, closed, door, {"open_s": open_s})
        if full:
            day.put(opened + (open_s + 0.01) * s, EventType.DOOR_LOCKED, door)

    def access(self, one: Try, rng: random.Random) -> dict[str, Any]:
        """The data of a decision."""
        person, unknown = one.person, one.reason == "unknown"
        reason = "denied_unknown_credential" if unknown else one.reason
        data: dict[str, Any] = {
            "door": one.door,
            "reason": reason,
            "rule": _RULES.get(reason, "plant/plant"),
            "list_version": self.version,
            "policy_version": self.policy,
            "degraded": [],
            **marks(reason),
            "facts": {"levels": [person.group], "templates": 3} if person else {},
            "reader": f"{one.door}-{one.way}",
            "way": one.way,
            "took_ms": round(rng.uniform(0.5, 1.4), 1),
        }
        if reason == "denied_bad_read":
            return data
        if person is None:
            number = rng.randrange(100)
            data["credential"] = {
                "masked": f"wiegand26:…{number:02}",
                "fingerprint": f"{rng.getrandbits(64):016x}",
            }
            return data
        data["credential"] = {"masked": person.badge, "fingerprint": person.fingerprint}
        data["person"] = {"id": person.id, "name": person.name, "company": person.company}
        if reason == "denied_face_mismatch" or one.door in ("servers", "cage"):
            data["face"] = _face(rng, reason != "denied_face_mismatch")
        return data


_RULES = {
    "granted": "plant/plant",
    "denied_out_of_schedule": "plant: plant",
    "denied_no_access_level": "",
    "denied_unknown_credential": "",
}


def _face(rng: random.Random, good: bool) -> dict[str, Any]:
    return {
        "threshold": 0.5,
        "outcome": "match" if good else "mismatch",
        "distance": round(rng.uniform(0.2, 0.4) if good else rng.uniform(0.6, 0.8), 4),
        "frames": 3,
        "frame_age_s": round(rng.uniform(0.03, 0.12), 3),
        "seen_age_s": None,
        "detail": "",
        "challenge": "off",
        "suspect": None,
        "liveness": "",
    }
