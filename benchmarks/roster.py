"""A personnel list of a quarter of a million people."""

from __future__ import annotations

import random
import time
from pathlib import Path

from benchmarks.figures import say, spread
from benchmarks.latency import GOAL, taps
from demo.rig import Rig
from gateway.model import Credential
from gateway.roster import Roster

PEOPLE = 250_000
HEAD = "id,name,company,role,valid_from,valid_until,status,credentials,access_levels"


def write(path: Path, changed: int = 0) -> Path:
    """A list; the first `changed` people have another role than before."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD + "\n")
        for n in range(PEOPLE):
            role = "Foreman" if n < changed else "Welder"
            file.write(
                f"e{n},Person {n},Company {n % 500},{role},2026-01-01,2035-12-31,active,"
                f"em4100:18:{n},plant\n"
            )
    return path


async def run(folder: Path) -> None:
    rig = Rig(folder, pulse_s=30.0)
    for what, changed in (("first sync", 0), ("sync with 1,000 changes", 1000)):
        path = write(folder / "people.csv", changed)
        begun = time.monotonic()
        await rig.acli("people", "sync", str(path), "--apply")
        say(
            f"{what}, {PEOPLE:,} people (s, whole command)",
            f"{time.monotonic() - begun:.1f}",
            "30 s",
        )
    roster = Roster(rig.people_path)
    random.seed(1)
    took = []
    for _ in range(5000):
        badge = Credential("em4100", "18", str(random.randrange(PEOPLE)))
        begun = time.perf_counter()
        assert roster.find(badge).person is not None
        took.append((time.perf_counter() - begun) * 1e6)
    say("look-up of a badge (µs)", spread(took))
    await rig.start()
    await taps(rig, 20)
    say("badge to relay with this list (ms)", spread(await taps(rig, 600, 200_001)), GOAL)
    await rig.stop()
