"""Deceptive pickups: a truck that comes in another's place.

The commonest theft at Mexican gates is a load that is fetched by whoever knew of it: early, with
another driver or tractor than announced, for a carrier that never came before, by a driver who came
for another carrier.  Each of that is ordinary by itself; the finding is their sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import Message, worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import key, need, text
from gateway.patterns.state import Books
from gateway.patterns.surprise import bits, rank_bits, shrunk

_LAGS = 400
_ANNOUNCED = 5000
_MOST_SHARE = 9.0


@dataclass(frozen=True, slots=True)
class Came:
    """An arrival: `shown` is the fingerprint of the driver's ID, `at` in seconds since 1970."""

    freight: str
    driver: str
    carrier: str
    tractor: str
    shown: str
    at: float
    seq: int


class Pickup(Detector):
    """Each arrival against the announcement, the carrier's past and the driver's past."""

    key: ClassVar[str] = "pickup"
    title = worded("Pickup that may be deceptive")
    prior: ClassVar[float] = 1.0
    reads: ClassVar[frozenset[str]] = frozenset(
        {
            EventType.FREIGHT_EXPECTED,
            EventType.FREIGHT_ARRIVED,
            EventType.FREIGHT_IDENTIFIED,
            EventType.FREIGHT_TURNED_AWAY,
        }
    )

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._expected = books.book("expected")  # freight: what was announced
        self._carriers = books.book("carriers")  # carrier: {n, changed: {...}}
        self._drivers = books.book("drivers")  # driver: {carrier: [n, last day]}
        self._site = books.book("site")
        self._today: list[tuple[Came, dict[str, Any] | None]] = []
        self._ids: dict[str, str] = {}

    def take(self, seen: Seen) -> None:
        data, kind = seen.event.data, seen.event.type
        number = need(data, "freight")
        if kind == EventType.FREIGHT_EXPECTED:
            eta = datetime.fromisoformat(need(data, "eta")).timestamp()
            announced = {name: text(data, name) for name in ("driver", "carrier", "tractor")}
            self._expected.put(number, {**announced, "eta": eta, "seq": seen.event.seq})
        elif kind == EventType.FREIGHT_ARRIVED:
            came = Came(
                number,
                text(data, "driver"),
                text(data, "carrier"),
                text(data, "tractor"),
                text(data, "id_fingerprint"),
                seen.at,
                seen.event.seq,
            )
            self._today.append((came, self._expected.get(number)))
            self._expected.drop(number)
        elif kind == EventType.FREIGHT_IDENTIFIED:
            self._ids[number] = text(data, "id_fingerprint")
        else:
            self._expected.drop(number)

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        self.tests = len(self._today)
        for came, announced in self._today:
            found.append(self._judge(day, came, announced))
            self._learn(day, came, announced)
        self._today = []
        self._ids = {}
        if day.number % 30 == 0 and len(self._expected) > _ANNOUNCED:
            oldest = sorted(self._expected, key=lambda name: float(self._expected[name]["eta"]))
            for old in oldest[:-_ANNOUNCED]:
                self._expected.drop(old)
        return found

    def _share(self, name: str, carrier: str) -> float:
        """Bits of that happening at an arrival of that carrier."""
        site = self._site.get("counts", {})
        own = self._carriers.get(carrier, {})
        rate = (site.get(name, 0) + 0.5) / (site.get("n", 0) + 10)
        return bits(shrunk(own.get(name, 0), own.get("n", 0), rate, 20.0))

    def _odd(self, came: Came, announced: Mapping[str, Any] | None) -> list[tuple[str, Message]]:
        """What was odd, by name."""
        driver = self._driver(came)
        known = self._drivers.get(driver, {})
        odd: list[tuple[str, Message]] = []
        if announced is None:
            odd.append(("unannounced", worded("nobody had announced the truck")))
        else:
            if key(announced["driver"]) != key(came.driver):
                odd.append(("driver", worded("another driver than announced")))
            if announced["tractor"] and key(announced["tractor"]) != key(came.tractor):
                odd.append(("tractor", worded("another tractor than announced")))
            if key(announced["carrier"]) != key(came.carrier):
                odd.append(("carrier", worded("another carrier than announced")))
        others = [name for name in known if name != came.carrier]
        if came.carrier not in self._carriers:
            odd.append(("first", worded("the first load of this carrier")))
        elif driver not in self._drivers:
            odd.append(("new_driver", worded("a driver who never came for this carrier")))
        if others and came.carrier not in known:
            words = worded("the driver came for {other} before", other=others[-1])
            odd.append(("other_carrier", words))
        return odd

    def _judge(self, day: Day, came: Came, announced: Mapping[str, Any] | None) -> Candidate:
        shares = [
            (words, min(_MOST_SHARE, self._share(name, came.carrier)))
            for name, words in self._odd(came, announced)
        ]
        if announced is not None:
            early = (announced["eta"] - came.at) / 60
            if early > 0:
                worth = rank_bits(early, self._site.get("early", []))
                shares.append(
                    (worded("{minutes} minutes before its time", minutes=round(early)), worth)
                )
        words = worded(
            "truck {freight}: {driver} of {carrier}: {n} things were not as announced or usual",
            freight=came.freight,
            driver=came.driver,
            carrier=came.carrier,
            n=sum(1 for _, worth in shares if worth > 1),
        )
        about = {"freight": came.freight, "driver": came.driver, "carrier": came.carrier}
        records = [came.seq, *([announced["seq"]] if announced else [])]
        return self.candidate(day, sum(w for _, w in shares), words, shares, about, records)

    def _learn(self, day: Day, came: Came, announced: Mapping[str, Any] | None) -> None:
        odd = self._odd(came, announced)
        site = self._site.open("counts", dict)
        own = self._carriers.open(came.carrier, dict)
        for name, _ in odd:
            site[name] = site.get(name, 0) + 1
            own[name] = own.get(name, 0) + 1
        site["n"] = site.get("n", 0) + 1
        own["n"] = own.get("n", 0) + 1
        known = self._drivers.open(self._driver(came), dict)
        known[came.carrier] = [known.get(came.carrier, [0])[0] + 1, day.date.isoformat()]
        if announced is not None:
            early = self._site.open("early", list)
            early.append(round((announced["eta"] - came.at) / 60, 1))
            del early[:-_LAGS]

    def _driver(self, came: Came) -> str:
        """Who drives: by the ID that the guard verified, else by name."""
        return came.shown or self._ids.get(came.freight, "") or key(came.driver)
