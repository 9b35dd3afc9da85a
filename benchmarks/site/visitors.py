"""Visitors: announced, arrived, met, gone; and those who stay too long, don't come or are held."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.site import names
from benchmarks.site.passes import IN, OUT, Try
from benchmarks.site.raw import Day, marks
from benchmarks.site.world import Person, World, holiday
from gateway.ledger.event import EventType

REGULARS = 25


class Visitors:
    """The reception of one site."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0
        rng = world.rng("regular visitors")
        self.regular = [
            (names.person(rng), rng.choice(names.VISITING), f"{rng.getrandbits(64):016x}")
            for _ in range(REGULARS)
        ]

    def write(self, day: Day, desk: list[Person]) -> list[Try]:
        """The records of a day's visitors; their badges at the gate are returned."""
        rng = self.world.rng("visitors", day.day)
        if day.day.weekday() > 4 or holiday(day.day):
            return []
        tries: list[Try] = []
        for _ in range(rng.randrange(2, 6) + self.world.shape.people // 120):
            tries += self.visit(day, rng, desk, rng.uniform(490, 930))
        return tries

    def visit(
        self,
        day: Day,
        rng: random.Random,
        desk: list[Person],
        came: float,
        *,
        host: Person | None = None,
        who: tuple[str, str, str] | None = None,
        stays: float = 0.0,
        over: float | None = None,
        escort: Person | None = None,
        mark: str = "",
    ) -> list[Try]:
        """One visit; `stays` minutes of which `over` beyond what was announced."""
        self.count += 1
        number, by = self.count, by_of(rng.choice(desk))
        fresh = (names.person(rng), rng.choice(names.VISITING), f"{rng.getrandbits(64):016x}")
        known = rng.random() < 0.6
        name, company, shown = who or (rng.choice(self.regular) if known else fresh)
        host = host or rng.choice(self.world.hosts)
        subject, stays = f"visit-{number}", stays or rng.uniform(25, 200)
        if over is None:
            over = rng.uniform(10, 60) if rng.random() < 0.04 else -rng.uniform(5, 40)
        until = came + stays - over
        base = {
            "visit": number,
            "name": name,
            "company": company,
            "host": host.name,
            "kind": "visitor",
            "purpose": "",
        }

        def put(minutes: float, kind: EventType, **data: Any) -> None:
            day.put(minutes, kind, subject, {**base, **data, **by, **marks(kind)}, mark=mark)

        put(
            came - rng.uniform(30, 240),
            EventType.VISIT_EXPECTED,
            clearance="partner_cleared",
            since=day.text(came - 30),
            until=day.text(until),
        )
        chance = 1.0 if mark else rng.random()
        if chance < 0.05:
            put(came + 60, EventType.VISIT_CANCELLED, reason="did not come")
            return []
        if chance < 0.07:
            self._held(day, came - 1, base, by)
        put(
            came,
            EventType.VISIT_ARRIVED,
            arrived_at=day.text(came),
            held=[],
            id_fingerprint=shown,
            id_kind=rng.choice(("ine", "ine", "passport", "licence")),
            reason="",
            regular=False,
            released_by="",
            second=None,
        )
        badge = f"wiegand26:…{rng.randrange(100):02}"
        put(
            came + 1.5,
            EventType.VISIT_BADGE_ISSUED,
            badge=badge,
            fingerprint=f"{rng.getrandbits(64):016x}",
            levels=["visitor"],
            until=day.text(until + 30),
        )
        meets = escort or (host if rng.random() < 0.7 else rng.choice(self.world.hosts))
        put(
            came + 2.5,
            EventType.VISIT_HOST_CONTACTED,
            escort=meets.name,
            escort_id=meets.id,
        )
        if over > 0:
            late = EventType.VISIT_OVERDUE
            about = {key: base[key] for key in ("visit", "name", "company", "host")}
            about |= {"until": day.text(until), "badge_out": True, **marks(late)}
            day.put(until + 1, late, subject, about, mark=mark)
        forgot = not mark and rng.random() < 0.006
        if not forgot:
            put(
                came + stays,
                EventType.VISIT_DEPARTED,
                arrived_at=day.text(came),
                departed_at=day.text(came + stays),
                badge_out=rng.random() < 0.01,
                badge=badge,
            )
        return self._badge(rng, (subject, name, company), meets, came, came + stays, mark)

    def _badge(
        self,
        rng: random.Random,
        who: tuple[str, str, str],
        escort: Person,
        came: float,
        left: float,
        mark: str,
    ) -> list[Try]:
        """The visitor's badge at the gate, right before that of the escort."""
        subject, name, company = who
        badge, print_ = f"wiegand26:…{rng.randrange(100):02}", f"{rng.getrandbits(64):016x}"
        one = Person(subject, name, company, "visitor", "", 0, 0, [], badge, print_)
        gate = self.world.gates[0]
        return [
            Try(came + 4, one, gate, IN, mark=mark),
            Try(came + 4.02, escort, gate, IN, mark=mark),
            Try(left - 2, one, gate, OUT, mark=mark),
        ]

    def _held(self, day: Day, at: float, base: dict[str, Any], by: dict[str, str]) -> None:
        kind = EventType.VISIT_HELD
        about = {key: base[key] for key in ("visit", "name", "company", "host")}
        data = {**about, "reason": "id_missing", **by, **marks(kind)}
        day.put(at, kind, f"visit-{base['visit']}", data)


def by_of(person: Person) -> dict[str, str]:
    """An operator as records have them."""
    first, last = person.name.lower().split()[:2]
    return {"by": f"{first[0]}{last}", "by_person": person.id, "by_name": person.name}
