"""Rare things by subject: when each happened, so that a burst of the last days stands against what
was usual before.

What was usual is counted without the last `days`, so that a burst is not its own excuse, and it is
frozen: what came after the first `FROZEN` days may make it half as much again and no more.  A slow
growth over months so stays visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.locale import Message, worded
from gateway.patterns.state import Book
from gateway.patterns.surprise import count_bits, shrunk

FROZEN = 84


@dataclass(frozen=True, slots=True)
class Burst:
    """How often something happened in the last days, what was to be expected, the bits of that, and
    the numbers of the records."""

    n: int
    expected: float
    bits: float
    records: tuple[int, ...]


class Window:
    """Events by subject, in a book: key to [how many up to day FROZEN, how many before the window,
    the [day number, record] of the window].  `weight` is how many days the group counts like."""

    def __init__(self, book: Book, days: int = 14, weight: float = 28.0) -> None:
        self._book = book
        self._days = days
        self._weight = weight
        self._at = -1
        self._total = 0

    def add(self, key: str, day: int, seq: int) -> None:
        """It happened on day number `day`, as record `seq` shows."""
        self._fold(key, day)[2].append([day, seq])

    def burst(
        self, key: str, day: int, *, keys: int = 0, shape: float = 1.5, active: float = 1.0
    ) -> Burst:
        """The last days of `key` against its own past and that of all.

        `keys` is how many subjects there are, if the book does not have those without any; `active`
        how much more than the average subject this one does at all.
        """
        first, old, recent = self._fold(key, day)
        past = max(0, day - self._days + 1)
        every = max(keys, len(self._book), 1)
        group = active * (self._old(day) + 0.5) / (every * past + self._weight)
        rate = shrunk(old, past, group, self._weight)
        if past > FROZEN:
            rate = min(rate, 1.5 * shrunk(first, FROZEN, group, self._weight))
        expected = rate * self._days
        records = tuple(seq for _, seq in recent)
        return Burst(len(recent), expected, count_bits(len(recent), expected, shape), records)

    def _fold(self, key: str, day: int) -> Any:
        """The entry, with what is older than the window only counted."""
        entry = self._book.open(key, lambda: [0, 0, []])
        recent = entry[2]
        while recent and recent[0][0] <= day - self._days:
            at, _ = recent.pop(0)
            entry[1] += 1
            entry[0] += at <= FROZEN
        return entry

    def _old(self, day: int) -> int:
        """Events of all subjects before the window; counted once a day."""
        if self._at != day:
            begin = day - self._days
            self._at = day
            self._total = sum(
                old + sum(1 for at, _ in recent if at <= begin)
                for _, old, recent in self._book.values()
            )
        return self._total


@dataclass(frozen=True, slots=True)
class Hourly:
    """A burst with its shares: how many at all, and how many at about the same hour."""

    n: int
    bits: float
    shares: tuple[tuple[Message, float], ...]
    records: tuple[int, ...]


class HourBurst:
    """Like `Window`, with the hour: a few at the same hour of the day, where there never were any,
    are more than a few.  Key to [by hour before the window, the window's [day, minute, record]]."""

    def __init__(self, book: Book, days: int = 14, weight: float = 28.0, apart: int = 0) -> None:
        self._book = book
        self._days = days
        self._weight = weight
        self._apart = apart

    def add(self, key: str, day: int, minute: int, seq: int) -> None:
        """It happened on day number `day` at that minute of the day, as record `seq` shows."""
        recent = self._fold(key, day)[1]
        # What happens again within an hour and a half is one thing that goes on, for the count.
        if recent and recent[-1][0] == day and minute - recent[-1][1] < self._apart:
            return
        recent.append([day, minute, seq])

    def burst(self, key: str, day: int, *, keys: int = 1) -> Hourly:
        """The last days of `key`."""
        hours, recent = self._fold(key, day)
        past = max(0, day - self._days + 1)
        every = max(keys, len(self._book), 1)
        total = sum(sum(one[0]) for one in self._book.values())
        group = (total + 0.5) / (every * past + self._weight)
        rate = shrunk(sum(hours), past, group, self._weight)
        whole = count_bits(len(recent), rate * self._days, 1.5)
        near, at = _cluster([minute for _, minute, _ in recent])
        hour = at // 60
        mine = hours[hour] + (hours[hour - 1] + hours[(hour + 1) % 24]) / 2
        share = (mine + 2.0 * _WIDE / 24) / (sum(hours) + 2.0)
        expected = min(1.0, share) * rate * self._days
        same = max(0.0, count_bits(near, expected, 1.5) - _HOURS_BITS) if near > 1 else 0.0
        shares = [
            (
                worded(
                    "{n} times in {days} days, {usual} are usual",
                    n=len(recent),
                    days=self._days,
                    usual=f1(rate * self._days),
                ),
                whole,
            )
        ]
        if same > whole:
            clock = str(hour).zfill(2)
            words = worded("{n} of them at about {hour}:00", n=near, hour=clock)
            shares.append((words, same - whole))
        records = tuple(seq for _, _, seq in recent)
        return Hourly(len(recent), max(whole, same), tuple(shares), records)

    def _fold(self, key: str, day: int) -> Any:
        entry = self._book.open(key, lambda: [[0.0] * 24, []])
        recent = entry[1]
        while recent and recent[0][0] <= day - self._days:
            _, minute, _ = recent.pop(0)
            entry[0][minute // 60] += 1
        return entry


_WIDE = 2.0
_HOURS_BITS = 3.0
"""So many independent hours a day were looked at."""


def f1(value: float) -> str:
    """A number for a sentence: two digits that count."""
    return f"{value:.2g}"


def _cluster(minutes: Sequence[int]) -> tuple[int, int]:
    """How many lie within half an hour of one of them, and of which."""
    best, at = 0, 0
    for minute in minutes:
        near = sum(1 for other in minutes if abs((other - minute + 720) % 1440 - 720) <= 30)
        if near > best:
            best, at = near, minute
    return best, at
