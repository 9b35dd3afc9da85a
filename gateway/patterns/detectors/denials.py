"""Denials bunched by one person, one unknown badge, or one door in one hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import need
from gateway.patterns.state import Books
from gateway.patterns.surprise import count_bits, shrunk

_FADE = 0.995
"""What a day's counts are worth a day later: half after some 140 days."""


class Denials(Detector):
    """Counts of a day against the person's own days (shrunk towards all people's), and of a door's
    hour against that hour at that door."""

    key: ClassVar[str] = "denials"
    title = worded("Refusals in a bunch")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_DENIED, EventType.ACCESS_GRANTED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._people = books.book("people")  # id: [denials, days seen]
        self._doors = books.book("doors")  # door/hour/weekend: [denials, days]
        self._site = books.book("site")  # "all": [denials, person days, sum of squares]
        self._clear()

    def _clear(self) -> None:
        self._denied: dict[str, list[tuple[str, int, float]]] = defaultdict(
            list
        )  # person: door, seq, when
        self._unknown: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._hours: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        self._names: dict[str, str] = {}
        self._here: set[str] = set()
        self._open: set[str] = set()

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who, name = seen.who, seen.name
        door = need(data, "door")
        self._open.add(door)
        if who:
            self._here.add(who)
        if event.type != EventType.ACCESS_DENIED:
            return
        if who:
            self._names[who] = name
            self._denied[who].append((door, event.seq, seen.at))
        elif badge := data.get("credential"):
            self._unknown[need(badge, "fingerprint")].append((door, event.seq))
        self._hours[door, seen.hour].append((who or "?", event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = [*self._by_person(day), *self._by_badge(day), *self._by_door(day)]
        self._learn(day)
        self._clear()
        return found

    def _rate(self) -> tuple[float, float]:
        """Denials of a person in a day, and the shape of that count, over all people."""
        denials, days, squares = self._site.get("all", [0.0, 0.0, 0.0])
        mean = (denials + 1) / (days + 50)
        over = squares / days - mean * mean - mean if days else 0.0
        return mean, min(5.0, max(0.05, mean * mean / over)) if over > 0 else 1.0

    def _by_person(self, day: Day) -> Iterator[Candidate]:
        mean, shape = self._rate()
        self.tests += len(self._here)
        for who, hits in self._denied.items():
            own, days = self._people.get(who, [0.0, 0.0])
            tries = _tries(hits)
            expected = shrunk(own, days, mean, 20.0)
            doors = {door for door, *_ in hits}
            raw = count_bits(tries, expected, max(shape, min(own, 5.0)))
            usual = worded("{usual} a day are usual for this person", usual=_dec(expected))
            shares = [(usual, raw)]
            if len(doors) > 2:
                more = 2.0 * (len(doors) - 2)
                shares.append((worded("at {n} doors", n=len(doors)), more))
                raw += more
            words = worded(
                "{name} was refused {n} times on one day", name=self._names[who], n=len(hits)
            )
            yield self.candidate(
                day, raw, words, shares, {"person": who}, [seq for _, seq, _ in hits]
            )

    def _by_badge(self, day: Day) -> Iterator[Candidate]:
        mean, shape = self._rate()
        self.tests += len(self._unknown)
        for badge, hits in self._unknown.items():
            doors = {door for door, _ in hits}
            raw = count_bits(len(hits), max(mean, 0.5), shape) + 3.0 * (len(doors) - 1)
            words = worded(
                "one unknown badge was shown {n} times at {doors} doors",
                n=len(hits),
                doors=len(doors),
            )
            yield self.candidate(
                day, raw, words, [(words, raw)], {"badge": badge}, [seq for _, seq in hits]
            )

    def _by_door(self, day: Day) -> Iterator[Candidate]:
        self.tests += 24 * len(self._open)
        for (door, hour), hits in self._hours.items():
            denials, days = self._doors.get(_slot(door, hour, day), [0.0, 0.0])
            own = shrunk(denials, days, 0.2, 5.0)
            each: dict[str, int] = defaultdict(int)
            for who, _ in hits:
                each[who] += 1
            # One person who tries again and again is that person's matter, not the door's.
            raw = count_bits(sum(min(2, n) for n in each.values()), own, 1.0)
            words = worded(
                "{n} refusals at {door} from {hour}:00 to {hour}:59, of {people} people or badges",
                n=len(hits),
                door=door,
                hour=str(hour).zfill(2),
                people=len(each),
            )
            usual = worded("{usual} are usual at that hour", usual=_dec(own))
            about = {"door": door, "hour": str(hour)}
            yield self.candidate(day, raw, words, [(usual, raw)], about, [s for _, s in hits])

    def _learn(self, day: Day) -> None:
        site = self._site.open("all", lambda: [0.0, 0.0, 0.0])
        for who in self._here | set(self._denied):
            n = min(_tries(self._denied.get(who, ())), 6)  # one bad day doesn't make bad days usual
            own = self._people.open(who, lambda: [0.0, 0.0])
            own[0], own[1] = own[0] * _FADE + n, own[1] * _FADE + 1
            site[0], site[1], site[2] = site[0] + n, site[1] + 1, site[2] + n * n
        for door in self._open:
            for hour in range(24):
                n = min(len(self._hours.get((door, hour), ())), 12)
                slot = self._doors.open(_slot(door, hour, day), lambda: [0.0, 0.0])
                slot[0], slot[1] = slot[0] * _FADE + n, slot[1] * _FADE + 1


def _slot(door: str, hour: int, day: Day) -> str:
    return f"{door}/{hour}/{'w' if day.weekend else 'd'}"


def _tries(hits: Sequence[tuple[str, int, float]]) -> int:
    """Refusals at one door within two minutes are one try: who is refused tries again."""
    last: dict[str, float] = {}
    tries = 0
    for door, _, at in hits:
        if at - last.get(door, 0.0) > 120:
            tries += 1
            last[door] = at
    return tries


def _dec(value: float) -> str:
    return f"{value:.2g}"
