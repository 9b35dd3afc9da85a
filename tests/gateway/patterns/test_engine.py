"""The engine over made days: what is shown, what is kept, what a hostile record does."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event
from gateway.patterns.engine import Engine
from tests.gateway.damage import DAMAGED, aside, hurt

ZONE = ZoneInfo("America/Tijuana")
MONDAY = date(2026, 2, 2)


class Site:
    """Records of a small site, numbered as they come."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.seq = 0

    def event(self, kind: str, day: date, minute: float, **data: Any) -> Event:
        self.seq += 1
        moment = datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(minutes=minute)
        text = utc_text(moment.astimezone(UTC))
        return Event(self.seq, f"e{self.seq}", text, kind, "", data, "", "")

    def badge(self, day: date, minute: float, who: int, *, granted: bool = True) -> Event:
        kind = "access.granted" if granted else "access.denied"
        person: Mapping[str, str] = {"id": f"p{who}", "name": f"Person {who}", "company": "A"}
        return self.event(kind, day, minute, door="yard", way="in", person=person, reason="x")

    def day(self, day: date) -> list[Event]:
        """Forty people who come in the morning; one in thirty is refused once."""
        made = []
        for who in range(40):
            minute = self.random.gauss(420, 10)
            if self.random.random() < 1 / 30:
                made.append(self.badge(day, minute - 1, who, granted=False))
            made.append(self.badge(day, minute, who))
        return sorted(made, key=lambda event: event.time)


def run(engine: Engine, site: Site, days: int, first: date = MONDAY) -> date:
    """So many ordinary days; returns the next one."""
    for n in range(days):
        engine.day(first + timedelta(n), site.day(first + timedelta(n)))
    return first + timedelta(days)


def test_an_ordinary_site_shows_nothing() -> None:
    engine = Engine(ZONE)
    run(engine, Site(), 84)
    shown = [item for n in range(12) for item in engine.week(MONDAY + timedelta(7 * n))]
    assert shown == []


def test_a_person_who_is_refused_nine_times_is_shown_on_that_day() -> None:
    engine, site = Engine(ZONE), Site()
    day = run(engine, site, 49)
    odd = [site.badge(day, 700 + 5 * n, 7, granted=False) for n in range(9)]
    engine.day(day, [*site.day(day), *odd])
    shown = engine.week(day)
    assert [item.about.get("person") for item in shown] == ["p7"]
    found = shown[0]
    assert set(found.records) >= {event.seq for event in odd}
    assert found.words.say("en") == "Person 7 was refused 9 times on one day"
    assert found.score_bits > 10 and sum(bits for _, bits in found.shares) > 10


def test_the_budget_is_kept_and_the_strangest_are_shown() -> None:
    engine, site = Engine(ZONE, budget=2), Site()
    day = run(engine, site, 49)
    for n in range(7):
        today = day + timedelta(n)
        odd = [site.badge(today, 700 + 5 * k, n, granted=False) for k in range(6 + n)]
        engine.day(today, [*site.day(today), *odd])
    assert len(engine.week(day)) == 2


@pytest.mark.parametrize("saved_after", [1, 30, 52])
def test_the_state_goes_on_after_a_restart(tmp_path: Path, saved_after: int) -> None:
    def odd(site: Site, day: date) -> list[Event]:
        made = site.day(day)
        return [*made, *(site.badge(day, 700 + 5 * n, 3, granted=False) for n in range(8))]

    site, whole = Site(), Engine(ZONE)
    days = [MONDAY + timedelta(n) for n in range(56)]
    records = {day: odd(site, day) if n == 50 else site.day(day) for n, day in enumerate(days)}
    for day in days:
        whole.day(day, records[day])
    path = tmp_path / "patterns" / "patterns.db"
    engine = Engine(ZONE, state_path=path)
    for day in days[:saved_after]:
        engine.day(day, records[day])
    engine.save()
    engine.day(days[saved_after], records[days[saved_after]])  # not saved: killed
    again = Engine(ZONE, state_path=path)
    assert again.newest == days[saved_after - 1]
    for day in days:  # those from before are left alone
        again.day(day, records[day])
    assert again.week(days[50]) == whole.week(days[50]) != []


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_state_is_put_aside_and_learnt_anew(tmp_path: Path, kind: str) -> None:
    path, days = tmp_path / "patterns.db", [MONDAY + timedelta(n) for n in range(3)]
    engine = Engine(ZONE, state_path=path)
    for day in days:
        engine.day(day, Site().day(day))
    engine.save()
    learnt = engine.newest
    hurt(path, kind)
    again = Engine(ZONE, state_path=path)
    assert again.newest is None and len(aside(path)) == 1
    assert again.damage is not None and again.damage.done == "learnt_from_log"
    for day in days:
        again.day(day, Site().day(day))
    again.save()
    third = Engine(ZONE, state_path=path)
    assert third.newest == learnt and third.damage is None


def test_rows_that_are_nonsense_are_damage_and_a_busy_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "patterns.db"
    engine = Engine(ZONE, state_path=path)
    engine.day(MONDAY, Site().day(MONDAY))
    engine.save()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert Engine(ZONE, state_path=path).newest == MONDAY
        db.execute("UPDATE learnt SET value = 'nothing'")
        db.execute("COMMIT")
    assert Engine(ZONE, state_path=path).damage and len(aside(path)) == 1


HOSTILE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("access.denied", {}),
    ("access.denied", {"door": None, "person": "root"}),
    ("access.denied", {"door": ["x"] * 9, "person": {"id": {"a": 1}}}),
    ("access.granted", {"door": "yard", "person": []}),
    ("freight.arrived", {"freight": {}, "driver": 7, "carrier": None}),
    ("freight.expected", {"freight": 1, "eta": "soon"}),
    ("freight.expected", {"freight": 1, "eta": 7}),
)


def test_a_record_of_another_form_ends_nothing_and_is_counted() -> None:
    engine, site = Engine(ZONE), Site()
    day = run(engine, site, 25)
    made = [site.event(kind, day, 1, **data) for kind, data in HOSTILE]
    engine.day(day, [*made, *site.day(day)])
    assert engine.unreadable >= 5
    odd = Event(10**6, "x", "yesterday", "access.denied", "", {"door": "yard"}, "", "")
    engine.day(day + timedelta(1), [odd])
    assert engine.unreadable >= 6


def test_the_same_days_give_the_same_findings() -> None:
    made = []
    for _ in range(2):
        engine, site = Engine(ZONE), Site(3)
        day = run(engine, site, 30)
        odd = [site.badge(day, 700 + 5 * n, 7, granted=False) for n in range(9)]
        engine.day(day, [*site.day(day), *odd])
        made.append(engine.week(day))
    assert made[0] == made[1] != []
