"""A clock that is set back must not let yesterday's people in."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.state.clock import Clock


class Times:
    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.mono = 100.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds


def make(times: Times, newest: float | None = None) -> Clock:
    known = None if newest is None else datetime.fromtimestamp(newest, UTC)
    return Clock(known, 60.0, wall=lambda: times.wall, monotonic=lambda: times.mono)


def test_a_steady_clock_is_trusted_and_silent() -> None:
    times = Times(1e9)
    clock = make(times, 1e9 - 5)
    for _ in range(10):
        times.pass_(3600)
        assert clock.take_step() is None
        assert clock.trusted


def test_a_jump_back_is_told_and_not_trusted_until_it_is_right_again() -> None:
    times = Times(1e9)
    clock = make(times)
    times.wall -= 3600
    step = clock.take_step()
    assert step is not None and step.seconds == -3600 and not step.trusted
    assert not clock.trusted
    times.pass_(60)
    assert clock.take_step() is None and not clock.trusted
    times.wall += 3600
    step = clock.take_step()
    assert step is not None and step.seconds == 3600 and step.trusted


def test_a_small_correction_back_is_told_but_trusted() -> None:
    times = Times(1e9)
    clock = make(times)
    times.wall -= 20
    step = clock.take_step()
    assert step is not None and step.seconds == -20 and step.trusted


def test_small_steps_back_do_not_add_up_unnoticed() -> None:
    times = Times(1e9)
    clock = make(times)
    for _ in range(4):
        times.wall -= 20
        clock.check()
    assert not clock.trusted


def test_a_start_with_a_clock_behind_the_log_is_not_trusted() -> None:
    assert not make(Times(1e9), newest=1e9 + 61).trusted
    assert make(Times(1e9), newest=1e9 + 59).trusted


def test_an_operator_may_accept_the_time_after_a_wrong_jump_ahead() -> None:
    times = Times(1e9)
    clock = make(times)
    times.wall += 1e7
    clock.check()
    times.wall -= 1e7
    clock.check()
    assert not clock.trusted
    assert clock.accept().total_seconds() == 1e7
    clock.take_step()
    assert clock.trusted and clock.take_step() is None


def test_a_step_that_a_decision_noticed_is_still_told() -> None:
    times = Times(1e9)
    clock = make(times)
    times.wall -= 3600
    clock.check()  # a badge came
    times.wall += 30
    step = clock.take_step()
    assert step is not None and step.seconds == -3570 and not step.trusted
    assert clock.take_step() is None


def test_a_start_with_a_clock_days_behind_says_by_how_far() -> None:
    """It did not move, so "moved by 0.0 s" would mislead."""
    times = Times(1e9)
    clock = make(times, newest=1e9 + 3 * 86_400)
    step = clock.take_step()
    assert step is not None and (step.seconds, step.trusted) == (0, False)
    assert step.behind_s == clock.behind_s == 3 * 86_400
    times.pass_(600)
    assert clock.behind_s == 3 * 86_400 - 600 and clock.take_step() is None
    times.wall += 4 * 86_400
    step = clock.take_step()
    assert step is not None and (step.trusted, step.behind_s, clock.behind_s) == (True, 0, 0)
