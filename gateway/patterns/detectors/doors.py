"""Doors: held or forced at the same hour, and granted where nobody entered, again and again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import number
from gateway.patterns.state import Books
from gateway.patterns.windows import HourBurst, Window, f1


class Doors(Detector):
    """Held and forced doors of two weeks, by door; the hours lying together adds to it."""

    key: ClassVar[str] = "doors"
    title = worded("A door held or forced again and again")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.DOOR_HELD, EventType.DOOR_FORCED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._window = HourBurst(books.book("doors"), days=7)
        self._today: list[tuple[str, int, int]] = []
        self._forced: dict[str, list[int]] = defaultdict(list)

    def take(self, seen: Seen) -> None:
        self._today.append((seen.event.subject, seen.minute, seen.event.seq))
        if seen.event.type == EventType.DOOR_FORCED:
            self._forced[seen.event.subject].append(seen.minute)

    def close(self, day: Day) -> Sequence[Candidate]:
        for door, minute, seq in self._today:
            self._window.add(door, day.number, minute, seq)
        found = []
        for door in dict.fromkeys(door for door, *_ in self._today):
            burst = self._window.burst(door, day.number, keys=10)
            words = worded(
                "the door {door} was held open or forced {n} times in a week", door=door, n=burst.n
            )
            about, shares, times = {"door": door}, [*burst.shares], self._forced[door]
            soon = max((sum(0 <= m - first < 60 for m in times) for first in times), default=0)
            if soon > 1:
                shares.append((worded("forced {n} times within an hour", n=soon), 3.0 * (soon - 1)))
            raw = sum(worth for _, worth in shares)
            found.append(self.candidate(day, raw, words, shares, about, burst.records))
        self.tests = 1.0 + len(found)
        self._today = []
        self._forced.clear()
        return found


class NoEntry(Detector):
    """Grants after which nobody entered, by the person who got them and by door."""

    key: ClassVar[str] = "no_entry"
    title = worded("Granted, and nobody entered")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED, EventType.DOOR_NO_ENTRY})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._people = Window(books.book("people"))
        self._doors = Window(books.book("doors"), days=7)
        self._site = books.book("site")
        self._passes = books.book("passes")  # person: grants a day, of days on which they are here
        self._grants: dict[int, tuple[str, str]] = {}
        self._today: list[tuple[str, str, str, int]] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        if event.type == EventType.ACCESS_GRANTED:
            self._grants[event.seq] = (seen.who, seen.name)
            return
        grant = number(data, "grant")
        who, name = self._grants.get(int(grant or 0), ("", ""))
        self._today.append((event.subject, who, name, event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        for who, n in Counter(who for who, _ in self._grants.values()).items():
            before = self._passes.get(who, float(n))
            self._passes.put(who, round(before + 0.1 * (n - before), 2))
        known = self._site.open("people", lambda: [0])
        known[0] = max(known[0], len({who for who, _ in self._grants.values()}))
        for door, who, _, seq in self._today:
            self._doors.add(door, day.number, seq)
            if who:
                self._people.add(who, day.number, seq)
        self.tests = float(len(self._today) + 1)
        found = [*self._by_person(day, known[0]), *self._by_door(day)]
        newest = sorted(self._grants)[-50:]
        self._grants = {seq: self._grants[seq] for seq in newest}
        self._today = []
        return found

    def _by_person(self, day: Day, people: int) -> Iterator[Candidate]:
        names = {who: name for _, who, name, _ in self._today if who}
        mean = max(1.0, sum(self._passes.values()) / max(1, len(self._passes)))
        for who, name in names.items():
            most = max(1.0, self._passes.get(who, 1.0) / mean)
            burst = self._people.burst(who, day.number, keys=people, active=most)
            words = worded(
                "{name} was granted {n} times in two weeks without anybody entering",
                name=name,
                n=burst.n,
            )
            usual = worded("{usual} are usual", usual=f1(burst.expected))
            yield self.candidate(
                day, burst.bits, words, [(usual, burst.bits)], {"person": who}, burst.records
            )

    def _by_door(self, day: Day) -> Iterator[Candidate]:
        for door in dict.fromkeys(door for door, *_ in self._today):
            burst = self._doors.burst(door, day.number, keys=5, shape=3.0)
            words = worded(
                "at {door} nobody entered after {n} grants of the last week", door=door, n=burst.n
            )
            usual = worded("{usual} are usual", usual=f1(burst.expected))
            yield self.candidate(
                day, burst.bits, words, [(usual, burst.bits)], {"door": door}, burst.records
            )
