"""The budget's rules, and what people said of earlier findings."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.locale import Message
from gateway.patterns.budget import Usual, lesson, merged, usual
from gateway.patterns.engine import Engine
from gateway.patterns.model import Candidate, Taught, subject_of

from .test_engine import MONDAY, ZONE, Site, run


def candidate(bits: float, *, detector: str = "denials", **about: str) -> Candidate:
    words = Message("x")
    records = (int(bits),)
    return Candidate(detector, date(2026, 3, 2), bits, words, ((words, bits),), about, records)


def test_weeks_with_incidents_do_not_teach_and_high_weeks_raise_the_bar() -> None:
    assert usual([0.0, 0.0, 3.0, 0.0, 40.0, 0.0]).net(12.0) == 12.0
    high = usual([9.0, 10.0, 11.0, 10.5, 60.0, 9.5])
    assert high.net(12.0) < 4.0 < high.net(30.0) <= 30.0
    assert usual([30.0] * 4) == Usual()  # too few weeks to know


def test_what_is_about_the_same_person_is_one_finding() -> None:
    ranked = [
        (9.0, candidate(9, detector="hours", person="p1")),
        (12.0, candidate(12, person="p1")),
        (8.0, candidate(8, person="p2")),
    ]
    kept = merged(ranked)
    assert [(net, item.about["person"]) for net, item in kept] == [(12.0, "p1"), (8.0, "p2")]
    assert len(kept[0][1].shares) == 2 and set(kept[0][1].records) == {9, 12}


def test_an_explained_subject_needs_more_and_a_useless_detector_too() -> None:
    one = candidate(12, person="p1")
    subject = subject_of("denials", {"person": "p1", "hour": "7"})
    explained = {"denials": Taught(explained=1, subjects={subject: 1})}
    assert lesson(one, {}) == 0.0
    assert lesson(one, explained) >= 6.0
    assert lesson(candidate(12, person="p2"), explained) < 1.0
    assert lesson(candidate(12, person="p2"), {"denials": Taught(explained=30)}) > 3.0
    assert lesson(candidate(12, person="p2"), {"denials": Taught(useful=30)}) == 0.0


def test_an_explained_finding_is_not_shown_again() -> None:
    shown = []
    for taught in ({}, {"denials": Taught(5, 0, {"denials|person=p7": 5})}):
        engine, site = Engine(ZONE), Site()
        engine.taught = taught
        day = run(engine, site, 49)
        odd = [site.badge(day, 700 + 5 * n, 7, granted=False) for n in range(7)]
        engine.day(day, [*site.day(day), *odd])
        for n in range(1, 7):
            engine.day(day + timedelta(n), site.day(day + timedelta(n)))
        shown.append([item.about.get("person") for item in engine.week(day)])
    assert shown == [["p7"], []]
    assert day == MONDAY + timedelta(49)
