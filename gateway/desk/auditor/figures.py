"""How many records of some days there are: by kind, door and criterion.

Every figure is the number of records that a filter finds, so each can name its records.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.desk.auditor.filters import Wanted, criteria_of
from gateway.desk.auditor.look import place
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.ledger.rows import CHUNK

LONGEST_S = 4.0  # a month of a busy gate


@dataclass(slots=True)
class Figures:
    """Counted records.  `doors` counts per door those let through and those refused.  `whole` is
    False if the time was not enough; then the figures are worth nothing."""

    total: int = 0
    types: Counter[str] = field(default_factory=Counter)
    doors: dict[str, Counter[str]] = field(default_factory=dict)
    criteria: Counter[str] = field(default_factory=Counter)
    whole: bool = True


def counted(
    ledger: LedgerReader,
    wanted: Wanted,
    *,
    may: Callable[[Event], bool] = lambda event: True,
    longest_s: float = LONGEST_S,
    clock: Callable[[], float] = time.monotonic,
) -> Figures:
    """The figures of the records that are asked for, by the rules of `look.page`.  Raises
    LedgerUnavailable."""
    begun, marks = clock(), wanted.marks
    oldest, end = ledger.oldest_seq, ledger.last_seq
    if wanted.until:
        end = min(end, place(ledger, wanted.until, oldest, end) + CHUNK)
    found = Figures()
    while end >= oldest:
        begin = max(oldest - 1, end - CHUNK)
        for event in ledger.holding(begin, end, marks):
            if not (wanted.fits(event) and may(event)):
                continue
            found.total += 1
            found.types[event.type] += 1
            found.criteria.update(criteria_of(event))
            if event.type in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED):
                found.doors.setdefault(event.subject, Counter())[event.type] += 1
        if wanted.since and not ledger.any_since(begin, end, wanted.since):
            break
        end = begin
        if clock() - begun > longest_s:
            found.whole = False
            break
    return found
