"""``make bench ARGS=patterns``: the figures of docs/patterns-evaluation.md.

Detectors are chosen and tuned on seeds 1 to 5; this reports seeds 6 to 25.  ``GARITA_PATTERNS`` has
other values: ``short`` (three small sites), or ``people=1000 seeds=6-9``.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.figures import say
from benchmarks.patterns import peers
from benchmarks.patterns.score import Score, scored, wilson
from benchmarks.patterns.trial import OURS, Outcome, Setting, run
from benchmarks.site.incidents import KINDS, NEAR, STRENGTHS

PEOPLE = 500
YEAR_WEEKS = 42


async def bench(folder: Path) -> None:
    """All figures of this theme."""
    del folder
    wanted = os.environ.get("GARITA_PATTERNS", "")
    short = wanted == "short"
    people = int(_option(wanted, "people", "250" if short else str(PEOPLE)))
    first, last = _range(_option(wanted, "seeds", "6-8" if short else "6-25"))
    clean_first, clean_last = _range(_option(wanted, "clean", "6-6" if short else "6-9"))
    settings = [Setting(seed, people) for seed in range(first, last + 1)]
    settings += [
        Setting(seed, people, weeks=YEAR_WEEKS, incidents=False, with_peers=False)
        for seed in range(clean_first, clean_last + 1)
    ]
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        outcomes = list(pool.map(run, settings))
    report(
        [one for one in outcomes if one.setting.incidents],
        [one for one in outcomes if not one.setting.incidents],
    )


def report(planted: list[Outcome], clean: list[Outcome]) -> None:
    """Print the figures."""
    print("  who wrote the simulator wrote the detectors: a real site will be harder")
    setting = planted[0].setting
    scores = scored(planted)
    ours = scores[OURS]
    rate = ours.planted / ours.weeks
    bound = min(1.0, setting.budget / rate)
    say("sites, people, weeks scored", f"{len(planted)}, {setting.people}, {setting.weeks}")
    say("planted a week, near-misses a week", f"{rate:.2f}, {setting.near}")
    say("shown a week at most; bound of recall", f"{setting.budget}; {bound:.2f}")
    for name, score in scores.items():
        say(f"{name}: recall", f"{score.recall:.2f} ({score.found} of {score.planted})")
        low, high = wilson(score.right, score.shown)
        say(
            "  of what is shown, planted (95 %)",
            f"{score.precision:.2f} ({low:.2f} to {high:.2f}) of {score.shown}",
        )
        say("  days to detection, median", f"{score.median_days:.0f}")
        say("  false a week (near-misses among them)", f"{score.false_a_week:.2f} ({score.near})")
    best = max(scores[peer(0).name].recall for peer in peers.ALL)
    for kind in (peers.Ecod, peers.Rules):
        other = scores[kind.name].recall
        say(f"recall, times that of {kind.name}", f"{ours.recall / max(other, 1e-9):.1f}", "2")
    say("recall of the best peer", f"{best:.2f}")
    _by(ours, "strength", STRENGTHS)
    _by(ours, "kind", KINDS)
    if clean:
        year = scored(clean)[OURS]
        say(
            f"clean sites ({len(clean)}), {clean[0].setting.weeks} weeks: false a week",
            f"{year.false_a_week:.2f} ({year.near} of {year.shown} near-misses)",
            "1",
        )
        say("  by detector", ", ".join(f"{k} {n}" for k, n in sorted(year.wrong_by.items())))
    records = sum(one.records for one in (*planted, *clean))
    took = sum(one.engine_s for one in (*planted, *clean))
    say("records, and seconds of all patterns over them", f"{records}, {took:.0f}")
    say("kinds planted, kinds of near-miss", f"{len(KINDS)}, {len(NEAR)}")


def _by(score: Score, title: str, keys: tuple[str, ...]) -> None:
    parts = (f"{key} {score.by[key][0]}/{score.by[key][1]}" for key in keys if key in score.by)
    print(f"  found of planted by {title}: " + ", ".join(parts))


def _option(wanted: str, name: str, other: str) -> str:
    found = re.search(rf"\b{name}=([0-9-]+)", wanted)
    return found[1] if found else other


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
