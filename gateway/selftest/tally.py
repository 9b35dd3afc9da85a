"""What was tried and what came of it, with what that proves."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.selftest.judge import Promises

CONFIDENCE = 0.95
FEW = 30
"""With fewer trials than this the rule of three is not near the exact bound, nor of any use."""


@dataclass(slots=True)
class Tally:
    """The trials of one kind; `faults` says what was wrong, which should be nothing."""

    kind: str
    tried: int = 0
    records: int = 0
    """Records in the logs at the end."""
    promised: int = 0
    """Records, acts and checkpoints that the gateway had told somebody of before a crash."""
    opened: int = 0
    """Doors that were unlocked."""
    unsynced: int = 0
    """Writes, sizes and names that were not synced when the power went."""
    gone: int = 0
    """Those of them of which nothing was left."""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def take(self, promises: Promises) -> None:
        """Count what one trial promised."""
        self.tried += 1
        self.promised += len(promises.records) + len(promises.acts) + len(promises.heads)
        self.opened += promises.opened
        self.unsynced += promises.unsynced
        self.gone += promises.gone


def highest_rate(trials: int) -> float:
    """How often a fault can happen at most, with CONFIDENCE, if none happened in `trials`
    independent trials; 1.0 for none.

    The exact bound is 1 - 0.05^(1/n).  The rule of three (Hanley and Lippman-Hand, JAMA 1983) says
    3/n, which is a little higher.
    """
    return min(1.0, 3 / trials) if trials else 1.0
