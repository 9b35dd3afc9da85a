"""Inspections faster than anybody can walk around a trailer, the same points bad again and again,
and the same pair inspecting and signing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import need, number, text, texts
from gateway.patterns.state import Books
from gateway.patterns.surprise import low_bits, middle, share_bits, spread
from gateway.patterns.windows import f1

_TIMES = 200
_RECENT_DAYS = 14


class Inspections(Detector):
    """Each finished inspection against those of the same checklist; an inspector's two weeks
    against the others'."""

    key: ClassVar[str] = "inspections"
    title = worded("An inspection that may not have been done")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.FREIGHT_INSPECTED})
    warm_up: ClassVar[int] = 14

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._lists = books.book("lists")  # checklist: log seconds
        self._recent = books.book("recent")  # inspector: [day, seq, z, checklist, bad points]
        self._points = books.book("points")  # "all": {point: n, "n": inspections}
        self._today: list[tuple[str, str, str, float, list[str], int, str]] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        took = number(data, "took_s")
        if data.get("finished") is not True or took is None:
            return
        who = text(data, "inspector_person") or need(data, "inspector")
        row = (need(data, "checklist"), who, need(data, "inspector"), math.log(max(took, 0.5)))
        self._today.append((*row, texts(data, "bad"), event.seq, text(data, "freight")))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        self.tests = float(len(self._today))
        for name, who, inspector, took, bad, seq, freight in self._today:
            past = self._lists.open(name, list)
            centre, scale = middle(past), spread(past, 0.15)
            worth = low_bits(took, centre, scale, 4.0) if len(past) >= 20 else 0.0
            z = (took - centre) / scale if len(past) >= 20 else 0.0
            recent = self._recent.open(who, list)
            recent.append([day.number, seq, round(z, 2), name, bad[:10]])
            if worth > 4:
                found.append(
                    self._fast(day, inspector, who, freight, name, took, centre, worth, seq)
                )
            if z > -2.5:  # what is too fast does not become usual
                past.append(round(took, 3))
                del past[:-_TIMES]
        for who in {row[1] for row in self._today}:
            recent = self._recent.open(who, list)
            recent[:] = [one for one in recent if day.number - one[0] <= _RECENT_DAYS][-150:]
            name = next(row[2] for row in reversed(self._today) if row[1] == who)
            found += [*self._lately(day, who, name, recent), *self._same(day, who, name, recent)]
        self._learn_points()
        self._today = []
        return found

    def _fast(
        self,
        day: Day,
        inspector: str,
        who: str,
        freight: str,
        name: str,
        took: float,
        centre: float,
        worth: float,
        seq: int,
    ) -> Candidate:
        words = worded(
            "{inspector} finished {checklist} of truck {freight} in {took} s; {usual} s are usual",
            inspector=inspector,
            checklist=name,
            freight=freight,
            took=round(math.exp(took)),
            usual=round(math.exp(centre)),
        )
        about = {"inspector": who, "freight": freight}
        return self.candidate(day, worth, words, [(words, worth)], about, [seq])

    def _lately(self, day: Day, who: str, name: str, recent: list[Any]) -> Iterator[Candidate]:
        """An inspector who became fast: the sum of how far below the middle they were."""
        by_list: dict[str, list[float]] = {}
        for _, _, z, checklist, _ in recent:
            by_list.setdefault(checklist, []).append(z)
        checklist, zs = max(by_list.items(), key=lambda item: -sum(item[1]))
        if len(zs) < 4:
            return
        # The mean of n independent deviations, each at most 4 wide.
        mean = sum(max(-4.0, min(2.0, z)) for z in zs) / math.sqrt(len(zs))
        worth = low_bits(mean, 0.0, 1.3, 8.0)
        words = worded(
            "{inspector} has been faster than others with {checklist} for two weeks ({n} of them)",
            inspector=name,
            checklist=checklist,
            n=len(zs),
        )
        records = [one[1] for one in recent if one[3] == checklist and one[2] < 0]
        yield self.candidate(day, worth, words, [(words, worth)], {"inspector": who}, records)

    def _same(self, day: Day, who: str, name: str, recent: list[Any]) -> Iterator[Candidate]:
        """The same point bad by one inspector, again and again."""
        counts = Counter(point for one in recent for point in one[4])
        if not counts:
            return
        point, hits = counts.most_common(1)[0]
        if hits < 3:
            return
        known = self._points.get("all", {})
        looks = len({one[1] for one in recent})
        rate = (known.get(point, 0) + 0.3) / (known.get("n", 0) + 60)
        worth = share_bits(hits, looks, rate)
        words = worded(
            "{inspector} found the same point bad {n} times in two weeks: {point}",
            inspector=name,
            n=hits,
            point=point,
        )
        usual = worded("{usual} are usual", usual=f1(rate * looks))
        records = [one[1] for one in recent if point in one[4]]
        yield self.candidate(day, worth, words, [(usual, worth)], {"inspector": who}, records)

    def _learn_points(self) -> None:
        known = self._points.open("all", dict)
        for row in self._today:
            known["n"] = known.get("n", 0) + 1
            for point in row[4]:
                known[point] = known.get(point, 0) + 1
