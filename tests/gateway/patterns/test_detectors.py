"""Each detector over made days: what it is for is its strongest candidate, an ordinary week brings
none of it, and every detector has such a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger.event import Event
from gateway.patterns.detectors import ALL
from gateway.patterns.engine import Engine

from .test_engine import MONDAY, ZONE, Site

WEEKS = 8
ODD = MONDAY + timedelta(7 * WEEKS + 2)


class Yard(Site):
    """A small site with trucks, visitors, seals and devices too."""

    def __init__(self, seed: int = 5) -> None:
        super().__init__(seed)
        self.truck = 0
        self.seal = 1000

    def day(self, day: Any) -> list[Event]:
        made = [*self.people(day)]
        for _ in range(12):
            made += self.truck_of(day, self.random.randrange(4), self.random.uniform(480, 1000))
        visitor = self.random.randrange(9)
        made += self.visit(day, visitor, self.random.randrange(4), late=self.random.random() < 0.04)
        if self.random.random() < 0.1:
            made.append(self.event("seal.voided", day, 900, by=f"g{self.random.randrange(3)}"))
        if self.random.random() < 0.1:
            made.append(self.named("device.offline", "camera-1", day, self.random.uniform(0, 1400)))
        if self.random.random() < 0.1:
            made.append(self.named("door.held", "dock", day, self.random.uniform(500, 1000)))
        if self.random.random() < 0.1:
            made.append(self.portrait(day, 700, self.random.randrange(40)))
        return sorted(made, key=lambda event: event.time)

    def named(self, kind: str, subject: str, day: Any, minute: float, **data: Any) -> Event:
        made = self.event(kind, day, minute, **data)
        return Event(made.seq, made.id, made.time, kind, subject, data, "", "")

    def pass_(self, day: Any, minute: float, who: int, door: str, way: str, **more: Any) -> Event:
        person = {"id": f"p{who}", "name": f"Person {who}", "company": ""}
        data = {"door": door, "way": way, "person": person, "reader": f"{door}-{way}", **more}
        data.setdefault("facts", {"levels": ["plant"]})
        kind = "access.denied" if str(more.get("reason", "")).startswith("denied") else None
        return self.event(kind or "access.granted", day, minute, **data)

    def people(self, day: Any) -> Iterator[Event]:
        for who in range(40):
            come, go = self.random.gauss(420, 12), self.random.gauss(960, 12)
            yield self.pass_(day, come, who, "gate", "in")
            yield self.pass_(day, come + self.random.uniform(5, 9), who, "hall", "in")
            yield self.pass_(day, go, who, "gate", "out")

    def portrait(self, day: Any, minute: float, who: int) -> Event:
        return self.named("face.portrait_viewed", f"p{who}", day, minute, by="boss")

    def visit(self, day: Any, who: int, escort: int, *, late: bool) -> Iterator[Event]:
        about = {"visit": self.seq, "name": f"Guest {who}", "host": "H", "company": ""}
        yield self.event("visit.arrived", day, 600, **about)
        escorted = {"escort": f"Host {escort}", "escort_id": f"h{escort}"}
        yield self.event("visit.host_contacted", day, 602, **about, **escorted)
        if late:
            yield self.event("visit.overdue", day, 700, **about)

    def truck_of(self, day: Any, carrier: int, minute: float, **odd: Any) -> Iterator[Event]:
        self.truck += 1
        self.seal += 1 + odd.get("skip", 0)
        driver = odd.get("driver", f"{carrier}{self.random.randrange(3)}")
        base = {"freight": self.truck, "carrier": f"Carrier {odd.get('carrier', carrier)}"}
        shown = {"driver": f"Driver {driver}", "tractor": f"T{driver}"}
        eta = self.event("x", day, minute + odd.get("early", self.random.gauss(0, 15))).time
        told = {**base, **shown, **odd.get("told", {})}
        yield self.event("freight.expected", day, 1, **told, eta=eta)
        arrived = self.event("x", day, minute).time
        unit = odd.get("unit", f"R{self.truck}")
        came = {**base, **shown, "id_fingerprint": f"f{driver}", "units": [unit]}
        yield self.event("freight.arrived", day, minute, **came, arrived_at=arrived)
        if odd.get("turned"):
            yield self.event("freight.turned_away", day, minute + 9, **came, arrived_at=arrived)
            return
        inspector = odd.get("inspector", self.random.randrange(4))
        look = {"inspector": f"Guard {inspector}", "inspector_person": f"g{inspector}"}
        look |= {"checklist": "trailer", "finished": True, "bad": odd.get("bad", [])}
        took = odd.get("took", self.random.uniform(420, 900))
        yield self.event("freight.inspected", day, minute + 20, **base, **look, took_s=took)
        signer = odd.get("signer", self.random.randrange(3))
        second = {"person": f"s{signer}", "name": f"Boss {signer}", "account": "b"}
        who = {"supervisor": f"Boss {signer}", "second": second}
        yield self.event("freight.signed", day, minute + 25, **base, **who)
        if self.random.random() < 0.1 or odd.get("held"):
            yield self.event("freight.released", day, minute + 26, **base, **who)
        seal = {"seal": f"MX{self.seal:06}", "by": f"g{inspector}"}
        yield self.event("seal.affixed", day, minute + 50, **base, **seal)
        inside = odd.get("inside", self.random.uniform(60, 110))
        left = self.event("x", day, minute + inside).time
        gone = {**came, "arrived_at": arrived, "departed_at": left}
        yield self.event("freight.departed", day, minute + inside, **gone)


Odd = Callable[[Yard, Any, int], list[Event]]


def _many(n: int, one: Callable[[int], Iterator[Event]]) -> list[Event]:
    return [event for k in range(n) for event in one(k)]


def _no_entry(site: Yard, day: Any, n: int) -> list[Event]:
    made = []
    for k in range(4):
        grant = site.pass_(day, 600 + 20 * k, 5, "gate", "in")
        made += [grant, site.named("door.no_entry", "gate", day, 601 + 20 * k, grant=grant.seq)]
    return made


def _lent(site: Yard, day: Any, n: int) -> list[Event]:
    person = {"id": "p5", "name": "Person 5"}
    return [site.event("alarm.lent_badge", day, 600, person=person, face_name="Other", door="gate")]


def _left(site: Yard, day: Any, n: int) -> list[Event]:
    if n == 0:
        return [site.named("people.revoked", "p50", day, 1)]
    return [site.pass_(day, 600 + 9 * k, 50, "gate", "in", reason="denied_revoked") for k in (1, 2)]


def _swap(site: Yard, day: Any, n: int) -> list[Event]:
    first = [*site.truck_of(day, 1, 600, unit="R77", driver="new1")]
    return [*first, *site.truck_of(day, 1, 700, unit="R77", turned=True)]


ODDITIES: dict[str, tuple[int, Odd]] = {
    "pickup": (
        1,
        lambda s, d, n: [
            *s.truck_of(d, 1, 600, early=200, driver="xx", told={"driver": "Driver 10"})
        ],
    ),
    "drivers": (1, _swap),
    "inspections": (2, lambda s, d, n: _many(3, lambda k: s.truck_of(d, 1, 600 + k, took=30))),
    "seals": (2, lambda s, d, n: _many(2, lambda k: s.truck_of(d, 1, 600 + k, skip=60))),
    "voids": (3, lambda s, d, n: [s.event("seal.voided", d, 600 + k, by="g1") for k in range(3)]),
    "yard_time": (3, lambda s, d, n: _many(4, lambda k: s.truck_of(d, 1, 500 + k, inside=300))),
    "freight_hours": (2, lambda s, d, n: [*s.truck_of(d, 1, 150)]),
    "signed_pairs": (
        8,
        lambda s, d, n: _many(9, lambda k: s.truck_of(d, k, 600 + k, inspector=1, signer=1)),
    ),
    "carrier_pairs": (
        4,
        lambda s, d, n: _many(4, lambda k: s.truck_of(d, 7, 600 + k, inspector=1, signer=1)),
    ),
    "released_pairs": (
        4,
        lambda s, d, n: _many(3, lambda k: s.truck_of(d, 1, 600 + k, signer=2, held=True)),
    ),
    "escort_pairs": (5, lambda s, d, n: _many(2, lambda k: s.visit(d, 1, 3, late=False))),
    "overdue": (4, lambda s, d, n: [*s.visit(d, 1, n % 4, late=True)]),
    "hours": (2, lambda s, d, n: [s.pass_(d, 150 + k, 5, "hall", "in") for k in (1, 9)]),
    "new_door": (2, lambda s, d, n: [s.pass_(d, 600 + k, 5, "vault", "in") for k in (1, 9, 30)]),
    "denials": (
        1,
        lambda s, d, n: [
            s.pass_(d, 600 + 5 * k, 5, "vault", "in", reason="denied_no_access_level")
            for k in range(8)
        ],
    ),
    "no_entry": (2, _no_entry),
    "doors": (3, lambda s, d, n: [s.named("door.held", "dock", d, 120 + k) for k in (1, 9)]),
    "travel": (
        1,
        lambda s, d, n: [s.pass_(d, 600, 5, "hall", "in"), s.pass_(d, 600.1, 5, "gate", "out")],
    ),
    "tailgating": (2, lambda s, d, n: [s.pass_(d, 1200 + k, k, "gate", "out") for k in range(9)]),
    "together": (
        20,
        lambda s, d, n: [
            s.pass_(d, 1200 + 9 * k, w, "gate", "in") for k in range(2) for w in (5, 6)
        ],
    ),
    "faces": (2, _lent),
    "leavers": (3, _left),
    "operators": (1, lambda s, d, n: [s.portrait(d, 600 + k, k) for k in range(25)]),
    "devices": (
        5,
        lambda s, d, n: [
            s.pass_(d, 400 + k, k, "gate", "in", reason="denied_bad_read") for k in range(20)
        ],
    ),
    "away": (4, lambda s, d, n: [s.named("device.offline", "camera-1", d, 125)]),
}


@pytest.fixture(scope="module")
def ordinary() -> list[list[Event]]:
    site = Yard()
    return [site.day(MONDAY + timedelta(n)) for n in range(7 * WEEKS + 2)]


def test_every_detector_is_tried_here() -> None:
    assert set(ODDITIES) == {kind.key for kind in ALL}
    assert len({kind.key for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
def test_what_a_detector_is_for_is_a_candidate(kind: Any, ordinary: list[list[Event]]) -> None:
    engine = Engine(ZONE, kinds=[kind])
    for n, events in enumerate(ordinary):
        engine.day(MONDAY + timedelta(n), events)
    site = Yard(9)
    site.seq, site.truck, site.seal = 10**6, 10**5, 1000 + 12 * len(ordinary)
    days, odd = ODDITIES[kind.key]
    marked: set[int] = set()
    for n in range(days):
        today = ODD + timedelta(n)
        usual = site.day(today)
        strange = odd(site, today, n)
        marked |= {event.seq for event in strange}
        engine.day(today, sorted([*usual, *strange], key=lambda event: event.time))
    found = [
        item
        for week in range(WEEKS, WEEKS + 5)
        for item in engine.candidates(MONDAY + timedelta(7 * week))
    ]
    assert engine.unreadable == 0
    assert found, "nothing was odd"
    net, best = max(found, key=lambda item: item[0])
    assert net > 3 and marked & set(best.records), (net, best)
    for language in ("en", "es"):
        assert "{" not in best.words.say(language)
        assert all(words.say(language) for words, _ in best.shares)
    assert sum(bits for _, bits in best.shares) == pytest.approx(best.raw, abs=0.2)
