"""Records before they have a number: what the simulator makes of one day, and how they become those
of a log.

A record may name another one (the grant that a door was opened for).  `refs` has the key of its
data and that other record; the number is put in when the day is in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config.criteria import standard
from gateway.ledger.event import Event, EventType


@dataclass(slots=True)
class Raw:
    """One record.  `at` is milliseconds since 1970, `seq` 0 until it has a number.  `mark` names
    the planted incident or the near-miss that it belongs to."""

    at: int
    type: str
    subject: str
    data: dict[str, Any]
    refs: tuple[tuple[str, Raw], ...] = ()
    seq: int = 0
    mark: str = ""


class Clock:
    """The site's time: minutes of a local day as milliseconds since 1970."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._days: dict[date, tuple[int, int]] = {}

    def ms(self, day: date, minutes: float) -> int:
        """The moment `minutes` after the day began; more than 1440 are of the next one."""
        known = self._days.get(day)
        if known is None:
            begin = datetime.combine(day, time(), self.zone).timestamp()
            noon = datetime.combine(day, time(12), self.zone).timestamp()
            known = self._days[day] = (int(begin * 1000), int((noon - begin - 43200) * 1000))
        # The clocks change at 2 in the morning.
        return known[0] + int(minutes * 60_000) + (known[1] if minutes >= 120 else 0)

    def text(self, day: date, minutes: float) -> str:
        """Likewise, as desk records have times (UTC, whole seconds)."""
        return utc(self.ms(day, minutes))[:19] + "Z"


@cache
def _date(day: int) -> str:
    return str(date(1970, 1, 1) + timedelta(days=day))


def utc(at: int) -> str:
    """Milliseconds since 1970 as records have times."""
    day, rest = divmod(at, 86_400_000)
    seconds, ms = divmod(rest, 1000)
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    return f"{_date(day)}T{h:02}:{m:02}:{s:02}.{ms:03}Z"


@cache
def marks(*keys: str, more: tuple[str, ...] = ()) -> Mapping[str, object]:
    """The criteria of these types and codes by the standard set, as records have them."""
    return standard().marks(*keys, more=more)


@cache
def _of_type(kind: str) -> Mapping[str, object]:
    return marks(kind) if standard().of(kind) else {}


class Day:
    """Takes the records of one day."""

    def __init__(self, clock: Clock, day: date) -> None:
        self.clock = clock
        self.day = day
        self.records: list[Raw] = []

    def put(
        self,
        minutes: float,
        kind: EventType,
        subject: str,
        data: dict[str, Any] | None = None,
        refs: tuple[tuple[str, Raw], ...] = (),
        mark: str = "",
    ) -> Raw:
        """Add a record; the log adds the criteria of its type, as the real one does."""
        data = {} if data is None else data
        if "criteria" not in data:
            data |= _of_type(kind)
        raw = Raw(self.clock.ms(self.day, minutes), str(kind), subject, data, refs, 0, mark)
        self.records.append(raw)
        return raw

    def text(self, minutes: float) -> str:
        """A moment of the day as desk records have it."""
        return self.clock.text(self.day, minutes)


def numbered(records: Iterable[Raw], last: int) -> list[Raw]:
    """The records in order of time with their numbers, which begin after `last`."""
    found = sorted(records, key=lambda raw: raw.at)
    for raw in found:
        last += 1
        raw.seq = last
    for raw in found:
        for key, other in raw.refs:
            raw.data[key] = other.seq
    return found


def event(raw: Raw) -> Event:
    """The record as the log gives it back, without its hashes."""
    return Event(raw.seq, f"sim-{raw.seq}", utc(raw.at), raw.type, raw.subject, raw.data, "", "")
