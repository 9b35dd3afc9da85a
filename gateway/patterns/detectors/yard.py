"""Trucks whose time between gate and gate grew; seals out of sequence and often voided; drivers and
loads that come twice."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.patterns.model import Candidate, Day, Detector, Seen
from gateway.patterns.read import key as same
from gateway.patterns.read import need, text, texts
from gateway.patterns.state import Books
from gateway.patterns.surprise import bits, high_bits, middle, rank_bits, share_bits, spread
from gateway.patterns.windows import Window, f1

_TIMES = 300
_WEEKS = 14


class YardTime(Detector):
    """From arrival to departure: each truck against the carrier's past and the site's, and two
    weeks of a carrier or a driver."""

    key: ClassVar[str] = "yard_time"
    title = worded("A truck's time in the yard grew")
    prior: ClassVar[float] = 4.0
    reads: ClassVar[frozenset[str]] = frozenset({EventType.FREIGHT_DEPARTED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._site = books.book("site")
        self._carriers = books.book("carriers")
        self._lately = books.book("lately")
        self._today: list[tuple[str, str, str, float, int]] = []

    def take(self, seen: Seen) -> None:
        data = seen.event.data
        came = datetime.fromisoformat(need(data, "arrived_at"))
        left = datetime.fromisoformat(need(data, "departed_at"))
        minutes = (left - came).total_seconds() / 60
        if 0 < minutes < 10_000:
            row = (need(data, "freight"), need(data, "carrier"), need(data, "driver"))
            self._today.append((*row, math.log(minutes), seen.event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found: list[Candidate] = []
        site = self._site.open("all", list)
        self.tests = float(len(self._today)) + 1
        centre, scale = middle(site), spread(site, 0.12)
        todays: list[tuple[float, str]] = []
        for freight, carrier, driver, took, seq in self._today:
            own = self._carriers.open(carrier, list)
            weight = len(own) / (len(own) + 20)
            usual = weight * middle(own) + (1 - weight) * centre if own else centre
            worth = high_bits(took, usual, scale, 4.0) if len(site) >= 30 else 0.0
            z = (took - usual) / scale if len(site) >= 30 else 0.0
            todays.append((z, carrier))
            # A slow day is slow for all carriers.
            others = [one for one, name in todays if name != carrier]
            z -= max(0.0, middle(others)) if len(others) > 3 else 0.0
            if worth > 4:
                words = worded(
                    "truck {freight} of {carrier} was inside for {minutes} min, {usual} are usual",
                    freight=freight,
                    carrier=carrier,
                    minutes=round(math.exp(took)),
                    usual=round(math.exp(usual)),
                )
                about = {"freight": freight, "carrier": carrier, "driver": driver}
                found.append(self.candidate(day, worth, words, [(words, worth)], about, [seq]))
            for name in (f"carrier/{carrier}", f"driver/{same(driver)}"):
                lately = self._lately.open(name, list)
                lately.append([day.number, seq, round(z, 2)])
                lately[:] = [one for one in lately if day.number - one[0] <= _WEEKS][-80:]
            if z < 3 and len(own) < 60:  # the first ones stay: what grows slowly is seen
                own.append(round(took, 3))
            if z < 3:
                site.append(round(took, 3))
                del site[:-_TIMES]
        for carrier in dict.fromkeys(row[1] for row in self._today):
            found += self._grew(day, f"carrier/{carrier}", {"carrier": carrier}, carrier)
        for driver in dict.fromkeys(row[2] for row in self._today):
            found += self._grew(day, f"driver/{same(driver)}", {"driver": driver}, driver)
        self._today = []
        return found

    def _grew(self, day: Day, name: str, about: dict[str, str], who: str) -> Iterator[Candidate]:
        lately = self._lately[name]
        best, days, records = 0.0, 0, []
        for span in (2, 4, 7):
            part = [one for one in lately if day.number - one[0] < span]
            if len(part) < 2:
                continue
            mean = sum(max(-2.5, min(3.5, one[2])) for one in part) / math.sqrt(len(part))
            worth = high_bits(mean, 0.0, 1.1, 12.0) - 1.6
            if worth > best:
                best, days = worth, span
                records = [one[1] for one in part if one[2] > 0.5]
        if not records:
            return
        words = worded(
            "trucks of {who} took longer from gate to gate for {days} days ({n} of them)",
            who=who,
            days=days,
            n=len(records),
        )
        yield self.candidate(day, best, words, [(words, best)], about, records)


_NEAR = 4
"""Trucks that are sealed at the same time take numbers in another order."""
_NUMBER = re.compile(r"(.*?)(\d{1,15})")


class Seals(Detector):
    """Each seal put on against the numbers put on before it."""

    key: ClassVar[str] = "seals"
    title = worded("Seals out of sequence")
    prior: ClassVar[float] = -2.0
    reads: ClassVar[frozenset[str]] = frozenset({EventType.SEAL_AFFIXED})
    warm_up: ClassVar[int] = 14

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._runs = books.book("runs")  # prefix: last numbers
        self._gaps = books.book("gaps")
        self._odd = books.book("odd")  # those out of sequence of the last days
        self._today: list[tuple[str, str, int]] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who = text(data, "by_person") or need(data, "by")
        self._today.append((need(data, "seal"), who, event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        gaps = self._gaps.open("all", list)
        self.tests = float(len(self._today)) + 1
        odd = self._odd.open("all", list)
        odd[:] = [one for one in odd if day.number - one[0] < 5]
        for seal, who, seq in self._today:
            match = _NUMBER.fullmatch(seal)
            if match is None:
                continue
            runs = self._runs.open(match[1], list)
            value = int(match[2])
            gap = min((abs(value - old) for old in runs), default=0)
            if runs and len(gaps) >= 30 and gap > _NEAR:
                worth = min(12.0, rank_bits(gap, gaps) + math.log2(gap) / 2)
                odd.append([day.number, seq, round(worth, 2)])
                found.append(self._out(day, seal, who, gap, worth, odd))
            gaps.append(min(gap, 10_000))
            del gaps[:-_TIMES]
            runs.append(value)
            del runs[:-20]
        self._today = []
        return found

    def _out(
        self, day: Day, seal: str, who: str, gap: int, worth: float, odd: list[Any]
    ) -> Candidate:
        words = worded(
            "seal {seal} lies {gap} numbers away from those that were put on before it",
            seal=seal,
            gap=gap,
        )
        shares = [(words, worth)]
        if len(odd) > 1:
            more = 0.6 * sum(one[2] for one in odd[:-1])
            shares.append((worded("{n} others within five days", n=len(odd) - 1), more))
        raw = sum(one for _, one in shares)
        return self.candidate(day, raw, words, shares, {"guard": who}, [one[1] for one in odd])


class Voids(Detector):
    """Seals that one person voids, against those that the others void and against how many they put
    on."""

    key: ClassVar[str] = "voids"
    title = worded("Seals often voided by one person")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.SEAL_AFFIXED, EventType.SEAL_VOIDED})
    warm_up: ClassVar[int] = 14

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._window = Window(books.book("voids"), days=7)
        self._uses = Window(books.book("uses"), days=7)
        self._names = books.book("names")
        self._today: list[tuple[str, int, bool]] = []

    def take(self, seen: Seen) -> None:
        event, data = seen.event, seen.event.data
        who = text(data, "by_person") or need(data, "by")
        name = text(data, "by_name") or text(data, "by")
        if self._names.get(who) != name:
            self._names.put(who, name)
        self._today.append((who, event.seq, event.type == EventType.SEAL_VOIDED))

    def close(self, day: Day) -> Sequence[Candidate]:
        for who, seq, void in self._today:
            (self._window if void else self._uses).add(who, day.number, seq)
        voids = dict.fromkeys(who for who, _, void in self._today if void)
        self.tests = float(len(voids)) + 0.2
        self._today = []
        return [self._voided(day, who) for who in voids]

    def _voided(self, day: Day, who: str) -> Candidate:
        burst = self._window.burst(who, day.number, keys=len(self._names))
        used = self._uses.burst(who, day.number)
        of = burst.n + used.n
        share = share_bits(burst.n, of, max(0.005, burst.expected / max(of, 1)), 60.0)
        worth = max(burst.bits, share)
        words = worded("{who} voided {n} seals in a week", who=self._names.get(who, who), n=burst.n)
        usual = worded("{usual} are usual", usual=f1(burst.expected))
        return self.candidate(day, worth, words, [(usual, worth)], {"guard": who}, burst.records)


class Drivers(Detector):
    """A driver's ID under two carriers or two names, and one load fetched by two drivers."""

    key: ClassVar[str] = "drivers"
    title = worded("One driver for two carriers, or two drivers for one load")
    prior: ClassVar[float] = 5.0
    reads: ClassVar[frozenset[str]] = frozenset(
        {EventType.FREIGHT_ARRIVED, EventType.FREIGHT_TURNED_AWAY}
    )

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._ids = books.book("ids")  # fingerprint: {carrier: [day, seq, driver]}
        self._loads = books.book("loads")  # unit or document: [day, seq, driver id, driver]
        self._site = books.book("site")
        self._today: list[tuple[int, Any]] = []
        self._away: dict[str, int] = {}

    def take(self, seen: Seen) -> None:
        data = seen.event.data
        if seen.event.type == EventType.FREIGHT_TURNED_AWAY:
            self._away[need(data, "freight")] = seen.event.seq
            return
        things = [*texts(data, "units"), *texts(data, "documents")]
        shown = text(data, "id_fingerprint") or same(need(data, "driver"))
        row = {
            "freight": need(data, "freight"),
            "driver": need(data, "driver"),
            "carrier": text(data, "carrier"),
            "shown": shown,
            "things": things,
        }
        self._today.append((seen.event.seq, row))

    def close(self, day: Day) -> Sequence[Candidate]:
        found: list[Candidate] = []
        counts = self._site.open("counts", dict)
        self.tests = float(len(self._today)) + 1
        counts["away"] = counts.get("away", 0) + len(self._away)
        for seq, row in self._today:
            counts["n"] = counts.get("n", 0) + 1
            found += self._two_carriers(day, seq, row, counts)
            found += self._two_drivers(day, seq, row, counts)
        for old in [name for name, one in self._loads.items() if day.number - one[0] > 5]:
            self._loads.drop(old)
        self._today, self._away = [], {}
        return found

    def _two_carriers(
        self, day: Day, seq: int, row: dict[str, Any], counts: dict[str, int]
    ) -> Iterator[Candidate]:
        known = self._ids.open(row["shown"], dict)
        others = [
            (name, *one)
            for name, one in known.items()
            if name != row["carrier"] and day.number - one[0] <= 120
        ]
        new = row["carrier"] not in known or day.number - known[row["carrier"]][0] > 120
        known[row["carrier"]] = [day.number, seq, row["driver"]]
        if not others or not new:
            return
        # How often a driver comes for a second carrier at this site, and how soon.
        rate = (counts.get("carriers", 0) + 0.5) / (counts["n"] + 20)
        counts["carriers"] = counts.get("carriers", 0) + 1
        other, last, before, _ = max(others, key=lambda one: one[1])
        days = day.number - last
        worth = bits(rate) + max(0.0, 4.0 - days / 4)
        words = worded(
            "{driver} came for {carrier}, and {days} days before for {other}",
            driver=row["driver"],
            carrier=row["carrier"],
            days=days,
            other=other,
        )
        about = {"driver": row["driver"], "carrier": row["carrier"], "freight": row["freight"]}
        yield self.candidate(day, worth, words, [(words, worth)], about, [seq, before])

    def _two_drivers(
        self, day: Day, seq: int, row: dict[str, Any], counts: dict[str, int]
    ) -> Iterator[Candidate]:
        for thing in row["things"]:
            before = self._loads.get(thing)
            self._loads.put(thing, [day.number, seq, row["shown"], row["driver"]])
            if before is None or before[2] == row["shown"] or day.number - before[0] > 2:
                continue
            rate = (counts.get("loads", 0) + 0.5) / (counts["n"] + 20)
            counts["loads"] = counts.get("loads", 0) + 1
            worth = bits(rate) + (3.0 if before[0] == day.number else 0.0)
            records = [seq, before[1]]
            if row["freight"] not in self._away:
                worth -= self.prior  # the same trailer may well come back with another driver
            else:
                worth += bits((counts["away"] + 1) / (counts["n"] + 50))
                records.append(self._away[row["freight"]])
            words = worded(
                "{driver} came for {thing}, for which {other} had come before",
                driver=row["driver"],
                thing=thing,
                other=before[3],
            )
            about = {"driver": row["driver"], "freight": row["freight"], "load": thing}
            yield self.candidate(day, worth, words, [(words, worth)], about, records)


