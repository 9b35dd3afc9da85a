"""Pairs that meet too often: who inspects and who signs, who releases and for which carrier, which
visitor and which escort.

Of the events of one of the two, how many were with the other, against how often the others have
them, and against that pair's own past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import Message, worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import key as same
from gateway.patterns.read import need, text
from gateway.patterns.state import Books
from gateway.patterns.surprise import count_bits, share_bits
from gateway.patterns.windows import f1


class Pairs(Detector):
    """The base of those below: a window of events (one, other)."""

    days: ClassVar[int] = 21
    least: ClassVar[int] = 4
    weight: ClassVar[float] = 40.0
    by_count: ClassVar[bool] = False
    """Whether many events of a pair are odd too, however they are shared out."""
    names: ClassVar[tuple[str, str]]

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._recent = books.book("recent")  # "all": [day, seq, one, other]
        self._old = books.book("old")  # "one|other": n, "one": n, "|": n
        self._names = books.book("names")
        self._today: list[tuple[int, str, str]] = []

    def meet(self, seq: int, one: tuple[str, str], other: tuple[str, str]) -> None:
        """The two met, as record `seq` shows; each with id and name."""
        if not one[0] or not other[0]:
            return
        self._today.append((seq, one[0], other[0]))
        for who, name in (one, other):
            if self._names.get(who) != name:
                self._names.put(who, name)

    def words(self, one: str, other: str, n: int, of: int) -> Message:
        """What the finding says."""
        raise NotImplementedError

    def close(self, day: Day) -> Sequence[Candidate]:
        recent: list[Any] = self._recent.open("all", list)
        recent += [[day.number, seq, one, other] for seq, one, other in self._today]
        while recent and day.number - recent[0][0] >= self.days:
            _, _, one, other = recent.pop(0)
            for name in (f"{one}|{other}", one, f"|{other}", "|"):
                self._old.put(name, self._old.get(name, 0) + 1)
        found = list(self._judge(day, recent))
        self._today = []
        return found

    def _judge(self, day: Day, recent: list[Any]) -> Iterator[Candidate]:
        pairs = Counter((one, other) for _, _, one, other in recent)
        ones = Counter(one for _, _, one, _ in recent)
        others = Counter(other for _, _, _, other in recent)
        today = dict.fromkeys((one, other) for _, one, other in self._today)
        self.tests = float(len(today)) / 3 + 1
        for one, other in today:
            n, of = pairs[one, other], ones[one]
            if n < self.least:
                continue
            rest = len(recent) - of
            share = (others[other] - n + 1.0) / (rest + max(2.0, len(others)))
            then, with_ = self._old.get(one, 0), self._old.get(f"{one}|{other}", 0)
            own = (with_ + 8 * share) / (then + 8)
            rate = min(0.98, max(share, own))
            worth = share_bits(n, of, rate, self.weight)
            shares = [(worded("{usual} of {of} are usual", usual=f1(rate * of), of=of), worth)]
            many = self.many(day, one, other, n)
            if self.by_count and many[1] > worth:
                shares = [many]
            names = (str(self._names.get(one, one)), str(self._names.get(other, other)))
            records = [seq for _, seq, a, b in recent if (a, b) == (one, other)]
            about = {self.names[0]: one, self.names[1]: other}
            words = self.words(names[0], names[1], n, of)
            yield self.candidate(day, sum(w for _, w in shares), words, shares, about, records)

    def many(self, day: Day, one: str, other: str, n: int) -> tuple[Message, float]:
        """How many it were against that pair's own past and the average pair's."""
        past = max(0, day.number - self.days)
        before = self._old.get(f"{one}|{other}", 0)
        pairs = sum(1 for name in self._old if name[:1] != "|" and "|" in name)
        average = self._old.get("|", 0) / max(1, pairs)
        usual = (before + average * 21 / max(past, 21)) / (past + 21) * self.days
        words = worded("{usual} in {days} days are usual", usual=f1(usual), days=self.days)
        return words, count_bits(n, usual + 0.2, 3.0)


class Signed(Pairs):
    """Who inspected and who signed."""

    key: ClassVar[str] = "signed_pairs"
    title = worded("The same pair inspects and signs")
    names: ClassVar[tuple[str, str]] = ("inspector", "supervisor")
    reads: ClassVar[frozenset[str]] = frozenset(
        {EventType.FREIGHT_INSPECTED, EventType.FREIGHT_SIGNED, EventType.FREIGHT_ARRIVED}
    )
    least: ClassVar[int] = 6

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._trucks: dict[str, list[str]] = {}  # truck: carrier, inspector and name

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        number = need(data, "freight")
        if event.type == EventType.FREIGHT_ARRIVED:
            self._trucks[number] = [text(data, "carrier"), "", ""]
            if len(self._trucks) > 3000:
                for old in list(self._trucks)[:1000]:
                    del self._trucks[old]
        elif event.type == EventType.FREIGHT_INSPECTED:
            name = need(data, "inspector")
            who = text(data, "inspector_person") or name
            truck = self._trucks.setdefault(number, ["", "", ""])
            truck[1:] = [who, name]
        elif (known := self._trucks.pop(number, None)) is not None:
            self.signed(event.seq, known[0], (known[1], known[2]), _second(data, "supervisor"))

    def signed(
        self, seq: int, carrier: str, inspector: tuple[str, str], signer: tuple[str, str]
    ) -> None:
        """Somebody signed what somebody inspected."""
        self.meet(seq, inspector, signer)

    def words(self, one: str, other: str, n: int, of: int) -> Message:
        return worded(
            "{other} signed {n} of the {of} inspections of {one} in three weeks",
            one=one,
            other=other,
            n=n,
            of=of,
        )


class CarrierPairs(Signed):
    """One carrier whose trucks are inspected and signed by the same two."""

    key: ClassVar[str] = "carrier_pairs"
    title = worded("One carrier, always the same two guards")
    names: ClassVar[tuple[str, str]] = ("carrier", "pair")
    days: ClassVar[int] = 8
    least: ClassVar[int] = 3
    weight: ClassVar[float] = 60.0

    def signed(
        self, seq: int, carrier: str, inspector: tuple[str, str], signer: tuple[str, str]
    ) -> None:
        if inspector[0] and signer[0]:
            pair = (f"{inspector[0]}+{signer[0]}", f"{inspector[1]} + {signer[1]}")
            self.meet(seq, (carrier, carrier), pair)

    def words(self, one: str, other: str, n: int, of: int) -> Message:
        return worded(
            "{other} inspected and signed {n} of the {of} trucks of {one} in eight days",
            one=one,
            other=other,
            n=n,
            of=of,
        )


class Released(Pairs):
    """Who released holds, and for which carrier."""

    key: ClassVar[str] = "released_pairs"
    title = worded("One supervisor releases for one carrier")
    names: ClassVar[tuple[str, str]] = ("supervisor", "carrier")
    reads: ClassVar[frozenset[str]] = frozenset(
        {EventType.FREIGHT_ARRIVED, EventType.FREIGHT_RELEASED}
    )
    days: ClassVar[int] = 8
    least: ClassVar[int] = 3
    weight: ClassVar[float] = 80.0
    by_count: ClassVar[bool] = True

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._carriers: dict[str, str] = {}

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        number = need(data, "freight")
        if event.type == EventType.FREIGHT_ARRIVED:
            self._carriers[number] = text(data, "carrier")
            if len(self._carriers) > 3000:
                for old in list(self._carriers)[:1000]:
                    del self._carriers[old]
            return
        carrier = self._carriers.get(number, "")
        self.meet(event.seq, _second(data, "supervisor"), (carrier, carrier))

    def words(self, one: str, other: str, n: int, of: int) -> Message:
        return worded(
            "{one} released {n} holds for {other} in eight days, of {of} that they released",
            one=one,
            other=other,
            n=n,
            of=of,
        )


class Escorted(Pairs):
    """Which visitor and which escort."""

    key: ClassVar[str] = "escort_pairs"
    title = worded("A visitor with the same escort only")
    names: ClassVar[tuple[str, str]] = ("visitor", "escort")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.VISIT_HOST_CONTACTED})
    days: ClassVar[int] = 28

    def take(self, seen: Seen) -> None:
        data = seen.event.data
        name, escort = need(data, "name"), text(data, "escort")
        self.meet(
            seen.event.seq, (same(name), name), (text(data, "escort_id") or same(escort), escort)
        )

    def words(self, one: str, other: str, n: int, of: int) -> Message:
        return worded(
            "{other} escorted {n} of the {of} visits of {one} in four weeks",
            one=one,
            other=other,
            n=n,
            of=of,
        )


def _second(data: Any, name: str) -> tuple[str, str]:
    """Id and name of the second person of an act."""
    second = data.get("second")
    shown = text(data, name)
    if isinstance(second, dict):
        return text(second, "person") or text(second, "account") or shown, shown
    return shown, shown
