"""One badge at two places faster than one can walk, occupancy that does not add up, and two badges
that always come together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import need, number, text
from gateway.patterns.state import Books
from gateway.patterns.surprise import MOST, count_bits, shrunk
from gateway.patterns.windows import Window, f1

_LONG_S = 1800.0
_SHORTEST = 60


class Travel(Detector):
    """The time from one door to another against the least that anybody took: learnt, per pair of
    doors, from all people."""

    key: ClassVar[str] = "travel"
    title = worded("One badge at two places")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._pairs = books.book("pairs")  # "a|b": [how many, the shortest times]
        self._last: dict[str, tuple[str, float, int]] = {}
        self._today: list[tuple[str, str, str, str, float, int, int]] = []
        self._names: dict[str, str] = {}

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who, name = seen.who, seen.name
        if not who:
            return
        door = need(data, "door")
        before = self._last.get(who)
        self._last[who] = (door, seen.at, event.seq)
        if before is None or before[0] == door:
            return
        took = seen.at - before[1]
        if 0 <= took < _LONG_S:
            pair = "|".join(sorted((before[0], door)))
            self._names[who] = name
            self._today.append((pair, who, before[0], door, took, before[2], event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        self.tests = float(len(self._today)) + 1
        for pair, who, first, second, took, seq, now in self._today:
            known = self._pairs.open(pair, lambda: [0, []])
            count, shortest = known
            if count >= 50:
                # Among the shortest ones the rank says how rare it is.
                least = shortest[min(2, len(shortest) - 1)]
                rank = sum(1 for one in shortest if one <= took)
                worth = -math.log2((rank + 1) / (count + 2)) if rank < _SHORTEST else 0.0
                if took < least * 0.7:
                    # The least time of few people says little.
                    sure = min(1.0, math.log2(count / 50) / 4)
                    faster = math.log2(max(least, 1.0) / max(took, 1.0))
                    worth += sure * min(14.0, 4.0 + 5.0 * faster)
                if worth > 6:
                    found.append(self._found(day, who, first, second, took, least, worth, seq, now))
            known[0] = count + 1
            if len(shortest) < _SHORTEST or took < shortest[-1]:
                shortest.append(round(took, 1))
                shortest.sort()
                del shortest[_SHORTEST:]
        self._today = []
        self._names = {}
        return found

    def _found(
        self,
        day: Day,
        who: str,
        first: str,
        second: str,
        took: float,
        least: float,
        worth: float,
        seq: int,
        now: int,
    ) -> Candidate:
        words = worded(
            "the badge of {name} was at {first} and {took} s later at {second}; "
            "nobody does that in less than {least} s",
            name=self._names[who],
            first=first,
            second=second,
            took=round(took),
            least=round(least),
        )
        about = {"person": who, "door": second}
        return self.candidate(day, min(worth, MOST), words, [(words, worth)], about, [seq, now])


class Tailgating(Detector):
    """Who leaves without having come in, and who comes in twice: the rate by gate and hour, and by
    person.  One such event is nothing."""

    key: ClassVar[str] = "tailgating"
    title = worded("Occupancy that does not add up")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED, EventType.DOOR_NO_ENTRY})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._gates = books.book("gates")  # doors with a reader on both sides
        self._inside = books.book("inside")  # person: [in or out, seq]
        self._people = Window(books.book("people"))
        self._hours = books.book("hours")  # door/hour: [misses, passes]
        self._passes: list[tuple[str, str, str, str, int, int]] = []
        self._nobody: set[int] = set()

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        if event.type == EventType.DOOR_NO_ENTRY:
            self._nobody.add(int(number(data, "grant") or 0))
            return
        who, name = seen.who, seen.name
        way = text(data, "way")
        if who and way in ("in", "out"):
            self._passes.append((who, name, need(data, "door"), way, seen.hour, event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        for _, _, door, way, _, _ in self._passes:
            ways = self._gates.get(door, "")
            if way not in ways:
                self._gates.put(door, ways + way)
        gates = {door for door, ways in self._gates.items() if "in" in ways and "out" in ways}
        misses: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        passes: Counter[tuple[str, int]] = Counter()
        names: dict[str, str] = {}
        for who, name, door, way, hour, seq in self._passes:
            if door not in gates or seq in self._nobody:
                continue
            passes[door, hour] += 1
            before = self._inside.get(who)
            self._inside.put(who, way)
            if before == way:
                names[who] = name
                misses[door, hour].append((who, seq))
        found = [*self._by_gate(day, misses, passes), *self._by_person(day, misses, names)]
        self.tests = float(len(passes) + len(names)) + 1
        for slot, n in passes.items():
            known = self._hours.open(f"{slot[0]}/{slot[1]}", lambda: [0.0, 0.0])
            known[0], known[1] = known[0] + min(len(misses.get(slot, ())), 3), known[1] + n
        self._passes, self._nobody = [], set()
        return found

    def _by_gate(
        self,
        day: Day,
        misses: dict[tuple[str, int], list[tuple[str, int]]],
        passes: Counter[tuple[str, int]],
    ) -> Iterator[Candidate]:
        every = sum(one[0] for one in self._hours.values()) + 1
        site = every / (sum(one[1] for one in self._hours.values()) + 500)
        for (door, hour), hits in misses.items():
            known = self._hours.get(f"{door}/{hour}", [0.0, 0.0])
            rate = shrunk(known[0], known[1], site, 300.0)
            expected = rate * passes[door, hour]
            worth = count_bits(len(hits), expected, 1.5)
            words = worded(
                "at {door} between {hour}:00 and {hour}:59, {n} of {of} passes don't add up: "
                "somebody came in or left without a badge of their own",
                door=door,
                hour=str(hour).zfill(2),
                n=len(hits),
                of=passes[door, hour],
            )
            usual = worded("{usual} are usual", usual=f1(expected))
            about = {"door": door, "hour": str(hour)}
            yield self.candidate(day, worth, words, [(usual, worth)], about, [s for _, s in hits])

    def _by_person(
        self,
        day: Day,
        misses: dict[tuple[str, int], list[tuple[str, int]]],
        names: dict[str, str],
    ) -> Iterator[Candidate]:
        for hits in misses.values():
            for who, seq in hits:
                self._people.add(who, day.number, seq)
        for who, name in names.items():
            burst = self._people.burst(who, day.number, keys=len(self._inside))
            words = worded(
                "{name} came in or left {n} times in two weeks without a badge of their own",
                name=name,
                n=burst.n,
            )
            usual = worded("{usual} are usual", usual=f1(burst.expected))
            # Who forgot a badge has a few such days; that is the commonest reason.
            worth = max(0.0, burst.bits - 7.0)
            yield self.candidate(
                day, worth, words, [(usual, worth)], {"person": who}, burst.records
            )


_CLOSE_S = 6.0
_TOGETHER_DAYS = 21


class Together(Detector):
    """Two people whose badges are shown right after each other too often.

    What is usual follows from how often each of them has a neighbour in that hour.  Of all pairs of
    a day those are kept that the procedure of Benjamini and Yekutieli keeps at a false discovery
    rate of one in ten.
    """

    key: ClassVar[str] = "together"
    title = worded("Two badges that always come together")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED})
    warm_up: ClassVar[int] = 35

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._days = books.book("days")  # day number: [pair, seq]
        self._past = books.book("past")  # pair: how often before the window
        self._names = books.book("names")
        self._counts: Counter[str] | None = None
        self._each: Counter[str] = Counter()
        self._near: dict[str, deque[tuple[str, float]]] = defaultdict(lambda: deque(maxlen=2))
        self._today: dict[str, int] = {}

    def take(self, seen: Seen) -> None:
        who, name = seen.who, seen.name
        if not who or who.startswith("visit-"):
            return
        queue = self._near[need(seen.event.data, "door") + text(seen.event.data, "way")]
        before = queue[-1] if queue else ("", 0.0)
        if before[0] and before[0] != who and seen.at - before[1] <= _CLOSE_S:
            pair = "|".join(sorted((who, before[0])))
            self._today.setdefault(pair, seen.event.seq)
            if self._names.get(who) != name:
                self._names.put(who, name)
        queue.append((who, seen.at))

    def close(self, day: Day) -> Sequence[Candidate]:
        counts = self._load(day)
        today = [[pair, seq] for pair, seq in self._today.items()]
        self._days.put(str(day.number), today)
        self._add(today, 1)
        gone = self._days.get(str(day.number - _TOGETHER_DAYS))
        if gone is not None:
            self._add(gone, -1)
            self._days.drop(str(day.number - _TOGETHER_DAYS))
            for pair, _ in gone:
                if counts[pair] >= 1:
                    self._past.put(pair, self._past.get(pair, 0) + 1)
        found = list(self._judge(day, counts))
        self.tests = 1.0
        self._today = {}
        return found

    def _load(self, day: Day) -> Counter[str]:
        if self._counts is None:
            self._counts = Counter()
            for pairs in self._days.values():
                self._add(pairs, 1)
        return self._counts

    def _add(self, pairs: Sequence[Any], sign: int) -> None:
        assert self._counts is not None
        for pair, _ in pairs:
            self._counts[pair] += sign
            for who in pair.split("|"):
                self._each[who] += sign
            if self._counts[pair] <= 0:
                del self._counts[pair]

    def _judge(self, day: Day, counts: Counter[str]) -> Iterator[Candidate]:
        every = sum(counts.values())
        people = sum(1 for n in self._each.values() if n > 0)
        tests = max(1.0, people * (people - 1) / 2)
        ranked = []
        for pair in self._today:
            n = counts[pair]
            if n < 4:
                continue
            one, _, other = pair.partition("|")
            # Shifts meet within themselves: about a third of the site is there at one time.
            apart = (self._each[one] - n + 1) * (self._each[other] - n + 1)
            expected = 3.0 * apart / max(1, 2 * every)
            past = self._past.get(pair, 0) * _TOGETHER_DAYS / max(_TOGETHER_DAYS, day.number)
            ranked.append((count_bits(n, max(expected, past) + 0.3, 6.0), pair, n, expected))
        ranked.sort(reverse=True)
        harmonic = math.log(max(tests, 2)) + 0.58
        for rank, (worth, pair, n, expected) in enumerate(ranked, 1):
            left = worth - math.log2(tests * harmonic / rank)
            if left < -math.log2(0.1):
                continue
            one, _, other = pair.partition("|")
            records = [s for pairs in self._days.values() for known, s in pairs if known == pair]
            words = worded(
                "{one} and {other} passed within {s} s of each other on {n} days of three weeks",
                one=self._names.get(one, one),
                other=self._names.get(other, other),
                s=round(_CLOSE_S),
                n=n,
            )
            usual = worded("{usual} are usual", usual=f1(expected))
            about = {"person": one, "other": other}
            yield self.candidate(day, left, words, [(usual, left)], about, records)


class Faces(Detector):
    """A badge with another's face: again and again by one badge."""

    key: ClassVar[str] = "faces"
    title = worded("A badge with another's face")
    reads: ClassVar[frozenset[str]] = frozenset(
        {EventType.ALARM_LENT_BADGE, EventType.ACCESS_DENIED}
    )
    warm_up: ClassVar[int] = 7

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._window = Window(books.book("people"), days=14, weight=60.0)
        self._today: list[tuple[str, str, str, int]] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        lent = event.type == EventType.ALARM_LENT_BADGE
        if not lent and data.get("reason") != "denied_face_mismatch":
            return
        who, name = seen.who, seen.name
        if who:
            other = text(data, "face_name") if lent else ""
            self._today.append((who, name, other, event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        names = {who: (name, other) for who, name, other, _ in self._today}
        for who, (name, other) in names.items():
            for one in self._today:
                if one[0] == who:
                    self._window.add(who, day.number, one[3])
            burst = self._window.burst(who, day.number, keys=200)
            raw, shares = (
                burst.bits,
                [(worded("{usual} are usual", usual=f1(burst.expected)), burst.bits)],
            )
            if other:
                shares.append((worded("the face is that of {other}", other=other), 6.0))
                raw += 6.0
            words = worded(
                "the badge of {name} was shown with another's face {n} times in two weeks",
                name=name,
                n=burst.n,
            )
            found.append(self.candidate(day, raw, words, shares, {"person": who}, burst.records))
        self.tests = float(len(names)) + 0.2
        self._today = []
        return found
