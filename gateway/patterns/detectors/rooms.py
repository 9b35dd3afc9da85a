"""New pairs of a person and a door: somebody goes, again and again, where they never went and where
hardly anybody of their level goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import need, texts
from gateway.patterns.state import Books
from gateway.patterns.surprise import count_bits
from gateway.patterns.windows import f1

_DAYS = 7


class NewDoor(Detector):
    """Passes of a week by person and door against the person's own past, shrunk towards what people
    of the same access levels do."""

    key: ClassVar[str] = "new_door"
    title = worded("Where somebody never went")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._people = books.book("people")  # [days, {door: passes}, [[day, door, n, seq]]]
        self._groups = books.book("groups")  # [person days, {door: passes}]
        self._today: dict[str, tuple[str, str, dict[str, list[int]]]] = {}

    def take(self, seen: Seen) -> None:
        who = seen.who
        if not who or who.startswith("visit-"):
            return
        data = seen.event.data
        known = self._today.get(who)
        if known is None:
            facts = data.get("facts")
            levels = texts(facts, "levels") if isinstance(facts, dict) else []
            known = self._today[who] = (seen.name, ",".join(sorted(levels)[:3]), {})
        known[2].setdefault(need(data, "door"), []).append(seen.event.seq)

    def close(self, day: Day) -> Sequence[Candidate]:
        found: list[Candidate] = []
        tests = 0
        for who, (name, group, doors) in self._today.items():
            own = self._people.open(who, lambda: [0, {}, []])
            peers = self._groups.open(group, lambda: [0, {}])
            recent = own[2]
            while recent and recent[0][0] <= day.number - _DAYS:
                _, door, n, _ = recent.pop(0)
                own[1][door] = own[1].get(door, 0) + n
            own[0] += 1
            for door, seqs in doors.items():
                recent.append([day.number, door, len(seqs), seqs[-1]])
            if own[0] >= 12:
                tests += len(doors)
                found += self._judge(day, who, name, own, peers, doors)
            peers[0] += 1
            for door, seqs in doors.items():
                peers[1][door] = peers[1].get(door, 0) + min(len(seqs), 4)
        self.tests = float(tests) / 3 + 1
        self._today = {}
        return found

    def _judge(
        self,
        day: Day,
        who: str,
        name: str,
        own: list[Any],
        peers: list[Any],
        doors: dict[str, list[int]],
    ) -> Iterator[Candidate]:
        recent = own[2]
        here = len({at for at, *_ in recent})
        past = max(1, own[0] - here)
        for door in doors:
            passes = sum(n for _, known, n, _ in recent if known == door)
            if passes < 2:
                continue
            group = (peers[1].get(door, 0) + 0.1) / (peers[0] + 20)
            rate = (own[1].get(door, 0) + 15 * group) / (past + 15)
            expected = rate * here
            if passes < 2 * expected:
                continue
            worth = count_bits(passes, expected, 0.7 + min(4.0, own[1].get(door, 0) / 5))
            words = worded(
                "{name} passed {door} {n} times in a week and hardly ever before",
                name=name,
                door=door,
                n=passes,
            )
            usual = worded("{usual} are usual for them and their level", usual=f1(expected))
            records = [seq for _, known, _, seq in recent if known == door]
            about = {"person": who, "door": door}
            yield self.candidate(day, worth, words, [(usual, worth)], about, records)
