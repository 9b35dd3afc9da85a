"""People who left or are about to, operators who look at many people's pages, visitors who are
often overdue, and devices that drift."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import key as same
from gateway.patterns.read import need, number, text
from gateway.patterns.state import Books
from gateway.patterns.surprise import count_bits, high_bits, share_bits
from gateway.patterns.windows import HourBurst, Window, f1

_BEFORE = 10
_KEPT = 60


class Leavers(Detector):
    """A badge after its holder left, and what a person did in the days before they left."""

    key: ClassVar[str] = "leavers"
    title = worded("Around the end of somebody's access")
    prior: ClassVar[float] = 2.0
    reads: ClassVar[frozenset[str]] = frozenset(
        {
            EventType.ACCESS_GRANTED,
            EventType.ACCESS_DENIED,
            EventType.PEOPLE_REVOKED,
            EventType.PEOPLE_REINSTATED,
            EventType.PEOPLE_REVOCATION_EFFECTIVE,
        }
    )

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._left = books.book("left")  # person: [day, seq, name]
        self._badges = books.book("badges")  # fingerprint: person
        self._days = books.book("days")  # person: [[day, passes, doors, last seq]]
        self._doors = books.book("doors")  # person: {door: passes}
        self._window = Window(books.book("tries"), days=14, weight=60.0)
        self._today: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._tried: dict[str, list[tuple[bool, int]]] = defaultdict(list)
        self._ends: list[str] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        kind = event.type
        if kind in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED):
            self._pass(seen)
        elif kind == EventType.PEOPLE_REINSTATED:
            self._left.drop(event.subject)
        else:
            who, name = (seen.who, seen.name) if seen.who else (event.subject, "")
            if data.get("how", "left_list") not in ("left_list", "revoked", "status", "removed"):
                return
            if who and who not in self._left:
                self._left.put(who, [-1, event.seq, name or who])
                self._ends.append(who)

    def _pass(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who, name = seen.who, seen.name
        badge = data.get("credential")
        print_ = text(badge, "fingerprint") if isinstance(badge, Mapping) else ""
        if who and print_ and self._badges.get(print_) != who:
            self._badges.put(print_, who)
        who = who or self._badges.get(print_, "")
        if not who:
            return
        granted = event.type == EventType.ACCESS_GRANTED
        if who in self._left:
            self._tried[who].append((granted, event.seq))
            if name:
                self._left[who][2] = name
        elif granted:
            self._today[who].append((need(data, "door"), event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = [*self._after(day), *self._before(day)]
        self.tests = float(len(self._ends) + len(self._tried)) + 0.2
        for who, passes in self._today.items():
            doors = self._doors.open(who, dict)
            new = [door for door, _ in passes if doors.get(door, 0) < 2]
            days = self._days.open(who, list)
            days.append([day.number, len(passes), len(new), passes[-1][1]])
            del days[:-_KEPT]
            for door, _ in passes:
                doors[door] = doors.get(door, 0) + 1
        for who in self._ends:
            self._left.open(who, list)[0] = day.number
            self._days.drop(who)
        self._today.clear()
        self._tried.clear()
        self._ends = []
        return found

    def _after(self, day: Day) -> Iterator[Candidate]:
        for who, tries in self._tried.items():
            since, seq, name = self._left[who]
            if since < 0:
                continue  # on that very day people still go home
            for _, at in tries:
                self._window.add(who, day.number, at)
            burst = self._window.burst(who, day.number, keys=30)
            days = day.number - since
            granted = any(good for good, _ in tries)
            worth = burst.bits + min(4.0, math.log2(1 + days))
            usual = worded("{usual} are usual for people who left", usual=f1(burst.expected))
            shares = [(usual, worth)]
            if granted:
                shares.append((worded("and a door opened"), 20.0))
            words = worded(
                "the badge of {name} was shown {n} times after their access had ended ({days} d)",
                name=name,
                n=burst.n,
                days=days,
            )
            raw = sum(one for _, one in shares)
            records = [*burst.records, seq]
            yield self.candidate(
                day, raw, words, shares, {"person": who}, records, physical=granted
            )

    def _before(self, day: Day) -> Iterator[Candidate]:
        """Passes and doors of the last days before the end, against the person's own days."""
        for who in self._ends:
            days = self._days.get(who, [])
            late = [one for one in days if day.number - one[0] <= _BEFORE]
            early = [one for one in days if day.number - one[0] > _BEFORE]
            if len(early) < 8 or not late:
                continue
            usual = (sum(one[1] for one in early) + 1) / len(early) * len(late)
            passes = sum(one[1] for one in late)
            new = sum(one[2] for one in late)
            rare = (sum(one[2] for one in early[5:]) + 0.5) / (len(early) + 5) * len(late)
            first, second = count_bits(passes, usual, 12.0), count_bits(new, rare + 0.3, 1.0)
            name = self._left[who][2]
            shares = [
                (
                    worded(
                        "{n} passes in the last days, {usual} are usual", n=passes, usual=f1(usual)
                    ),
                    first,
                ),
                (worded("{n} at doors that they did not use before", n=new), second),
            ]
            words = worded(
                "{name}, whose access ended, went about more than usual in the days before",
                name=name,
            )
            records = [one[3] for one in late]
            yield self.candidate(day, first + second, words, shares, {"person": who}, records)


