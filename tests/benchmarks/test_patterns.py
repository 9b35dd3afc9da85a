"""The evaluation of patterns judges fairly, and the short form of it holds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from benchmarks.patterns.score import scored, wilson
from benchmarks.patterns.shown import Shown, Truth
from benchmarks.patterns.trial import OURS, Setting, run
from benchmarks.site import Shape, Site, make
from benchmarks.site.incidents import INCIDENTS, NEAR, STRENGTHS, scheduled

MONDAY = date(2026, 3, 2)


def test_every_kind_leaves_records_or_takes_some_away() -> None:
    shape = Shape(seed=2, people=80, begin=MONDAY, full=False)
    bare, days = Site(make(shape)), list[list[Any]]()

    def plain(number: int) -> list[Any]:
        """The records of a day with nothing planted, made once."""
        while len(days) <= number:
            day = MONDAY + timedelta(days=len(days))
            days.append([(raw.at, raw.type, raw.data) for raw in bare.day(day)])
        return days[number]

    for place, kind in enumerate((*INCIDENTS, *NEAR)):
        strength = place % len(STRENGTHS)  # each kind at one strength, each strength many times
        world = make(shape)
        plant = kind(world, MONDAY, strength, 1)
        site = Site(world, [plant])
        for number in range(plant.lasts + 1):
            day = MONDAY + timedelta(days=number)
            if [(raw.at, raw.type, raw.data) for raw in site.day(day)] != plain(number):
                break
        else:
            raise AssertionError((kind.kind, strength))


def test_three_or_four_are_planted_each_week_and_every_kind_comes_in_turn() -> None:
    world = make(Shape(seed=7, people=60, begin=MONDAY))
    plants = scheduled(world, MONDAY, 20)
    planted = [one for one in plants if not one.near]
    assert 60 <= len(planted) <= 80
    assert len(INCIDENTS) >= 12 and len(NEAR) >= 12
    kinds = [one.kind for one in planted]
    assert max(map(kinds.count, kinds)) - min(map(kinds.count, kinds)) <= 1
    for week in range(20):
        begin = MONDAY + timedelta(weeks=week)
        here = [one for one in planted if begin <= one.first < begin + timedelta(weeks=1)]
        assert len(here) in (3, 4)
    assert not [one for one in scheduled(world, MONDAY, 20, incidents=False) if not one.near]


def test_a_finding_counts_only_if_it_shows_the_incident() -> None:
    world = make(Shape(seed=7, people=60, begin=MONDAY))
    plants = scheduled(world, MONDAY, 1)
    planted = next(one for one in plants if not one.near and not one.by_about)
    truth = Truth(plants)
    for seq in (10, 11):
        truth.take(seq, planted.name)
    assert truth.planted(Shown(MONDAY, {}, (10, 11, 500), "x")) is planted
    assert truth.planted(Shown(MONDAY, {}, (500, 501), "x")) is None
    assert truth.planted(Shown(MONDAY, {}, (10, *range(500, 540)), "x")) is None  # by chance
    assert truth.planted(Shown(MONDAY, planted.about, (500,), "x")) is None


def test_wilson_s_interval() -> None:
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490, abs=0.001) and high == pytest.approx(0.943, abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.slow
def test_the_short_form_shows_no_more_than_the_budget_and_more_that_is_planted_than_chance() -> (
    None
):
    outcome = run(Setting(seed=1, people=40, warm=6, weeks=2))
    scores = scored([outcome])
    assert all(score.shown <= 5 * 2 for score in scores.values())
    assert scores[OURS].precision > scores["random"].precision
