"""What docs/patterns.md says of how the patterns count: own past or shift, who moved, frozen
baselines, chance among many pairs, and what is never looked at."""

from __future__ import annotations

import ast
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

import gateway.patterns
from gateway.ledger.event import Event
from gateway.patterns.detectors import ALL
from gateway.patterns.engine import Engine
from gateway.patterns.model import Candidate

from .test_engine import MONDAY, ZONE, Site

KINDS = {kind.key: kind for kind in ALL}


class Shift(Site):
    """Forty people of one level: the first twenty come at seven to the minute, the others at any
    time between five and ten."""

    at_night: int | None = None

    def day(self, day: date) -> list[Event]:
        made = []
        for who in range(40):
            minute = self.random.gauss(420, 5) if who < 20 else self.random.uniform(300, 600)
            if who == self.at_night:
                minute = self.random.gauss(1320, 5)
            made.append(self.badge(day, minute, who))
        return sorted(made, key=lambda event: event.time)


def candidates(engine: Engine, day: date) -> list[Candidate]:
    return [one for _, one in engine.candidates(day)]


@pytest.mark.parametrize(("who", "against"), [(3, "own past"), (33, "shift")])
def test_regular_people_are_held_against_their_own_past_and_others_against_their_shift(
    who: int, against: str
) -> None:
    engine, site = Engine(ZONE, kinds=[KINDS["hours"]]), Shift()
    for n in range(56):
        engine.day(MONDAY + timedelta(n), site.day(MONDAY + timedelta(n)))
    day = MONDAY + timedelta(56)
    odd = site.badge(day, 185, who)
    engine.day(day, sorted([*site.day(day), odd], key=lambda event: event.time))
    (found,) = candidates(engine, day)
    assert found.about["person"] == f"p{who}" and odd.seq in found.records
    assert against in found.shares[0][0].say("en")


def test_who_moves_to_another_shift_is_counted_anew() -> None:
    engine, site = Engine(ZONE, kinds=[KINDS["hours"]]), Shift()
    for n in range(56):
        engine.day(MONDAY + timedelta(n), site.day(MONDAY + timedelta(n)))
    site.at_night = 3
    for n in range(56, 84):
        engine.day(MONDAY + timedelta(n), site.day(MONDAY + timedelta(n)))
    weeks = [candidates(engine, MONDAY + timedelta(7 * week)) for week in range(8, 12)]
    assert {one.about["person"] for one in weeks[0]} == {"p3"}
    assert weeks[1:] == [[], [], []]  # learnt at a quarter of the pace, it would take months


def test_a_reader_is_held_against_its_first_six_weeks_and_slow_growth_stays_visible() -> None:
    """Bad reads grow by less than one a week; against the months before it nothing would change."""
    engine, site = Engine(ZONE, kinds=[KINDS["devices"]]), Site()
    shown: list[Candidate] = []
    for n in range(7 * 30):
        day = MONDAY + timedelta(n)
        bad = 1 + max(0, n - 42) // 20
        made = [
            _read(site, day, 300 + k, "denied_bad_read" if k < bad else "x") for k in range(120)
        ]
        engine.day(day, made)
        if n % 7 == 6:
            shown += candidates(engine, day)
    assert shown and "; 6.9 are usual" in shown[-1].words.say("en")


def test_a_reader_that_answers_later_is_shown_with_its_slowest_records() -> None:
    engine, site = Engine(ZONE, kinds=[KINDS["devices"]]), Site()
    slow: set[int] = set()
    for n in range(56):
        day = MONDAY + timedelta(n)
        took = 900.0 if n >= 49 else 2.0
        made = [
            _read(site, day, 300 + k, "x", took * site.random.uniform(1, 1.2)) for k in range(60)
        ]
        slow |= {event.seq for event in made} if n >= 49 else set()
        engine.day(day, made)
    found = candidates(engine, MONDAY + timedelta(49))
    assert found and "for a decision" in found[0].words.say("en")
    assert set(found[0].records) & slow


def _read(site: Site, day: date, minute: float, reason: str, took_ms: float = 2.0) -> Event:
    kind = "access.denied" if reason.startswith("denied") else "access.granted"
    person = {"id": "p1", "name": "Person 1", "company": "A"}
    data = {"door": "yard", "way": "in", "reader": "yard-in", "person": person}
    return site.event(kind, day, minute, **data, reason=reason, took_ms=took_ms)


def test_of_many_pairs_that_meet_by_chance_few_are_shown() -> None:
    """Three shifts that come in any order have no pair in them; some meet often all the same."""
    shown = 0
    for seed in range(3):
        engine, lot = Engine(ZONE, kinds=[KINDS["together"]]), random.Random(seed)
        site = Site(seed)
        for n in range(70):
            day, made = MONDAY + timedelta(n), []
            for shift in range(3):
                minute = 360.0 + 480 * shift
                for who in lot.sample(range(20 * shift, 20 * shift + 20), 20):
                    minute += lot.expovariate(15)
                    made.append(site.badge(day, minute, who))
            engine.day(day, made)
        shown += sum(len(candidates(engine, MONDAY + timedelta(7 * week))) for week in range(10))
    assert shown <= 3


NEVER = {"age", "sex", "gender", "nationality", "birth", "born", "distance", "face_distance"}


def test_nothing_looks_at_age_sex_nationality_or_the_distance_of_a_face() -> None:
    read: set[str] = set()
    for path in Path(gateway.patterns.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read.add(node.value)
    assert {"person", "reader", "door"} <= read  # the keys of records stand there as words
    assert not NEVER & read
