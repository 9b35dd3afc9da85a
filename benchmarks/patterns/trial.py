"""One site for some weeks: what is planted, and what each method shows of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from benchmarks.patterns import peers
from benchmarks.patterns.features import Features
from benchmarks.patterns.shown import Shown, Truth
from benchmarks.site import Shape, Site, event, make
from benchmarks.site.incidents import STRENGTHS, Planted, scheduled
from gateway.patterns.engine import Engine

BEGIN = date(2026, 1, 5)
OURS = "garita"


@dataclass(frozen=True)
class Setting:
    """What to run.  `warm` weeks are learnt before anything is planted."""

    seed: int
    people: int = 500
    warm: int = 10
    weeks: int = 12
    budget: int = 5
    incidents: bool = True
    near: int = 3
    with_peers: bool = True


@dataclass
class Outcome:
    """What came of one site, as plain values."""

    setting: Setting
    planted: list[dict[str, Any]] = field(default_factory=list)
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    records: int = 0
    engine_s: float = 0.0
    words: list[str] = field(default_factory=list)


def run(setting: Setting) -> Outcome:
    """Simulate a site and let every method look at it week by week."""
    shape = Shape(seed=setting.seed, people=setting.people, begin=BEGIN, full=False)
    world = make(shape)
    plants = scheduled(
        world,
        BEGIN + timedelta(weeks=setting.warm),
        setting.weeks,
        incidents=setting.incidents,
        near=setting.near,
    )
    site, truth, outcome = Site(world, plants), Truth(plants), Outcome(setting)
    engine = Engine(world.clock.zone, setting.budget)
    features, weeks = Features(world.clock.zone), peers.Weeks()
    methods = [kind(setting.seed) for kind in peers.ALL] if setting.with_peers else []
    found: dict[str, list[Shown]] = {OURS: [], **{one.name: [] for one in methods}}
    for number in range(7 * (setting.warm + setting.weeks)):
        day = BEGIN + timedelta(days=number)
        raws = site.day(day)
        outcome.records += len(raws)
        for raw in raws:
            truth.take(raw.seq, raw.mark)
        events = [event(raw) for raw in raws]
        begun = time.process_time()
        engine.day(day, events)
        outcome.engine_s += time.process_time() - begun
        if methods:
            weeks.add(features.day(day, events))
        if day.weekday() != 6:
            continue
        scored = number >= 7 * setting.warm
        if methods:
            now, before = weeks.end()
            for method in methods if scored else ():
                found[method.name] += peers.shown(method, now, before, setting.budget)
        if scored:
            for item in engine.week(day - timedelta(days=6)):
                found[OURS].append(Shown(item.day, item.about, item.records, item.detector))
                outcome.words.append(f"{item.day} {item.score_bits} {item.detector} {item.words}")
    outcome.planted = [_told(one) for one in plants if not one.near]
    for name, items in found.items():
        outcome.shown[name] = [_judged(truth, one) for one in items]
    return outcome


def _told(one: Planted) -> dict[str, Any]:
    facts = {"name": one.name, "kind": one.kind, "strength": STRENGTHS[one.strength]}
    return facts | {"first": one.first, "about": dict(one.about)}


def _judged(truth: Truth, one: Shown) -> dict[str, Any]:
    plant = truth.planted(one)
    facts: Mapping[str, Any] = {"day": one.day, "said_by": one.said_by, "about": dict(one.about)}
    if plant is None:
        return {**facts, "plant": "", "near": False}
    return {**facts, "plant": plant.name, "near": plant.near, "first": plant.first}
