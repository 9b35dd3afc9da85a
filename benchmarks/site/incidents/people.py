"""Incidents of people at doors."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.site.incidents.base import Day, Planted, Site, Try
from benchmarks.site.passes import IN, OUT, walk
from benchmarks.site.world import Person
from gateway.ledger.event import EventType


class OddHours(Planted):
    """Somebody comes in the middle of the night, once, twice or three times."""

    kind = "odd_hours"
    lasts = 3

    def begin(self) -> None:
        self.who = self.someone("assembly", "warehouse", "shipping", "quality", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or number > self.strength:
            return
        at, gate = self.rng.uniform(65, 200), site.world.gates[0]
        self.try_(tries, at, self.who, gate)
        for n in range(1 + self.strength):
            self.try_(tries, at + 6 + 7 * n, self.who, "warehouse")
        self.try_(tries, at + 40, self.who, gate, OUT)


class Probing(Planted):
    """Somebody tries doors that are not theirs, all within half an hour."""

    kind = "probing"
    lasts = 1

    def begin(self) -> None:
        self.who = self.someone("assembly", "contractor", "maintenance", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        at = self.rng.uniform(420, 850)
        for _ in range(self.of(4, 7, 12)):
            door = self.rng.choice(("cage", "servers", "lab", "office"))
            self.try_(tries, at, self.who, door, reason="denied_no_access_level")
            at += self.rng.uniform(0.5, 4)


class NobodyEntered(Planted):
    """Granted and nobody entered, again and again: a badge is shown for somebody else."""

    kind = "nobody_entered"
    lasts = 4

    def begin(self) -> None:
        self.who = self.someone("assembly", "warehouse", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        for _ in range(self.of(1, 2, 4)):
            at = self.rng.uniform(400, 900)
            self.try_(tries, at, self.who, "warehouse", then="no_entry")


class Cloned(Planted):
    """One badge at two doors faster than anybody walks: it exists twice."""

    kind = "cloned"
    lasts = 3

    def begin(self) -> None:
        self.who = self.someone("warehouse", "shipping", shift="day")

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or number > self.strength:
            return
        at = self.rng.uniform(450, 850)
        gap = walk("warehouse", "shipping") * (0.5, 0.25, 0.1)[self.strength]
        self.try_(tries, at, self.who, "warehouse")
        self.try_(tries, at + gap, self.who, "shipping")


class OtherFace(Planted):
    """A badge comes with another's face."""

    kind = "other_face"
    lasts = 5

    def begin(self) -> None:
        self.who = self.someone("assembly", "contractor", shift="day")
        self.other = self.rng.choice([p for p in self.world.people if p is not self.who])

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or number > self.of(1, 2, 4):
            return
        at, gate = self.rng.uniform(350, 900), site.world.gates[0]
        self.try_(tries, at, self.who, gate, reason="denied_face_mismatch")
        data = {
            "door": gate,
            "reader": f"{gate}-in",
            "person": {"id": self.who.id, "name": self.who.name, "company": self.who.company},
            "face_person": self.other.id,
            "face_name": self.other.name,
            "distance": round(self.rng.uniform(0.3, 0.42), 4),
        }
        day.put(at + 0.001, EventType.ALARM_LENT_BADGE, gate, data, mark=self.name)


class Tailgating(Planted):
    """At one gate and hour people come in behind others: more leave than ever came."""

    kind = "tailgating"
    lasts = 5
    by_about = True

    def begin(self) -> None:
        self.gate = self.rng.choice(self.world.gates)
        self.about = {"door": self.gate}

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        share = (0.25, 0.45, 0.7)[self.strength]
        for one in list(tries):
            here = one.door == self.gate and one.way == IN and 900 <= one.at < 960
            if here and self.rng.random() < share:
                tries.remove(one)


class AfterLeave(Planted):
    """The badge of somebody who left is shown again."""

    kind = "after_leave"
    lasts = 4

    def begin(self) -> None:
        self.who = self.someone("assembly", "warehouse", "contractor")
        self.who.leaves = self.first

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or number == 0:
            return
        for _ in range((1, 2, 4)[self.strength] if number == 1 or self.strength else 0):
            at, gate = self.rng.uniform(300, 1300), site.world.gates[0]
            self.try_(tries, at, self.who, gate, reason="denied_unknown_credential")


class BeforeResignation(Planted):
    """Somebody is on the list with a last day, and now goes where they never went, at all hours."""

    kind = "before_leave"
    lasts = 5

    def begin(self) -> None:
        self.who = self.someone("assembly", "quality", shift="day")
        self.who.leaves = self.last + timedelta(days=1)

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        number = self.on(day)
        if number is None or day.day.weekday() > 4:
            return
        for _ in range(self.of(1, 3, 6)):
            at = self.rng.uniform(935, 1290)
            self.try_(tries, at, self.who, self.rng.choice(("shipping", "warehouse")))

    def more(self, site: Site, day: Day, desk: list[Person]) -> None:
        if day.day == self.last:
            site.office.revoke(day, 1350, self.who, "resigned", self.name)


class Cage(Planted):
    """Somebody who never was there goes into the cage again and again."""

    kind = "new_room"
    lasts = 4

    def begin(self) -> None:
        self.who = self.someone("warehouse", "assembly", shift="late")
        self.who.rooms = [room for room in self.who.rooms if room[0] != "cage"]

    def people(self, site: Site, day: Day, tries: list[Try]) -> None:
        if self.on(day) is None:
            return
        for _ in range(self.of(1, 2, 4)):
            self.try_(tries, self.rng.uniform(1150, 1420), self.who, "cage")


PEOPLE = (
    OddHours,
    Probing,
    NobodyEntered,
    Cloned,
    OtherFace,
    Tailgating,
    AfterLeave,
    BeforeResignation,
    Cage,
)
