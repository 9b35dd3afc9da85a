"""``python -m benchmarks.patterns SEEDS PEOPLE WEEKS``: a look while somebody tunes a detector."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

from benchmarks.patterns.score import scored
from benchmarks.patterns.trial import OURS, Setting, run


def main() -> None:
    """Run seeds such as ``1-3``; with ``clean`` nothing is planted but near-misses; ``words`` shows
    every finding; ``peers`` runs them too."""
    first, _, last = sys.argv[1].partition("-")
    people, weeks = int(sys.argv[2]), int(sys.argv[3])
    clean, words, with_peers = (word in sys.argv for word in ("clean", "words", "peers"))
    seeds = range(int(first), int(last or first) + 1)
    settings = [
        Setting(seed, people, weeks=weeks, incidents=not clean, with_peers=with_peers)
        for seed in seeds
    ]
    with ProcessPoolExecutor(2 if len(settings) > 1 else 1) as pool:
        outcomes = list(pool.map(run, settings))
    for name, score in scored(outcomes).items():
        print(
            f"{name:18} recall {score.recall:.2f} ({score.found}/{score.planted})  precision "
            f"{score.precision:.2f} of {score.shown}  near-misses {score.near}  false a week "
            f"{score.false_a_week:.2f}  days {score.median_days}"
        )
    ours = scored(outcomes)[OURS]
    print("  ".join(f"{key} {a}/{b}" for key, (a, b) in sorted(ours.by.items())))
    print("wrong:", dict(ours.wrong_by))
    print(f"{sum(o.records for o in outcomes)} records, {sum(o.engine_s for o in outcomes):.1f} s")
    for outcome in outcomes if words else ():
        met = {item["plant"] for item in outcome.shown[OURS]}
        for one in outcome.planted:
            if one["name"] not in met:
                print("missed", one["name"], one["strength"], one["first"], one["about"])
        judged = outcome.shown[OURS]
        for text, item in zip(outcome.words, judged, strict=True):
            print(item["plant"] or "-", text)


if __name__ == "__main__":
    main()
