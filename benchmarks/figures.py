"""Medians, percentiles and one way to print a figure beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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
    """One line: what was measured, the figure, and what it should be."""
    print(f"  {what:<52} {value}{f'   [goal: {goal}]' if goal else ''}", flush=True)


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
