"""The gateway's upkeep (CTPAT 4.2, 4.12): its clock and its backups.  loghealth.py tells of its
starts and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import ClassVar

from gateway.evidence.handling import Handled
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Taker, count, real, seconds, text, who
from gateway.evidence.trucks import flag, in_words, offset
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

WEEK = timedelta(days=7)
"""Data are to be backed up every week."""
_CLOCK = frozenset({EventType.CLOCK_STEPPED, EventType.CLOCK_ACCEPTED})


@dataclass(slots=True)
class _Doubt:
    at: str
    record: int
    ahead_s: float | None
    accepted: str = ""
    by: str = ""


class Upkeep(Taker):
    """Takes the records that the gateway writes of itself."""

    key: ClassVar[str] = "upkeep"
    rules: ClassVar[Mapping[str, str]] = {
        "clock_in_doubt": N_("the clock was in doubt"),
        "backup_late": N_("there was no backup for more than a week"),
        "backup_in_clear": N_("a backup was not encrypted"),
    }
    before: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.BACKUP_MADE, EventType.GATEWAY_STARTED}
    )
    reads: ClassVar[frozenset[EventType]] = _CLOCK | before

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._doubts: list[_Doubt] = []
        self._backups: list[tuple[str, int]] = []
        self._last = ("", 0)
        self._first_run: tuple[str, int] | None = None
        self._wrong: list[Deviation] = []
        self._count: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type == EventType.BACKUP_MADE:
            self._backup(event, when)
        elif event.type in _CLOCK:
            self._clock(event, when)
        elif when is not When.AFTER:
            self._first_run = self._first_run or (event.time, event.seq)

    def _backup(self, event: Event, when: When) -> None:
        data = event.data
        if when is When.BEFORE:
            self._last = (event.time, event.seq)
        else:
            self._backups.append((event.time, event.seq))
        if when is not When.INSIDE:
            return
        self._count["backups"] += 1
        row = {
            "at": event.time,
            "file": text(data, "file"),
            "bytes": count(data, "bytes"),
            "last_seq": count(data, "last_seq"),
            "encrypted": not flag(data, "clear"),
            "site_key": flag(data, "site_key"),
            "by": who(data),
        }
        self.place.rows.add(BACKUPS.key, row, (event.seq,))
        if flag(data, "clear"):
            words = worded("the backup {file} was not encrypted", file=row["file"])
            self._add("backup_in_clear", event, words)

    def _clock(self, event: Event, when: When) -> None:
        data = event.data
        if event.type == EventType.CLOCK_ACCEPTED:
            for one in self._doubts:
                if not one.accepted:
                    one.accepted, one.by = event.time, who(data)
        else:
            ahead, trusted = real(data, "ahead_s"), data.get("trusted") is not False
            if trusted and not ahead:
                for one in self._doubts:
                    one.accepted = one.accepted or event.time
            elif when is When.INSIDE and (not self._doubts or self._doubts[-1].accepted):
                self._doubts.append(_Doubt(event.time, event.seq, ahead))
        if when is When.INSIDE:
            self._count["steps"] += event.type == EventType.CLOCK_STEPPED
            row = {
                "at": event.time,
                "what": event.type,
                "seconds": real(data, "seconds"),
                "trusted": data.get("trusted") if event.type == EventType.CLOCK_STEPPED else None,
                "behind_s": real(data, "behind_s") or real(data, "back_s"),
                "ahead_s": real(data, "ahead_s"),
                "by": who(data),
                "why": text(data, "why"),
            }
            self.place.rows.add(CLOCK.key, row, (event.seq,))

    def _add(self, rule: str, event: Event, words: Message) -> None:
        self._wrong.append(Deviation(rule, words, event.time, (event.seq,)))

    def found(self) -> Found:
        """The backups and the doubts of the clock in the span."""
        found = Found(self.key, worded("Clock and backups"), tables=[BACKUPS, CLOCK])
        found.populations = [Population(one.key, one.title, Frequency.RARE) for one in found.tables]
        found.deviations = [*self._wrong, *self._gaps(), *map(_doubt, self._doubts)]
        found.deviations.sort(key=lambda one: (one.at, one.records))
        found.figures = [
            Figure("backups", worded("backups"), self._count["backups"]),
            Figure("backup_gap", worded("longest time without one"), self._gap(), Unit.DAYS),
            Figure("clock_steps", worded("times that the clock moved"), self._count["steps"]),
            Figure("clock_doubts", worded("times that it was in doubt"), len(self._doubts)),
        ]
        return self.told(found)

    def _points(self) -> list[tuple[str, int]]:
        """The times between which a backup is asked for: the last one before the span or its begin
        or the first start, each backup in it, and its end."""
        span = self.place.span
        end = min(span.end, utc_text(self.place.as_of))
        if self._last[1]:
            first = self._last
        elif self._first_run is not None:
            first = (max(self._first_run[0], span.begin), self._first_run[1])
        elif self._backups:
            first = self._backups[0]
        else:
            return []
        inside = [one for one in self._backups if one[0] < span.end]
        return [first, *inside, (end, 0)]

    def _gap(self) -> float | None:
        points = self._points()
        gaps = [seconds(a[0], b[0]) or 0.0 for a, b in pairwise(points)]
        return round(max(gaps) / 86_400, 1) if gaps else None

    def _gaps(self) -> Iterator[Deviation]:
        points = self._points()
        for (begin, record), (end, ends) in pairwise(points):
            lasted = seconds(begin, end) or 0.0
            if lasted <= WEEK.total_seconds():
                continue
            words = worded("no backup for {days} days", days=round(lasted / 86_400, 1))
            later = next((one for one in self._backups if one[0] >= end), None)
            became = Handled(open=True)
            if ends or later is not None:
                at = end if ends or later is None else later[0]
                became = Handled(handled=worded("a backup was made"), handled_at=at)
            yield Deviation("backup_late", words, begin, (record,), **became)


def _doubt(one: _Doubt) -> Deviation:
    words = worded("the clock was behind the newest record")
    if one.ahead_s:
        words = worded("the clock leapt {seconds} s ahead", seconds=round(one.ahead_s))
    became = Handled(open=True)
    if one.accepted:
        became = Handled(
            handled=worded("it was taken for right again"),
            handled_by=one.by,
            handled_at=one.accepted,
        )
    return Deviation("clock_in_doubt", words, one.at, (one.record,), **became)


WHAT: Mapping[str, Message] = {
    EventType.CLOCK_STEPPED: worded("the clock moved"),
    EventType.CLOCK_ACCEPTED: worded("the clock was accepted"),
}
BACKUPS = Table(
    "backups",
    worded("Backups"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("file", N_("File"), width=2),
        Column("bytes", N_("Bytes"), width=0.8),
        Column("last_seq", N_("Up to record"), width=0.8),
        Column("encrypted", N_("Encrypted"), width=0.7),
        Column("site_key", N_("With the site key"), width=0.7),
        Column("by", N_("By"), personal=True),
    ),
)
CLOCK = Table(
    "clock",
    worded("The clock"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("what", N_("What happened"), in_words(WHAT), 1.2),
        Column("seconds", N_("Moved by"), offset, 0.8),
        Column("trusted", N_("Believed"), width=0.6),
        Column("behind_s", N_("Behind"), offset, 0.8),
        Column("ahead_s", N_("Ahead"), offset, 0.8),
        Column("by", N_("By"), personal=True),
        Column("why", N_("Why")),
    ),
)
