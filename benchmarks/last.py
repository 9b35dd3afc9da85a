"""The last run that was committed (last.json), and what moved since.

A time is kept as a multiple of the floor that was measured beside it in the same run
(benchmarks/floor.py), a rate as how many in the time of the floor.  So a run on another machine, or
beside other work, can be compared.  Everything else (megabytes, shares, counts) is kept as it is.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import numbers

PATH = Path(__file__).with_name("last.json")
MOVED = 0.2  # a figure that moved by more than this share is marked
_MS = {"s": 1000.0, "ms": 1.0, "µs": 0.001}
_UNIT = re.compile(r"\(([^()\s,]+)[^()]*\)(?!.*\()")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run.  `load` is the load average of the last minute before and after it,
    `floor_ms` the floor beside it; `figures` are by name, each with its numbers (median, p99)."""

    date: str
    commit: str
    machine: str
    load: tuple[float, float]
    floor_ms: float
    figures: Mapping[str, Mapping[str, float]]


def scaled(told: Mapping[str, str], floor_ms: float) -> dict[str, dict[str, float]]:
    """What was printed, as it is kept: by its name, without what holds words only."""
    found = {}
    for name, value in told.items():
        factor = _factor(name, floor_ms)
        if kept := {which: _short(n * factor) for which, n in numbers(value).items()}:
            found[name] = kept
    return found


def _factor(name: str, floor_ms: float) -> float:
    """Of a figure's own name: what stands under "... (ms) > ratio" is no time."""
    unit = found[1] if (found := _UNIT.search(name.rpartition(" > ")[2])) else ""
    if unit in _MS:
        return _MS[unit] / floor_ms
    return floor_ms / 1000 if unit.endswith("/s") else 1.0


def _short(value: float) -> float:
    """Four digits: more would only be noise in a diff."""
    return float(f"{value:.4g}")


def load() -> dict[str, Part]:
    """The parts of the last run that was committed; none before the first."""
    if not PATH.exists():
        return {}
    parts = json.loads(PATH.read_text(encoding="utf-8"))
    return {name: Part(**{**part, "load": tuple(part["load"])}) for name, part in parts.items()}


def save(parts: Mapping[str, Part]) -> None:
    """Put these parts in the place of those of before; the others stay."""
    kept = {name: asdict(part) for name, part in sorted({**load(), **parts}.items())}
    PATH.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(before: Mapping[str, Part], now: Mapping[str, Part]) -> Iterator[str]:
    """Lines for people: each figure of `now` beside that of `before`."""
    for name, part in now.items():
        old = before.get(name)
        beside = f"; before: {old.date}, {old.commit}, load {old.load[0]}" if old else ""
        yield f"\n{name}   (floor {part.floor_ms:.2f} ms, load {part.load[0]}{beside})"
        wide = max((len(figure) for figure in part.figures), default=0) + len(" median")
        for figure, values in part.figures.items():
            for which, value in values.items():
                was = old.figures.get(figure, {}).get(which) if old else None
                yield f"  {f'{figure} {which}'.strip():<{wide}} {_beside(was, value)}"


def _beside(was: float | None, value: float) -> str:
    if was is None:
        return f"{'new':>10} {value:>10.4g}"
    line = f"{was:>10.4g} {value:>10.4g}"
    if was == value:
        return line
    moved = (value - was) / abs(was) if was else float("inf")
    return f"{line} {moved:>+8.0%}{'  moved' if abs(moved) > MOVED else ''}"


def commit() -> str:
    """The commit that is checked out; a plus sign says that files were changed since."""
    here = PATH.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=here, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (
        "+" if git("status", "--porcelain", "-uno") else ""
    )