_VIEWS = frozenset(
    {
        EventType.FACE_PORTRAIT_VIEWED,
        EventType.FACE_PICTURE_VIEWED,
        EventType.FREIGHT_PICTURE_VIEWED,
        EventType.RECORDS_EXPORTED,
        EventType.CAMERA_VIEWED,
    }
)


class Operators(Detector):
    """How many people's pages, pictures and exports an operator looks at in a week."""

    key: ClassVar[str] = "operators"
    title = worded("An operator looks at much")
    reads: ClassVar[frozenset[str]] = frozenset(_VIEWS)

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._window = Window(books.book("views"), days=7)
        self._names = books.book("names")
        self._today: dict[str, dict[str, int]] = defaultdict(dict)

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who = text(data, "by_person") or need(data, "by")
        self._names.put(who, text(data, "by_name") or text(data, "by"))
        self._today[who].setdefault(f"{event.type}/{event.subject}", event.seq)

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        for who, things in self._today.items():
            for seq in things.values():
                self._window.add(who, day.number, seq)
            burst = self._window.burst(who, day.number, keys=5, shape=1.0)
            words = worded(
                "{who} looked at {n} people's pictures or records in a week",
                who=self._names.get(who, who),
                n=burst.n,
            )
            usual = worded("{usual} are usual", usual=f1(burst.expected))
            about = {"operator": who}
            shares = [(usual, burst.bits)]
            found.append(self.candidate(day, burst.bits, words, shares, about, burst.records))
        self.tests = float(len(self._today)) + 0.2
        self._today.clear()
        return found