class FreightHours(Detector):
    """Arrivals at hours at which the carrier never came, and hardly anybody does."""

    key: ClassVar[str] = "freight_hours"
    title = worded("A truck at an unusual hour")
    reads: ClassVar[frozenset[str]] = frozenset({EventType.FREIGHT_ARRIVED})

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._hours = books.book("hours")  # carrier, or "" for all: arrivals by hour
        self._odd = books.book("odd")  # carrier: [day, record, bits]
        self._today: list[tuple[str, int, int]] = []

    def take(self, seen: Seen) -> None:
        self._today.append((need(seen.event.data, "carrier"), seen.hour, seen.event.seq))

    def close(self, day: Day) -> Sequence[Candidate]:
        found = []
        self.tests = float(len(self._today)) + 0.2
        for carrier, hour, seq in self._today:
            site = self._hours.open("", lambda: [0] * 24)
            own = self._hours.open(carrier, lambda: [0] * 24)
            base = (_beside(site, hour) + 0.3) / (sum(site) + 7)
            worth = bits(min(1.0, (_beside(own, hour) + 10 * base) / (sum(own) + 10)))
            odd = self._odd.open(carrier, list)
            odd[:] = [one for one in odd if day.number - one[0] < 7]
            if worth > 5:
                before = 0.6 * sum(one[2] for one in odd)
                odd.append([day.number, seq, round(worth, 2)])
                words = worded(
                    "a truck of {carrier} came at about {hour}:00, when it never comes",
                    carrier=carrier,
                    hour=str(hour).zfill(2),
                )
                shares = [(words, worth)]
                if before:
                    shares.append(
                        (worded("and {n} times in the week before", n=len(odd) - 1), before)
                    )
                records = [one[1] for one in odd]
                about = {"carrier": carrier}
                found.append(self.candidate(day, worth + before, words, shares, about, records))
            own[hour] += 1
            site[hour] += 1
        self._today = []
        return found


def _beside(hours: Sequence[int], hour: int) -> float:
    return hours[hour] + 0.3 * (hours[hour - 1] + hours[(hour + 1) % 24])
