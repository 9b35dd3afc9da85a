"""Badges on record: what the log holds of cards that were read and faces that were known.

Each record has a mark, by which it is matched with a list: the fingerprint of the badge, or the
person whose face came without one.  Reads the log, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType

CHUNK = 2000
FACE = "face of "  # no fingerprint has a blank
_DECISIONS = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)


def badges(
    records: LedgerReader, since: datetime, progress: Callable[[int], None] | None = None
) -> Iterator[Event]:
    """The access decisions on record since `since` (aware) that have a mark, in order.

    `progress` is called now and then with how many there were so far.  Raises LedgerUnavailable.
    """
    count = 0

    def told(_seq: int) -> None:
        if progress is not None:
            progress(count)

    for event in decisions(records, since, told):
        if mark(event):
            count += 1
            yield event


def decisions(
    records: LedgerReader, since: datetime, progress: Callable[[int], None] | None = None
) -> Iterator[Event]:
    """All access decisions on record since `since` (aware), in order, with or without a mark.

    `progress` is called after each chunk with the number of its last record.  Raises
    LedgerUnavailable.
    """
    start = since.timestamp()
    seq, last = first_since(records, since) - 1, records.last_seq
    while seq < last:
        events = records.after(seq, CHUNK)
        if not events:
            return
        seq = events[-1].seq
        if progress is not None:
            progress(seq)
        yield from (
            event for event in events if event.type in _DECISIONS and time_of(event) >= start
        )


def mark(event: Event) -> str:
    """The mark of a record: the badge's fingerprint, or the person whose face came without a
    badge; "" for a record of neither."""
    badge, person = event.data.get("credential"), event.data.get("person")
    if isinstance(badge, dict):
        found = badge.get("fingerprint")
        return found if isinstance(found, str) else ""
    if "identified" in event.data and isinstance(person, dict):
        return FACE + str(person.get("id", ""))
    return ""


def first_since(records: LedgerReader, since: datetime) -> int:
    """The first record that may be as new as `since` (aware), by binary search.

    Records are in order of time, except where the clock was set; a day to spare covers that.
    """
    start = since.timestamp()
    low, high = 1, records.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        event = records.get(middle)
        if event is not None and time_of(event) < start - 86400:
            low = middle + 1
        else:
            high = middle
    return low


def time_of(event: Event) -> float:
    try:
        return datetime.fromisoformat(event.time).timestamp()
    except (ValueError, OverflowError):
        return 0.0