class Overdue(Detector):
    """A visitor who is overdue again and again."""

    key: ClassVar[str] = "overdue"
    title = worded("A visitor who is often overdue")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.VISIT_OVERDUE, EventType.VISIT_ARRIVED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._late = Window(books.book("late"), days=28)
        self._visits = Window(books.book("visits"), days=28)
        self._site = books.book("site")
        self._today: list[tuple[str, str, int]] = []
        self._came: list[tuple[str, int]] = []

    def take(self, seen: Seen) -> None:
        event, name = seen.event, need(seen.event.data, "name")
        if event.type == EventType.VISIT_OVERDUE:
            self._today.append((same(name), name, event.seq))
            return
        counts = self._site.open("counts", lambda: [0, 0])
        counts[0] += 1
        self._came.append((same(name), event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        counts = self._site.open("counts", lambda: [0, 0])
        for who, seq in self._came:
            self._visits.add(who, day.number, seq)
        self._came = []
        for who, name, seq in self._today:
            counts[1] += 1
            self._late.add(who, day.number, seq)
            burst = self._late.burst(who, day.number, keys=60)
            if burst.n < 2:
                continue
            rate = (counts[1] + 1) / (counts[0] + 20)
            visits = max(self._visits.burst(who, day.number).n, burst.n)
            worth = share_bits(burst.n, visits, rate) + 0.3 * burst.bits
            words = worded(
                "{name} was overdue {n} times in four weeks ({visits} visits)",
                name=name,
                n=burst.n,
                visits=visits,
            )
            about = {"visitor": who}
            found.append(self.candidate(day, worth, words, [(words, worth)], about, burst.records))
        self.tests = float(len(self._today)) + 0.2
        self._today = []
        return found


class Away(Detector):
    """A device that is away more often, or at the same hour again and again."""

    key: ClassVar[str] = "away"
    title = worded("A device that is away again and again")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.DEVICE_OFFLINE})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._away = HourBurst(books.book("away"), days=7, apart=90)
        self._today: list[tuple[str, int, int]] = []

    def take(self, seen: Seen) -> None:
        self._today.append((seen.event.subject, seen.minute, seen.event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found: list[Candidate] = []
        self.tests = float(len(self._today)) + 0.2
        for name, minute, seq in self._today:
            self._away.add(name, day.number, minute, seq)
        for name in dict.fromkeys(name for name, *_ in self._today):
            burst = self._away.burst(name, day.number, keys=10)
            if burst.n < 2:
                continue
            words = worded("{device} was away {n} times in a week", device=name, n=burst.n)
            found.append(
                self.candidate(
                    day, burst.bits, words, burst.shares, {"device": name}, burst.records
                )
            )
        self._today = []
        return found


class Devices(Detector):
    """A reader or camera that drifts: it reads badly more often or answers later, week by week
    against its first weeks."""

    key: ClassVar[str] = "devices"
    title = worded("A device that drifts")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        # reader: [[day, passes, bad, log ms, timed, records badly read, slowest records], ...]
        self._readers = books.book("readers")
        self._first = books.book("first")  # reader: [passes, bad, ms sum, ms squares, n]
        self._counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
        self._bad: dict[str, list[int]] = defaultdict(list)
        self._slow: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        counts = self._counts[need(data, "reader")]
        counts[0] += 1
        if data.get("reason") in _READ_BADLY:
            counts[1] += 1
            self._bad[need(data, "reader")].append(event.seq)
        if took := number(data, "took_ms"):
            counts[2] += math.log(max(took, 0.1))
            counts[3] += 1
            slowest = [*self._slow[need(data, "reader")], (took, event.seq)]
            self._slow[need(data, "reader")] = heapq.nlargest(SLOWEST, slowest)

    def close(self, day: Day) -> Sequence[Candidate]:
        found: list[Candidate] = []
        for reader, counts in self._counts.items():
            found += self._drift(day, reader, counts)
        self.tests = float(len(self._counts)) / 3 + 1
        self._counts, self._bad = defaultdict(lambda: [0.0] * 4), defaultdict(list)
        self._slow = defaultdict(list)
        return found

    def _drift(self, day: Day, reader: str, counts: list[float]) -> Iterator[Candidate]:
        week = self._readers.open(reader, list)
        slowest = sorted(seq for _took, seq in self._slow[reader])
        week.append([day.number, *counts, self._bad[reader][-20:], slowest])
        week[:] = [one for one in week if day.number - one[0] < 7]
        first: list[Any] = self._first.open(reader, lambda: [0.0, 0.0, 0.0, 0.0, 0])
        if first[4] < 42:  # the baseline is frozen after six weeks
            first[:] = [*(a + b for a, b in zip(first, counts, strict=False)), first[4] + 1]
            if first[4] < 21:
                return
        passes, bad = sum(one[1] for one in week), sum(one[2] for one in week)
        rate = (first[1] + 1) / (first[0] + 200)
        worth = share_bits(int(bad), int(passes), rate, 200.0)
        if worth > 4:
            words = worded(
                "{reader} read {n} of {of} badges badly in a week; {usual} are usual",
                reader=reader,
                n=int(bad),
                of=int(passes),
                usual=f1(rate * passes),
            )
            records = [seq for one in week for seq in one[5]]
            yield self.candidate(day, worth, words, [(words, worth)], {"device": reader}, records)
        timed = sum(one[4] for one in week)
        if timed > 20 and first[3] > 50:
            mean, usual = sum(one[3] for one in week) / timed, first[2] / first[3]
            slow = high_bits(mean, usual, 0.08, 6.0)
            if slow > 4:
                words = worded(
                    "{reader} takes {ms} ms for a decision, {usual} ms were usual",
                    reader=reader,
                    ms=f1(math.exp(mean)),
                    usual=f1(math.exp(usual)),
                )
                shown = [seq for one in week for seq in one[6:] for seq in seq]
                yield self.candidate(day, slow, words, [(words, slow)], {"device": reader}, shown)


SLOWEST = 5
"""So many records a day are kept as examples of slow decisions."""
_READ_BADLY = frozenset({"denied_bad_read", "denied_no_face", "denied_camera_fault"})
