"""From the log to days: whole days only, each once, whatever the clock did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.ledger.chain import canonical
from gateway.ledger.event import Event
from gateway.ledger.kept import Kept
from gateway.patterns.engine import Engine
from gateway.patterns.run import look

from .test_engine import MONDAY, ZONE, Site


class Log:
    """What `look` needs of a reader."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    @property
    def last_seq(self) -> int:
        return len(self.bodies)

    def kept_after(self, seq: int, limit: int) -> list[Kept]:
        part = self.bodies[seq : seq + limit]
        return [Kept(seq + n, body, b"", b"") for n, body in enumerate(part, 1)]

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            names = ("id", "time", "type", "subject", "data")
            self.bodies.append(canonical({name: getattr(event, name) for name in names}))


class Watched(Engine):
    """Notes the days that it was given."""

    def __init__(self) -> None:
        super().__init__(ZONE)
        self.days: list[tuple[date, int]] = []

    def day(self, day: date, events: Iterable[Event]) -> None:
        some: Sequence[Event] = list(events)
        self.days.append((day, len(some)))
        super().day(day, some)


def days(log: Any, today: date, engine: Watched | None = None) -> list[tuple[date, int]]:
    engine = engine or Watched()
    look(engine, log, ZONE, today)
    return engine.days


def test_whole_days_are_taken_in_once_and_today_is_not() -> None:
    site, log, engine = Site(), Log(), Watched()
    last = MONDAY + timedelta(2)
    newest = site.day(last)
    for events in (site.day(MONDAY), site.day(MONDAY + timedelta(1)), newest):
        log.add(events)
    assert [day for day, _ in days(log, last, engine)] == [MONDAY, MONDAY + timedelta(1)]
    assert len(days(log, last, engine)) == 2
    log.add([site.badge(last, 1439, 1)])
    assert days(log, last + timedelta(1), engine)[-1] == (last, len(newest) + 1)


def test_days_without_records_are_days_and_a_year_without_is_not() -> None:
    site, log = Site(), Log()
    for n in (0, 4, 400):
        log.add(site.day(MONDAY + timedelta(n)))
    taken = days(log, MONDAY + timedelta(500))
    assert [(day - MONDAY).days for day, _ in taken] == [0, 1, 2, 3, 4, 400]


@pytest.mark.parametrize("wrong", ["1970-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "soon"])
def test_a_clock_that_was_wrong_tears_no_day_apart(wrong: str) -> None:
    site, log = Site(), Log()
    first = site.day(MONDAY)
    odd = Event(0, "x", wrong, "door.held", "dock", {}, "", "")
    log.add([*first[:9], odd, *first[9:]])
    log.add(site.day(MONDAY + timedelta(1)))
    taken = days(log, MONDAY + timedelta(2))
    assert [day for day, _ in taken] == [MONDAY, MONDAY + timedelta(1)]
    assert taken[0][1] == len(first) + 1


def test_a_record_that_cannot_be_read_is_counted() -> None:
    site, log, engine = Site(), Log(), Watched()
    log.add(site.day(MONDAY))
    end = log.bodies[-1][-120:]
    log.bodies += ["", "{", '"type":"access.denied"}', '[1,"type":"access.denied"}', end]
    log.add(site.day(MONDAY + timedelta(1)))
    assert len(days(log, MONDAY + timedelta(2), engine)) == 2
    assert engine.unreadable >= 1


def test_a_log_shorter_than_what_was_learnt_is_read_from_its_beginning() -> None:
    site, log, engine = Site(), Log(), Watched()
    log.add(site.day(MONDAY))
    engine.progress["seq"] = 10**9
    assert [day for day, _ in days(log, MONDAY + timedelta(1), engine)] == [MONDAY]
