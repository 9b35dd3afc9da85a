"""The cost of a badge if every rule applies: 250,000 people with four requirements each."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.figures import say, spread
from gateway.decide import decide
from gateway.decide.model import AreaFacts, Credential, Lookup, Person, Place, Request
from gateway.decide.policy import (
    AccessLevel,
    Area,
    Direction,
    DoorPolicy,
    Mode,
    Passback,
    Period,
    RequirementKind,
    Schedule,
    Site,
    Subsystem,
    ThreatLevel,
)
from gateway.decide.record import access_event
from gateway.decide.replay import Holder, replay_event
from gateway.ledger import Ledger, LedgerReader, chain
from gateway.ledger.event import NewEvent
from gateway.people import Roster, requirements
from gateway.people.requirements import Row
from gateway.people.schema import open_admin
from gateway.state.movement import Link
from gateway.state.presence import Presence, chain_of

PEOPLE = 250_000
KINDS = ("background-check", "training", "medical")
EVENTS = 100_000
WEEK = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
SITE = Site(
    gateway="g",
    zone=ZoneInfo("America/Tijuana"),
    doors={"yard": DoorPolicy("yard", Mode.BADGE, area="yard", from_area="plant")},
    schedules={"day": Schedule("day", (Period(WEEK, clock_time(0), None),), "boss")},
    holidays={},
    access_levels={
        "plant": AccessLevel("plant", {}, areas={"yard": "day"}),
        "boss": AccessLevel("boss", {"yard": "day"}),
    },
    areas={
        "plant": Area("plant"),
        "yard": Area("yard", (*KINDS, "partner"), Passback.HARD, maximum=PEOPLE, two_person=True),
    },
    requirements={
        **{kind: RequirementKind(kind, criteria=("11.1",)) for kind in KINDS},
        "partner": RequirementKind("partner", "company"),
    },
    threat_levels={"normal": ThreatLevel("normal"), "high": ThreatLevel("high", 1, pin=True)},
)


def fill(path: Path) -> None:
    """Write people with one badge and three requirements each, and one requirement per company."""
    open_admin(path).close()
    until = date.today() + timedelta(days=90)
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO person VALUES (?,?,?,'Welder',NULL,'2035-12-31','active','[\"plant\"]')",
            ((f"e{n}", f"Person {n}", f"Company {n % 500}") for n in range(PEOPLE)),
        )
        db.executemany(
            "INSERT INTO credential VALUES (?, ?)",
            ((f"em4100:18:{n}", f"e{n}") for n in range(PEOPLE)),
        )
        rows = (Row("person", f"e{n}", kind, until) for n in range(PEOPLE) for kind in KINDS)
        requirements.put(db, rows, by="bench")
        partners = (Row("company", f"Company {n}", "partner", until) for n in range(500))
        requirements.put(db, partners, by="bench")


async def run(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "people.db"
    begun = time.monotonic()
    fill(path)
    say(f"writing {PEOPLE:,} people x 4 requirements (s)", f"{time.monotonic() - begun:.1f}")
    say("  people.db (MB)", f"{path.stat().st_size / 1e6:.0f}")
    presence = Presence({"yard": Link("yard", "plant"), "gate": Link("plant")})
    log = folder / "ledger.db"
    await rebuild(log, folder / "presence.json", presence)
    roster = Roster(path)
    random.seed(1)
    whole, looked, judged = [], [], []
    passed = 0
    for _ in range(20_000):
        badge = Credential("em4100", "18", str(random.randrange(PEOPLE)))
        now = datetime.now(UTC)
        begun = time.perf_counter()
        found = roster.find(badge)
        middle = time.perf_counter()
        assert found.person is not None
        facts = presence.facts("yard", Direction.IN, found.person.id, now)
        request = Request(
            "yard",
            badge,
            Lookup.FOUND,
            found.person,
            found.list_version,
            area=facts,
            threat="normal",
            failing={Subsystem.BROKER: "away"},
        )
        passed += decide(request, SITE, now).granted
        end = time.perf_counter()
        looked.append((middle - begun) * 1e3)
        judged.append((end - middle) * 1e3)
        whole.append((end - begun) * 1e3)
    say("look-up, areas and decide() (ms)", spread(whole), "p99 1 ms")
    say("  of that the look-up (ms)", spread(looked))
    say("  of that areas and decide() (ms)", spread(judged))
    say("  of 20,000, granted", f"{passed:,}")
    again(roster)


class _People:
    """The list as a rehearsal holds it: read once, found by id."""

    def __init__(self, roster: Roster) -> None:
        self._held = {f"e{n}": roster.find_person(f"e{n}") for n in range(1000)}

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        found = self._held[person_id]
        return Holder(found.person, found.templates, found.has_pin, found.list_version)

    def person(self, person_id: str) -> Person | None:
        return self._held[person_id].person if person_id in self._held else None


class _Fingerprints:
    def fingerprint(self, credential_key: str) -> str:
        return "f" * 16


def again(roster: Roster) -> None:
    """Decide past badges again, as a rehearsal does."""
    people, events = _People(roster), []
    for n in range(1000):
        badge = Credential("em4100", "18", str(n))
        found = roster.find(badge)
        request = Request(
            "yard",
            badge,
            Lookup.FOUND,
            found.person,
            found.list_version,
            threat="normal",
            area=AreaFacts(Place("plant", datetime.now(UTC)), 2, {"boss": datetime.now(UTC)}),
        )
        decision = decide(request, SITE, datetime.now(UTC))
        about = {"reader": "r", "way": "in", "took_ms": 1.0}
        new = access_event(request, decision, SITE, _Fingerprints(), about)
        events.append(chain.to_event(1, chain.body_of(new, "i", datetime.now(UTC)), b"", b""))
    begun = time.perf_counter()
    for _ in range(100):
        for event in events:
            replay_event(event, SITE, people)
    say("100,000 past badges decided again (s)", f"{time.perf_counter() - begun:.1f}", "20 s")


async def rebuild(log: Path, checkpoint: Path, presence: Presence) -> None:
    """Work out who is inside, from the log alone and from a checkpoint."""
    ledger = Ledger.open(log, gateway="g")
    for start in range(0, EVENTS, 1000):
        events = (granted(f"e{n % 20_000}", "gate", "plant") for n in range(start, start + 1000))
        await asyncio.gather(*(ledger.append_soon(event) for event in events))
    for name in ("boss", "chief"):
        await ledger.append(granted(name, "yard", "boss"))
    ledger.close()
    reader = LedgerReader(log)
    begun = time.monotonic()
    count = presence.restore(checkpoint, reader)
    say(f"who is inside, from {count:,} records (s)", f"{time.monotonic() - begun:.2f}")
    begun = time.monotonic()
    presence.checkpoint(chain_of(reader)).save(checkpoint)
    say("  writing the checkpoint of 20,000 people (s)", f"{time.monotonic() - begun:.2f}")
    again = Presence({})
    begun = time.monotonic()
    again.restore(checkpoint, reader)
    say("  from the checkpoint (s)", f"{time.monotonic() - begun:.2f}")
    reader.close()


def granted(who: str, door: str, level: str) -> NewEvent:
    person = {"id": who, "name": f"Person {who}", "company": "Company"}
    data = {"door": door, "way": "in", "person": person, "facts": {"levels": [level]}}
    return NewEvent("access.granted", door, data)
