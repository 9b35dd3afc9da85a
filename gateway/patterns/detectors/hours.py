"""Hours and doors that are unusual for a person.

About three people in ten are regular enough to be held against their own past (published on real
door logs); the others are held against their shift: people of the same access level who come at
about the same time.  It is decided anew for each person, and the finding says which.  Who moves to
another shift for more than a week is counted anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import Message, worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import need, texts
from gateway.patterns.state import Books
from gateway.patterns.surprise import bits, middle, spread

REGULAR_MIN = 20.0
"""Whose arrivals are no farther from each other than this (robust spread, minutes) is regular."""
_FADE = 0.99
_ARRIVALS = 30
_AWAY_S = 5 * 3600
_ODD = 5.0
_KEEP_DAYS = 14
_MOVED = 5


@dataclass(slots=True)
class _Today:
    name: str
    group: str
    hours: dict[int, tuple[str, int]] = field(default_factory=dict)  # hour: door, seq
    doors: dict[str, int] = field(default_factory=dict)  # door: seq
    arrivals: list[int] = field(default_factory=list)


class Hours(Detector):
    """Hours of a day in which a person passed some door, against their own and their shift's."""

    key: ClassVar[str] = "hours"
    title = worded("Unusual hours")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.ACCESS_GRANTED})
    warm_up: ClassVar[int] = 28

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._people = books.book("people")
        self._shifts = books.book("shifts")
        self._last: dict[str, float] = {}
        self._today: dict[str, _Today] = {}

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who, name = seen.who, seen.name
        if not who or who.startswith("visit-"):
            return
        door = need(data, "door")
        today = self._today.get(who)
        if today is None:
            facts = data.get("facts")
            levels = texts(facts, "levels") if isinstance(facts, dict) else []
            today = self._today[who] = _Today(name, ",".join(sorted(levels)[:3]))
        today.hours.setdefault(seen.hour, (door, event.seq))
        today.doors.setdefault(door, event.seq)
        if seen.at - self._last.get(who, 0.0) > _AWAY_S:
            today.arrivals.append(seen.minute)
        self._last[who] = seen.at

    def close(self, day: Day) -> Sequence[Candidate]:
        kind = "w" if day.weekend else "d"
        odd = self._odd(kind)
        found = list(self._candidates(day, kind, odd))
        self._learn(day, kind, odd)
        self.tests = float(len(self._today))
        self._today = {}
        return found

    def _shift(self, who: str, group: str) -> str:
        own = self._people.get(who)
        block = "?" if own is None or not own["come"] else str(round(_middle(own["come"]) / 150))
        return f"{group}/{block}"

    def _rate(self, who: str, today: _Today, kind: str, hour: int) -> tuple[float, bool]:
        """How likely the person is to pass in that hour of such a day, and whether by their own
        past (else by their shift's)."""
        own: dict[str, Any] = self._people.get(who) or _new()
        shift = self._shifts.get(self._shift(who, today.group)) or _new()
        days, peers = own["n" + kind], shift["n" + kind]
        # One in a thousand in any hour; the neighbouring hours count a little.
        base = (_near(shift[kind], hour) + 0.02) / (peers + 2.0)
        regular = own["spread"] <= REGULAR_MIN
        weight = 4.0 if regular else 12.0
        rate = (_near(own[kind], hour) + weight * base) / (days + weight)
        return min(1.0, rate), regular

    def _odd(self, kind: str) -> dict[str, list[tuple[float, int, bool]]]:
        """Per person the odd hours of the day: bits, hour, whether by their own past."""
        raw: dict[str, list[tuple[float, int, bool]]] = {}
        together: dict[tuple[str, int], int] = defaultdict(int)
        size: dict[str, int] = defaultdict(int)
        for who, today in self._today.items():
            size[today.group] += 1
            for hour in today.hours:
                rate, regular = self._rate(who, today, kind, hour)
                worth = bits(rate)
                if worth > _ODD:
                    raw.setdefault(who, []).append((worth, hour, regular))
                    together[today.group, hour] += 1
        found: dict[str, list[tuple[float, int, bool]]] = {}
        for who, hours in raw.items():
            group = self._today[who].group
            for worth, hour, regular in hours:
                # If others of the group did the same today, it is their work and not this person.
                others = together[group, hour] - 1
                most = bits(others / max(size[group], others, 1)) if others else worth
                left = min(worth, most)
                if left > _ODD:
                    found.setdefault(who, []).append((left, hour, regular))
        return found

    def _candidates(
        self, day: Day, kind: str, odd: dict[str, list[tuple[float, int, bool]]]
    ) -> Iterator[Candidate]:
        for who, hours in odd.items():
            today = self._today[who]
            own: dict[str, Any] = self._people.get(who) or _new()
            if own["nd"] + own["nw"] < 10:
                continue  # nobody knows yet what is usual for them
            worth, hour, regular = max(hours)
            door, seq = today.hours[hour]
            recent = [one for one in own["odd"] if day.number - one[0] <= _KEEP_DAYS]
            against = worded("against their own past") if regular else worded("against their shift")
            shares: list[tuple[Message, float]] = [(against, worth)]
            more = self._door(who, today, door)
            if more > 1:
                shares.append(
                    (worded("and by a door that is unusual for them: {door}", door=door), more)
                )
            if recent:
                again = min(12.0, 0.6 * sum(one[1] for one in recent))
                shares.append((worded("the {n}th time in two weeks", n=len(recent) + 1), again))
            raw = sum(one for _, one in shares)
            words = worded(
                "{name} passed {door} at about {hour}:00, an hour at which they are not here",
                name=today.name,
                door=door,
                hour=str(hour).zfill(2),
            )
            records = [seq, *(one[2] for one in recent)]
            yield self.candidate(day, raw, words, shares, {"person": who, "door": door}, records)

    def _door(self, who: str, today: _Today, door: str) -> float:
        """Bits of that door for that person on a day."""
        own: dict[str, Any] = self._people.get(who) or _new()
        shift = self._shifts.get(self._shift(who, today.group)) or _new()
        days = own["nd"] + own["nw"]
        base = (shift["doors"].get(door, 0.0) + 0.05) / (shift["nd"] + shift["nw"] + 2.0)
        rate = (own["doors"].get(door, 0.0) + 6 * base) / (days + 6)
        return min(6.0, 0.7 * bits(min(1.0, rate)))

    def _learn(self, day: Day, kind: str, odd: dict[str, list[tuple[float, int, bool]]]) -> None:
        for who, today in self._today.items():
            shift = self._shifts.open(self._shift(who, today.group), _new)
            own = self._people.open(who, _new)
            strange = {hour for _, hour, _ in odd.get(who, ())}
            for book in (own, shift):
                hours = book[kind]
                for hour in today.hours:
                    # What is odd is learnt slowly: who comes at night to be usual needs months.
                    hours[hour] += 0.25 if hour in strange else 1.0
                book["n" + kind] += 1.0
                for door in today.doors:
                    book["doors"][door] = book["doors"].get(door, 0.0) + 1.0
            if own["n" + kind] > 120:
                own[kind] = [value * 0.8 for value in own[kind]]
                own["n" + kind] *= 0.8
            own["come"] = [*own["come"], *today.arrivals][-_ARRIVALS:]
            own["spread"] = _spread(own["come"])
            if strange:
                worth, hour, _ = max(odd[who])
                own["odd"].append([day.number, round(worth - _ODD, 1), today.hours[hour][1]])
            own["odd"] = [one for one in own["odd"] if day.number - one[0] <= _KEEP_DAYS]
            if len({one[0] for one in own["odd"]}) >= _MOVED and _moved(own["come"]):
                fresh = _new()
                fresh["come"] = own["come"][-_MOVED:]
                self._people.put(who, fresh)
        if day.number % 60 == 59:
            for shift in list(self._shifts):
                entry = self._shifts.open(shift, _new)
                for name in ("d", "w"):
                    entry[name] = [round(value * 0.5, 2) for value in entry[name]]
                    entry["n" + name] *= 0.5
                entry["doors"] = {door: n * 0.5 for door, n in entry["doors"].items()}


