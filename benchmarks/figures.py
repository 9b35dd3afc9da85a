"""Medians, percentiles, and the one way to print a figure beside its goal and to keep it.

`say` prints each figure and keeps it in `told`, from which `benchmarks/last.py` makes the
comparison with the last run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

told: dict[str, str] = {}
"""What was measured in this part, as it was printed, by its name."""
_heading = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> str:
    """Median, 99th percentile and worst, in the unit given."""
    return (
        f"median {percentile(values, 0.5):.2f}  p99 {percentile(values, 0.99):.2f}  "
        f"worst {max(values):.2f}  (n={len(values)})"
    )


def say(what: str, value: str, goal: str = "") -> None:
    """One line: what was measured, with its unit in brackets, the figure, and what it should be.

    A name that begins with two spaces belongs to the line above.
    """
    global _heading  # noqa: PLW0603 - one run prints one line after the other
    print(f"  {what:<52} {value}{f'   [goal: {goal}]' if goal else ''}", flush=True)
    if not what.startswith(" "):
        _heading = what
    name = f"{_heading} > {what.strip()}" if what.startswith(" ") else what
    told[name] = value


def numbers(value: str) -> dict[str, float]:
    """The numbers of a printed figure that two runs can be compared by: ``{"median": 1.6, ...}``,
    ``{"": 60.0}`` for a bare one, {} for words."""
    found = re.findall(r"\b(median|mean|p50|p95|p99) ([\d.,]+)", value)
    if not found and (bare := re.fullmatch(r"\+?(-?[\d.,]+) ?(?:%|µs|ms|s|MB)?", value.strip())):
        found = [("", bare[1])]
    return {name: float(number.replace(",", "")) for name, number in found}


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def family_mb(pid: int) -> float:
    """Memory of a process and its children, MB: the proportional set size, in which a page that
    several share counts once."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    children = " ".join(
        path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/children")
    )
    return int(line.split()[1]) / 1024 + sum(family_mb(int(child)) for child in children.split())
