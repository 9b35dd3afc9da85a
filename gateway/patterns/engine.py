"""The patterns of one site, day by day.

`Engine.day` takes the records of one local day, `Engine.week` says what is shown of a week.  The
same days in the same order give the same findings.  With a `state_path` the engine goes on after a
restart where `save` left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.ledger.event import Event
from gateway.patterns import budget as rule
from gateway.patterns.detectors import ALL
from gateway.patterns.model import (
    Candidate,
    Day,
    Detector,
    Finding,
    Seen,
    Taught,
    finding,
    subject_of,
)
from gateway.patterns.packed import pack, pack_finding, unpack, unpack_finding
from gateway.patterns.state import Store
from gateway.vault.statefile import Damage

_MAXIMA = 52
_TESTS_SHARE = 0.1


class Engine:
    """All detectors over the records of one site.

    `zone` is the site's, `budget` how many findings a week it wants.  Raises PatternsUnavailable if
    the state can't be read.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        budget: int = 5,
        state_path: Path | None = None,
        kinds: Sequence[type[Detector]] = ALL,
    ) -> None:
        self._zone = zone
        self._budget = budget
        self._store = Store(state_path)
        self.detectors = [kind(self._store.books(kind.key)) for kind in kinds]
        self._readers: dict[str, list[Detector]] = {}
        for detector in self.detectors:
            for kind_read in detector.reads:
                self._readers.setdefault(kind_read, []).append(detector)
        self._priors = {kind.key: kind.prior for kind in kinds}
        own = self._store.books("engine")
        self._weeks = own.book("weeks")
        self._maxima = own.book("maxima")
        self._tests = own.book("tests")
        self._shown = own.book("shown")
        self.taught: Mapping[str, Taught] = {}
        """What people said of findings (book.py): set it before `day`."""
        self.unreadable = 0

    @property
    def damage(self) -> Damage | None:
        """What was wrong with the state's file, which is learnt anew."""
        return self._store.damage

    @property
    def reads(self) -> frozenset[str]:
        """The types of record that some detector reads; others need not be given."""
        return frozenset(self._readers)

    @property
    def newest(self) -> date | None:
        """The last day that was taken in."""
        text = self._store.progress.get("day")
        return date.fromisoformat(text) if text else None

    @property
    def progress(self) -> dict[str, Any]:
        """What the caller wants to keep with the state, such as the number of the last record."""
        return self._store.progress

    def save(self) -> None:
        """Keep the state; raises PatternsUnavailable."""
        self._store.save()

    def day(self, day: date, events: Iterable[Event]) -> None:
        """Take in the records of a local day.  Days come in order; a day that was taken in already
        is left alone.  A record with another form than ours is passed over and counted."""
        if self.newest is not None and day <= self.newest:
            return
        clock = _Clock(day, self._zone)
        readers = self._readers
        for event in events:
            takers = readers.get(event.type)
            if takers is None:
                continue
            try:
                seen = Seen(event, *clock.read(event.time))
                for detector in takers:
                    detector.take(seen)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                self.unreadable += 1
        count = int(self._store.progress.get("days", 0))
        self._close(Day(day, count))
        self._store.progress["day"] = day.isoformat()
        self._store.progress["days"] = count + 1

    def week(self, monday: date) -> list[Finding]:
        """What is shown of the week that begins on `monday`, so far, the strangest first."""
        kept = self._weeks.get(_monday(monday).isoformat(), {"shown": []})
        found = [unpack_finding(item) for item in kept["shown"]]
        return sorted(found, key=lambda item: (-item.score_bits, item.id))

    def candidates(self, monday: date) -> list[tuple[float, Candidate]]:
        """All candidates of a week with their bits after the deductions, the strangest first: for
        whoever tunes a detector."""
        kept = self._weeks.get(_monday(monday).isoformat())
        return self._ranked([unpack(item) for item in kept["candidates"]] if kept else [])

    def _close(self, today: Day) -> None:
        week = _monday(today.date)
        entry = self._weeks.open(week.isoformat(), lambda: {"candidates": [], "shown": []})
        for detector in self.detectors:
            detector.tests = 0.0
            found = detector.close(today)
            tests = self._tests.open(detector.key, lambda: [0.0])
            share = max(_TESTS_SHARE, 1 / (today.number + 1))
            tests[0] += share * (detector.tests - tests[0])
            if today.number >= detector.warm_up:
                entry["candidates"] += [pack(item) for item in found if item.raw > rule.BAR]
        self._show(entry, today)
        if today.date.weekday() == 6:
            self._end_week(entry)
            for old in [key for key in self._weeks if key < (week - timedelta(70)).isoformat()]:
                self._weeks.drop(old)

    def _show(self, entry: dict[str, Any], today: Day) -> None:
        shown = [unpack_finding(item) for item in entry["shown"]]
        last = today.date.weekday() == 6
        bar = rule.BAR if last else rule.EARLY
        crowd: dict[str, int] = {}
        for old in shown:
            crowd[old.detector] = crowd.get(old.detector, 0) + 1
        told = {record for old in shown for record in old.records}
        subjects = {old.subject for old in shown}
        for most, item in self._ranked([unpack(one) for one in entry["candidates"]]):
            if len(shown) >= self._budget:
                break
            net = most - rule.CROWD_BITS * max(0, crowd.get(item.detector, 0) - 1)
            subject = subject_of(item.detector, item.about)
            if net < bar or subject in subjects or told & set(item.records):
                continue
            if self._known(subject, net, today.date):
                continue
            made = finding(
                item.detector, item.day, net, item.words, item.shares, item.about, item.records
            )
            shown.append(made)
            entry["shown"].append(pack_finding(made))
            crowd[item.detector] = crowd.get(item.detector, 0) + 1
            told.update(made.records)
            subjects.add(subject)
            self._shown.put(subject, [today.date.isoformat(), net])

    def _known(self, subject: str, net: float, day: date) -> bool:
        """Whether the subject was shown not long ago, and is not much stranger now."""
        before = self._shown.get(subject)
        if before is None:
            return False
        recent = (day - date.fromisoformat(before[0])).days <= rule.AGAIN_DAYS
        return recent and net < float(before[1]) + rule.AGAIN_BITS

    def _ranked(self, items: Iterable[Candidate]) -> list[tuple[float, Candidate]]:
        return rule.merged((self._net(item), item) for item in items)

    def _net(self, item: Candidate) -> float:
        taught = rule.lesson(item, self.taught)
        if item.physical:
            return min(rule.MOST, item.raw) - taught
        net = min(rule.MOST, item.raw) - self._looks(item.detector)
        net = rule.usual(self._maxima.get(item.detector, ())).net(net)
        return net + self._priors.get(item.detector, 0.0) - taught

    def _looks(self, detector: str) -> float:
        return rule.looks(7 * float(self._tests.get(detector, [1.0])[0]))

    def _end_week(self, entry: dict[str, Any]) -> None:
        """Learn how strange the week was for each detector, by what it found at most."""
        best: dict[str, float] = {}
        for packed in entry["candidates"]:
            if packed["physical"]:
                continue
            name = packed["detector"]
            best[name] = max(best.get(name, 0.0), packed["raw"] - self._looks(name))
        days = int(self._store.progress.get("days", 0))
        for detector in self.detectors:
            if days >= detector.warm_up + 7:
                maxima = self._maxima.open(detector.key, list)
                maxima.append(round(best.get(detector.key, 0.0), 2))
                del maxima[:-_MAXIMA]


class _Clock:
    """Times of records as seconds and as minutes of the local day."""

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        begin = datetime.combine(day, time(), zone)
        self._zone = zone
        self._begin = begin.timestamp()
        end = datetime.combine(day + timedelta(1), time(), zone).timestamp()
        self._plain = end - self._begin == 86400.0

    def read(self, text: str) -> tuple[float, int]:
        moment = datetime.fromisoformat(text)
        at = moment.timestamp()
        if self._plain:
            return at, int((at - self._begin) // 60) % 1440
        local = moment.astimezone(self._zone)
        return at, local.hour * 60 + local.minute


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())