def _new() -> dict[str, Any]:
    return {
        "d": [0.0] * 24,
        "w": [0.0] * 24,
        "nd": 0.0,
        "nw": 0.0,
        "come": [],
        "spread": 999.0,
        "doors": {},
        "odd": [],
    }


def _near(hours: Sequence[float], hour: int) -> float:
    """The count of an hour, with a part of its neighbours'."""
    beside = hours[(hour - 1) % 24] + hours[(hour + 1) % 24]
    return hours[hour] + 0.15 * beside


def _unrolled(minutes: Sequence[int]) -> list[float]:
    """Times around midnight made comparable: those far from the last one by half a day go over."""
    if not minutes:
        return []
    last = minutes[-1]
    return [last + (minute - last + 720) % 1440 - 720 for minute in minutes]


def _middle(minutes: Sequence[int]) -> float:
    return middle(_unrolled(minutes)) % 1440


def _spread(minutes: Sequence[int]) -> float:
    return spread(_unrolled(minutes), 1.0) if len(minutes) >= 8 else 999.0


def _moved(minutes: Sequence[int]) -> bool:
    """Whether the last arrivals lie together and elsewhere than those before."""
    if len(minutes) < 2 * _MOVED:
        return False
    times = _unrolled(minutes)
    new, old = times[-_MOVED:], times[:-_MOVED]
    return max(new) - min(new) < 180 and abs(middle(new) - middle(old)) > 180
