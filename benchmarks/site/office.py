"""What the office does: lists, people who leave, requirements, the console, documents, reviews."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from benchmarks.site import names
from benchmarks.site.passes import Doors
from benchmarks.site.raw import Day, utc
from benchmarks.site.visitors import by_of
from benchmarks.site.world import Person, World, holiday
from gateway.ledger.event import EventType

DOCUMENTS = (
    ("risk-assessment", "Risk assessment", ["2.1"]),
    ("visitors", "Procedure for visitors and drivers", ["10.1", "10.2"]),
    ("seals", "Seal procedure", ["6.1"]),
    ("inspection", "Procedure of the inspection", ["5.1", "5.3"]),
    ("cameras", "Procedure of the cameras", ["9.12"]),
)


class Office:
    """The office of one site."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def first(self, day: Day) -> None:
        """What stands at the beginning of a log: the list, partners, operators, documents."""
        world, by = self.world, by_of(self.world.supervisors[0])
        here = [p.id for p in world.people if p.joins is None]
        day.put(
            1,
            EventType.GATEWAY_STARTED,
            world.shape.gateway,
            {"version": "0.1.0", "policy_version": self.doors.policy},
        )
        self._synced(day, 2, {"added": here}, len(here), "hr")
        for n, carrier in enumerate(world.carriers):
            self.partner(day, 3 + n * 0.1, carrier.name)
        for n, who in enumerate((*world.supervisors, *world.guards)):
            roles = ["supervisor"] if who in world.supervisors else ["guard"]
            data = {"name": by_of(who)["by"], "person": who.id, "roles": roles, "areas": [], **by}
            day.put(6 + n * 0.05, EventType.OPERATOR_ADDED, str(data["name"]), data)
        for n, (key, title, criteria) in enumerate(DOCUMENTS):
            data = {
                "document": key,
                "title": title,
                "criteria": criteria,
                "sha256": f"{n + 1:064x}",
                "bytes": 120_000 + n,
                "media": "application/pdf",
                "approved_by": world.supervisors[0].name,
                "approved_on": str(day.day - timedelta(days=20)),
                "review_due": str(day.day + timedelta(days=345)),
                "replaces": "",
                **by,
            }
            day.put(9 + n * 0.1, EventType.DOCUMENT_ATTACHED, key, data)

    def partner(self, day: Day, at: float, name: str) -> None:
        """A carrier enters the register."""
        data = {
            "kind": "carrier",
            "name": name,
            "programme": "ctpat",
            "number": f"SVI-{sum(map(ord, name))}",
            "status": "active",
            "valid_until": str(day.day + timedelta(days=365)),
            "questionnaire": str(day.day - timedelta(days=30)),
            "note": "",
            "version": 1,
            **by_of(self.world.supervisors[1]),
        }
        day.put(at, EventType.PARTNER_ADDED, name, data)

    def write(self, day: Day) -> None:
        """The records of an ordinary day."""
        rng, world = self.world.rng("office", day.day), self.world
        self._list(day, rng)
        if day.day.weekday() < 5 and not holiday(day.day):
            self._console(day, rng)
            self._requirements(day, rng)
            self._reviewed(day, rng)
        if rng.random() < 0.1:
            data = {
                "file": f"gate-1-{day.day}.garita",
                "bytes": rng.randrange(10**7, 10**8),
                "clear": False,
                "last_seq": 0,
                "site_key": False,
                "by": "root",
            }
            day.put(180, EventType.BACKUP_MADE, world.shape.gateway, data)
        if rng.random() < 0.02:
            who = rng.choice(world.people)
            by = by_of(world.supervisors[0])
            data = {"badge": who.badge, "reason": "lost on the way", **by}
            day.put(600, EventType.PEOPLE_BADGE_LOST, who.id, data)
            if rng.random() < 0.5:
                data = {"badge": who.badge, "reason": "it was at home", **by}
                day.put(900, EventType.PEOPLE_BADGE_FOUND, who.id, data)

    def _list(self, day: Day, rng: random.Random) -> None:
        come = [p for p in self.world.people if p.joins == day.day]
        gone = [p for p in self.world.people if p.leaves == day.day]
        if not come and not gone:
            return
        people: dict[str, Any] = {}
        if come:
            people["added"] = [p.id for p in come]
        if gone:
            people["removed"] = {p.id: p.name for p in gone}
        self.doors.version += 1
        total = sum(
            (p.joins is None or p.joins <= day.day) and (p.leaves is None or p.leaves > day.day)
            for p in self.world.people
        )
        at = rng.uniform(20, 200)
        for person in gone:
            self.left(day, at, person, rng.expovariate(1 / 1800))
        self._synced(day, at + 0.01, people, total, "hr")

    def left(self, day: Day, at: float, person: Person, seconds: float) -> None:
        """A list takes a person's access away, `seconds` after it was decided."""
        decided = utc(day.clock.ms(day.day, at) - int(seconds * 1000))[:19] + "+00:00"
        data = {
            "person": {"id": person.id, "name": person.name},
            "version": self.doors.version,
            "how": "left_list",
            "detail": "",
            "seconds": round(seconds, 1),
            "by": "hr",
            "revoked_at": decided,
            "known_by": "generated_at",
        }
        day.put(at, EventType.PEOPLE_REVOCATION_EFFECTIVE, person.id, data)

    def revoke(self, day: Day, at: float, person: Person, why: str, mark: str = "") -> None:
        """A supervisor revokes a person at the gate."""
        data = {
            "reason": why,
            "revoked_at": utc(day.clock.ms(day.day, at))[:19] + "+00:00",
            "known_by": "act",
            "seconds": 0.0,
            **by_of(self.world.supervisors[0]),
        }
        day.put(at, EventType.PEOPLE_REVOKED, person.id, data, mark=mark)

    def _synced(self, day: Day, at: float, people: dict[str, Any], total: int, by: str) -> None:
        counts = {key: len(people.get(key, ())) for key in ("added", "changed", "removed")}
        version = self.doors.version
        data = {
            "version": version,
            "source": "people.csv",
            "sha256": f"{version:064x}",
            "by": by,
            **counts,
            "total": total,
            "kind": "sync",
            "confirmed": [],
            "templates_removed": 0,
            "list_was": f"{version - 1:032x}",
            "list_mark": f"{version:032x}",
            "history_mark": f"{version + 1:032x}",
        }
        if len(people.get("added", ())) <= 200:
            day.put(at, EventType.PEOPLE_SYNCED, "people", {**data, "people": people})
            return
        day.put(at, EventType.PEOPLE_SYNCED, "people", data)
        added = people["added"]
        parts = [added[n : n + 200] for n in range(0, len(added), 200)]
        for n, part in enumerate(parts, 1):
            told = {"version": version, "part": n, "parts": len(parts), "people": {"added": part}}
            day.put(at + n * 0.001, EventType.PEOPLE_SYNCED_PART, "people", told)

    def _console(self, day: Day, rng: random.Random) -> None:
        world = self.world
        for who in (*rng.sample(world.guards, 4), *world.supervisors[:2]):
            at, by = rng.uniform(360, 900), by_of(who)
            login, address = by["by"], f"10.0.0.{rng.randrange(10, 60)}"
            if rng.random() < 0.06:
                data = {"name": login, "why": "password", "address": address, "device": "Linux"}
                day.put(at - 1, EventType.CONSOLE_SIGN_IN_REFUSED, login, data)
            data = {"address": address, **by, "how": "password+code", "device": "Linux"}
            day.put(at, EventType.CONSOLE_SIGNED_IN, login, data)
            if rng.random() < 0.7:
                later = at + rng.uniform(60, 500)
                day.put(later, EventType.CONSOLE_SIGNED_OUT, login, {"address": address, **by})
        if rng.random() < 0.15:
            who = world.supervisors[1]
            for _ in range(rng.randrange(1, 4)):
                self.portrait(day, rng.uniform(500, 1000), who, rng.choice(world.people))
        if rng.random() < 0.05:
            data = {"n": rng.randrange(10, 900), "format": "csv", "asked": ""}
            data |= by_of(world.supervisors[1])
            day.put(700, EventType.RECORDS_EXPORTED, world.shape.gateway, data)

    def portrait(self, day: Day, at: float, who: Person, person: Person, mark: str = "") -> None:
        """An operator looks at the portrait of a person."""
        day.put(at, EventType.FACE_PORTRAIT_VIEWED, person.id, by_of(who), mark=mark)

    def _requirements(self, day: Day, rng: random.Random) -> None:
        world = self.world
        if rng.random() < 0.3:
            who, until = rng.choice(world.people), day.day + timedelta(days=365)
            data = {
                "kind": "background-check",
                "of": "person",
                "subject": who.id,
                "valid_until": str(until),
                "number": f"BC-{rng.randrange(10_000)}",
                "issued_at": None,
                "note": "",
                **by_of(world.supervisors[2]),
            }
            day.put(rng.uniform(500, 900), EventType.REQUIREMENT_SET, who.id, data)
        if rng.random() < 0.3:
            who, until = rng.choice(world.people), day.day + timedelta(days=rng.randrange(1, 30))
            data = {
                "kind": "background-check",
                "of": "person",
                "subject": who.id,
                "valid_until": str(until),
                "number": f"BC-{rng.randrange(10_000)}",
            }
            day.put(5, EventType.REQUIREMENT_EXPIRING, who.id, data)
        if rng.random() < 0.06:
            who, at = rng.choice(world.people), rng.uniform(500, 900)
            data = {
                "grant": day.day.toordinal(),
                "kind": "door",
                "target": "lab",
                "since": day.text(at),
                "until": day.text(at + 240),
                "reason": "jacket of a colleague",
                **by_of(world.supervisors[2]),
            }
            day.put(at, EventType.GRANT_GIVEN, who.id, data)

    def _reviewed(self, day: Day, rng: random.Random) -> None:
        if rng.random() < 0.1:
            return  # forgotten
        yesterday = day.day - timedelta(days=3 if day.day.weekday() == 0 else 1)
        self.review(day, "log", yesterday, day.day - timedelta(days=1), day.day + timedelta(days=1))
        if day.day.weekday() == 4:
            week = day.day + timedelta(days=7)
            self.review(day, "footage", day.day - timedelta(days=7), day.day, week)

    def review(self, day: Day, kind: str, first: date, last: date, due: date) -> None:
        """A supervisor records that something was looked at."""
        data = {
            "kind": kind,
            "first": str(first),
            "last": str(last),
            "found": "",
            "action": "",
            "next_due": str(due),
            "records": [],
            **by_of(self.world.supervisors[2]),
        }
        day.put(1000 if kind == "log" else 1010, EventType.REVIEW_RECORDED, kind, data)


def stranger(rng: random.Random, n: int) -> Person:
    """Somebody who is on no list."""
    badge, print_ = f"wiegand26:…{n % 100:02}", f"{rng.getrandbits(64):016x}"
    return Person(f"x{n}", names.person(rng), "", "visitor", "", 0, 0, [], badge, print_)
