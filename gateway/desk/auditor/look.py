"""Records that fit, the newest first and a page at a time, out of a log of any length.

A page is looked for no longer than a stated time, so that nobody who asks for what is rare keeps
the console busy.  The answer says from which record on to look further.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median_low

from gateway.desk.auditor.filters import Wanted
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.ledger.rows import CHUNK

PAGE = 50
LONGEST_S = 1.0  # nobody waits longer for a page without a word
_PROBE = 15  # records whose times are compared, so that one with a wrong time leads nowhere


@dataclass(frozen=True, slots=True)
class Page:
    """`events` that fit, the newest first.  `before` is the number before which to look further; 0
    if all records were looked at."""

    events: list[Event] = field(default_factory=list)
    before: int = 0


def page(
    ledger: LedgerReader,
    wanted: Wanted,
    *,
    before: int = 0,
    may: Callable[[Event], bool] = lambda event: True,
    count: int = PAGE,
    longest_s: float = LONGEST_S,
    clock: Callable[[], float] = time.monotonic,
) -> Page:
    """Up to `count` records before the one of number `before` (0: from the newest); `may` says
    which of them this reader may see.

    Where a day ends is found by the times of records, which rise but for a clock that was set.  A
    record that stands more than 2,000 numbers from its time is not found by its day.  (An export
    goes through all records and has it.)  Raises LedgerUnavailable.
    """
    begun, marks = clock(), wanted.marks
    last = ledger.last_seq
    oldest = ledger.oldest_seq
    end = min(before - 1, last) if before else last
    if wanted.until:
        end = min(end, place(ledger, wanted.until, oldest, last) + CHUNK)
    found: list[Event] = []
    while end >= oldest:
        begin = max(oldest - 1, end - CHUNK)
        for event in ledger.holding(begin, end, marks):
            if wanted.fits(event) and may(event):
                found.append(event)
                if len(found) == count:
                    return Page(found, event.seq if event.seq > oldest else 0)
        if wanted.since and not ledger.any_since(begin, end, wanted.since):
            return Page(found)
        end = begin
        if clock() - begun > longest_s:
            return Page(found, end + 1 if end >= oldest else 0)
    return Page(found)


def place(ledger: LedgerReader, moment: str, oldest: int, last: int) -> int:
    """About the first record from `moment` (RFC 3339 text in UTC) or later: a search by halves,
    which takes the middle one of some neighbours' times."""
    low, high = oldest, last + 1
    while low < high:
        middle = (low + high) // 2
        near = ledger.after(middle - 1, _PROBE)
        if not near or median_low([event.time for event in near]) >= moment:
            high = middle
        else:
            low = middle + 1
    return low
