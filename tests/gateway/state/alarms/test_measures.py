"""The figures of ISA-18.2, against counts that were made by hand."""

from __future__ import annotations

from datetime import timedelta

from gateway.state.alarms.measures import figures
from gateway.state.alarms.model import Raise
from tests.gateway.state.alarms.records import START, Log

WEEK = timedelta(days=7)


def call(minutes: float, subject: str = "yard", kind: str = "held", **more: object) -> Raise:
    at = START + timedelta(minutes=minutes)
    return Raise(at, kind, subject, "medium", 1, 1, **more)  # type: ignore[arg-type]


def test_a_week_without_alarms() -> None:
    found = figures([], START, START + WEEK)
    assert (found.count, found.day_mean, found.period_most, found.floods) == (0, 0, 0, ())
    assert found.worst == () and found.seen_median_s is None and found.most_at is None


def test_means_and_the_busiest_ten_minutes() -> None:
    calls = [call(0), call(1), call(11), call(12), call(13), call(1000)]
    found = figures(calls, START, START + timedelta(days=1))
    assert found.count == 6 and found.day_mean == 6.0
    assert round(found.period_mean, 6) == round(6 / 144, 6)
    assert found.period_most == 3 and found.most_at == START + timedelta(minutes=10)
    assert found.share_over_ten == 0.0


def test_a_flood_begins_with_the_eleventh_in_ten_minutes_and_ends_below_five() -> None:
    # One every half minute for six minutes: 12 alarms; the eleventh comes at minute 5.
    calls = [call(n / 2, f"door-{n}") for n in range(12)]
    found = figures(calls, START, START + timedelta(hours=1))
    assert [(one.count, one.begins) for one in found.floods] == [(12, START)]
    # At 5.5 min the twelfth; from 3.5 min on (five in ten minutes) + 10 min there are fewer.
    assert found.floods[0].ends == START + timedelta(minutes=13.5)
    assert found.flood_share == 13.5 / 60 and found.share_over_ten == 1 / 6


def test_ten_in_ten_minutes_are_no_flood() -> None:
    calls = [call(n * 0.9, f"door-{n}") for n in range(10)]
    assert figures(calls, START, START + timedelta(hours=1)).floods == ()


def test_two_floods_are_two_and_one_that_goes_on_ends_with_the_time() -> None:
    first = [call(n / 2, f"a{n}") for n in range(12)]
    second = [call(60 + n / 2, f"b{n}") for n in range(12)]
    found = figures([*first, *second], START, START + timedelta(minutes=66))
    assert len(found.floods) == 2 and found.floods[1].ends == START + timedelta(minutes=66)


def test_the_ten_worst_sources_with_their_share_and_who_chatters() -> None:
    calls = [call(n, f"door-{n % 12}") for n in range(60)]
    calls += [call(100 + n / 4, "gate", "forced") for n in range(40)]
    found = figures(calls, START, START + timedelta(days=1))
    assert len(found.worst) == 10
    worst = found.worst[0]
    assert (worst.kind, worst.subject, worst.count, worst.share) == ("forced", "gate", 40, 0.4)
    assert worst.chatters and found.chattering == 1 and not found.worst[1].chatters


def test_what_was_shelved_reached_nobody() -> None:
    found = figures([call(0), call(1, shelved=True)], START, START + WEEK)
    assert found.count == 1 and found.shelved == 1


def test_how_long_it_took_to_be_seen_and_what_is_stale() -> None:
    def took(minutes: float) -> Raise:
        return call(minutes, seen_at=START + timedelta(minutes=minutes, seconds=10 + minutes))

    calls = [took(n) for n in range(100)]
    calls += [call(200, lasts=True), call(201)]
    found = figures(calls, START, START + timedelta(days=3))
    assert found.seen_median_s == 59.5 and found.seen_p95_s == 104.0
    assert found.unseen == 2 and found.stale == 1  # the one of a moment can't be stale


def test_figures_of_a_log() -> None:
    log = Log()
    number = log.add("door.forced")
    log.wait(30)
    log.act("alarm.seen", number)
    log.add("device.offline", "cam", kind="camera", detail="")
    log.wait(5)
    log.add("device.online", "cam", kind="camera", detail="")
    found = figures(log.book.raises(START), START, START + WEEK)
    assert found.count == 1 and found.by_priority == {"high": 1, "medium": 0, "low": 0}
    assert found.seen_median_s == 30.0
