"""Log lines that come again and again: the first are written, the others counted.

Somebody who floods the gateway with nonsense would else write thousands of lines, which hide the
one that counts and wear out a memory card.  Lines are alike when the same place in the code writes
them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

BURST = 20  # lines of one place in EVERY_S that are written
EVERY_S = 60.0
MOST_PLACES = 2000  # there are some hundred; more would be a fault of ours


@dataclass(slots=True)
class _Place:
    since: float
    passed: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`count` lines like `last` were left out in `seconds`."""

    last: logging.LogRecord
    count: int
    seconds: float


class Repeats:
    """Says for each line whether it is written.  Times are monotonic seconds."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], _Place] = {}
        self._counting: set[tuple[str, int]] = set()
        self.left_out = 0
        """Lines left out since the start."""

    def admit(self, record: logging.LogRecord, now: float) -> bool:
        """Whether to write this line.  What is for debugging is always written."""
        if record.levelno <= logging.DEBUG:
            return True
        key = (record.pathname, record.lineno)
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= MOST_PLACES:
                return True
            place = self._places[key] = _Place(now)
        elif now - place.since >= EVERY_S and not place.left_out:
            place.since, place.passed = now, 0
        if place.passed < BURST:
            place.passed += 1
            return True
        place.left_out += 1
        place.last = record
        self.left_out += 1
        self._counting.add(key)
        return False

    def due(self, now: float, *, ends: bool = False) -> list[LeftOut]:
        """What was left out at places whose time is over (with `ends` at all places).  They begin
        anew."""
        found = []
        for key in [k for k in self._counting if ends or now - self._places[k].since >= EVERY_S]:
            place = self._places[key]
            assert place.last is not None
            found.append(LeftOut(place.last, place.left_out, now - place.since))
            self._places[key] = _Place(now)
            self._counting.discard(key)
        return found
