"""An input that bounces or chatters: few events, no opening missed, the true state in the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.devices.debounce import GATHER_S, STORM, Debounce


class Bench:
    """A debounced input under a clock of ours; `told` without repetitions."""

    def __init__(self, debounce_s: float = 0.05) -> None:
        self.now = 100.0
        self.told: list[bool] = []
        self.counts: list[int] = []
        self._due: list[Bench.Due] = []
        self.input = Debounce(
            debounce_s, self._take, self.counts.append, later=self._later, clock=lambda: self.now
        )

    class Due:
        def __init__(self, at: float, act: Callable[[], None]) -> None:
            self.at, self.act, self.off = at, act, False

        def cancel(self) -> None:
            self.off = True

    def _later(self, seconds: float, act: Callable[[], None]) -> Bench.Due:
        self._due.append(Bench.Due(self.now + seconds, act))
        return self._due[-1]

    def _take(self, away: bool) -> None:
        if not self.told or self.told[-1] != away:
            self.told.append(away)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [d for d in self._due if not d.off and d.at <= end]:
            first = min(due, key=lambda d: d.at)
            self._due.remove(first)
            self.now = max(self.now, first.at)
            first.act()
        self.now = end

    def say(self, away: bool, then_s: float = 0.0) -> None:
        self.input.take(away)
        self.wait(then_s)


def test_an_opening_is_told_at_once_and_its_bounces_are_not() -> None:
    bench = Bench()
    bench.say(False)
    assert bench.told == [False]
    for _ in range(20):
        bench.say(True, 0.002)
        assert bench.told == [False, True]
        bench.say(False, 0.002)
    bench.wait(0.04)
    assert bench.told == [False, True]
    bench.wait(0.02)
    assert bench.told == [False, True, False] and not bench.counts


def test_a_blink_of_an_opening_is_not_missed() -> None:
    bench = Bench()
    bench.say(False, 1.0)
    bench.say(True)
    bench.say(False, 0.1)
    assert bench.told == [False, True, False]


def test_said_again_and_again_by_a_board_it_is_shut_in_time() -> None:
    bench = Bench()
    bench.say(True, 1.0)
    for _ in range(6):
        bench.say(False, 0.01)
    assert bench.told == [True, False]


@pytest.mark.parametrize("period_s", [0.06, 0.2, 0.5])
def test_a_chattering_contact_makes_few_events_and_they_tell_how_often(period_s: float) -> None:
    bench = Bench()
    bench.say(False, 1.0)
    times = 2000
    for _ in range(times):
        bench.say(True)
        bench.say(False, period_s)
    bench.say(True, 0.001)
    bench.say(False, GATHER_S + 0.1)
    assert len(bench.told) == 1 + 2 * STORM and bench.told[-1] is False
    assert len(bench.counts) <= 2 + times * period_s / GATHER_S
    assert sum(bench.counts) + STORM - 1 == times + 1


def test_after_a_storm_it_is_believed_as_before() -> None:
    bench = Bench()
    for _ in range(STORM + 5):
        bench.say(True)
        bench.say(False, 0.1)
    bench.wait(GATHER_S)
    bench.told.clear()
    bench.say(True)
    bench.say(False, 0.06)
    assert bench.told == [True, False]


def test_people_who_pass_one_after_another_are_no_storm() -> None:
    bench = Bench()
    for _ in range(50):
        bench.say(True, 1.0)
        bench.say(False, 0.5)
    assert len(bench.told) == 100 and not bench.counts


def test_a_rest_is_not_believed_of_a_device_that_went_away_meanwhile() -> None:
    bench = Bench()
    bench.say(True, 1.0)
    bench.say(False)
    bench.input.lost()
    bench.wait(5.0)
    assert bench.told == [True]
    bench.say(False, 0.06)
    assert bench.told == [True, False]


def test_zero_believes_everything_at_once() -> None:
    bench = Bench(0.0)
    for away in (False, True, False):
        bench.say(away)
    assert bench.told == [False, True, False]


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 0.3)), max_size=200))
def test_open_is_never_missed_and_the_end_is_true(story: list[tuple[bool | None, float]]) -> None:
    bench = Bench()
    said: bool | None = None
    for away, wait in story:
        if away is None:
            bench.input.lost()
            said = None
        else:
            bench.say(away)
            said = away
            if away:
                assert bench.told[-1] is True
        bench.wait(wait)
    bench.wait(GATHER_S + 1)
    if said is not None:
        assert bench.told[-1] == said
