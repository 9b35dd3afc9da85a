"""Planted incidents and near-misses, and the plan of when which happens at a site."""

from __future__ import annotations

import random
from datetime import date, timedelta

from benchmarks.site.incidents.base import STRENGTHS, Planted, working
from benchmarks.site.incidents.freight import FREIGHT
from benchmarks.site.incidents.near import NEAR
from benchmarks.site.incidents.people import PEOPLE
from benchmarks.site.incidents.things import THINGS
from benchmarks.site.world import World

INCIDENTS: tuple[type[Planted], ...] = (*FREIGHT, *PEOPLE, *THINGS)
KINDS = tuple(one.kind for one in INCIDENTS)


def scheduled(
    world: World, monday: date, weeks: int, *, incidents: bool = True, near: int = 3
) -> list[Planted]:
    """Three or four incidents and `near` near-misses in each week from `monday` on.

    Kinds come in turn, in an order by lot, so that each one is planted about as often; strengths by
    lot.  `incidents` False gives a clean site, with near-misses only.
    """
    rng = random.Random(f"{world.shape.seed}/schedule")
    found: list[Planted] = []
    bags: dict[bool, list[type[Planted]]] = {True: [], False: []}

    def next_kind(is_near: bool) -> type[Planted]:
        if not bags[is_near]:
            bags[is_near] = list(NEAR if is_near else INCIDENTS)
            rng.shuffle(bags[is_near])
        return bags[is_near].pop()

    for week in range(weeks):
        begin = monday + timedelta(days=7 * week)
        planted = rng.choice((3, 3, 4, 4)) if incidents else 0
        for is_near in [False] * planted + [True] * near:
            kind = next_kind(is_near)
            latest = max(0, min(4, 7 - kind.lasts))
            days = [begin + timedelta(days=n) for n in range(latest + 1)]
            first = rng.choice([one for one in days if working(one)] or days)
            found.append(kind(world, first, rng.randrange(3), len(found) + 1))
    return found


__all__ = ["INCIDENTS", "KINDS", "NEAR", "STRENGTHS", "Planted", "scheduled"]
