"""A clock that is set back must not let yesterday's people in; one that leaps ahead must destroy
nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.state.clock import Clock, Word


class Times:
    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.mono = 100.0
        self.synchronised = False

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds


DAY, YEAR = 86_400.0, 365 * 86_400.0


def make(times: Times, newest: float | None = None, sure: float | None = None) -> Clock:
    def time(of: float | None) -> datetime | None:
        return None if of is None else datetime.fromtimestamp(of, UTC)

    return Clock(
        time(newest),
        60.0,
        sure=time(sure),
        synchronised=lambda: times.synchronised,
        wall=lambda: times.wall,
        monotonic=lambda: times.mono,
    )


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
    assert clock.back_s == 1e7
    clock.accept()
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


# Ahead


def test_a_clock_that_goes_on_where_the_log_ends_is_beyond_doubt() -> None:
    times = Times(1e9)
    clock = make(times, 1e9 - 600, 1e9 - 600)
    assert clock.sure and clock.take_step() is None and clock.word() is None
    times.pass_(30 * DAY)  # a quiet month, without a record
    assert clock.sure and clock.take_step() is None
    assert clock.sure_time() == clock.now() == clock.earliest()


def test_a_start_years_ahead_is_trusted_and_in_doubt() -> None:
    times = Times(1e9 + 10 * YEAR)
    clock = make(times, 1e9, 1e9)
    assert clock.trusted and not clock.sure and clock.sure_time() is None
    step = clock.take_step()
    assert step is not None and (step.trusted, step.behind_s) == (True, 0)
    assert step.ahead_s == clock.ahead_s == 10 * YEAR
    times.pass_(600)
    assert clock.earliest() == datetime.fromtimestamp(1e9 + 600, UTC)


def test_a_second_start_in_the_same_wrong_year_is_in_doubt_as_the_first() -> None:
    """The greatest time on record is the wrong one by then; the greatest beyond doubt is not."""
    times = Times(1e9 + 10 * YEAR + 60)
    clock = make(times, 1e9 + 10 * YEAR, 1e9)
    assert clock.trusted and not clock.sure


def test_a_leap_while_it_runs_is_in_doubt_at_once() -> None:
    times = Times(1e9)
    clock = make(times, 1e9, 1e9)
    times.wall += YEAR
    assert clock.sure_time() is None  # whether or not anybody looked before
    times.wall -= YEAR
    assert clock.sure_time() is not None


def test_small_steps_ahead_do_not_add_up_unnoticed() -> None:
    times = Times(1e9)
    clock = make(times, 1e9, 1e9)
    for _ in range(4):
        times.wall += 1200
        clock.check()
    assert not clock.sure


def test_the_kernels_word_ends_the_doubt() -> None:
    times = Times(1e9 + YEAR)
    clock = make(times, 1e9, 1e9)
    assert clock.word() is None
    times.synchronised = True
    assert clock.word() == Word.KERNEL and not clock.sure  # the caller records it first
    clock.accept()
    assert clock.sure and clock.word() is None


def test_a_day_ends_the_doubt_and_a_new_leap_begins_another_day() -> None:
    times = Times(1e9 + YEAR)
    clock = make(times, 1e9, 1e9)
    times.pass_(DAY - 1)
    assert clock.word() is None
    times.wall += YEAR
    assert clock.word() is None
    times.pass_(DAY - 1)
    assert clock.word() is None
    times.pass_(2)
    assert clock.word() == Word.DAY


def test_a_log_that_was_never_sure_is_in_doubt_and_tells_no_step() -> None:
    times = Times(1e9)
    clock = make(times, 1e9)
    assert clock.trusted and not clock.sure and clock.take_step() is None and clock.ahead_s == 0
    times.pass_(DAY)
    assert clock.word() == Word.DAY


def test_back_in_the_right_year_the_kernels_word_heals() -> None:
    times = Times(1e9 + DAY)
    clock = make(times, 1e9 + 10 * YEAR, 1e9)  # records of a start in a wrong year
    assert not clock.trusted and clock.word() is None
    times.pass_(2 * DAY)
    assert clock.word() is None  # a day is no word for a clock that lies behind
    times.synchronised = True
    assert clock.word() == Word.KERNEL
    clock.accept()
    assert clock.trusted and clock.sure


def test_a_forged_time_server_makes_nobody_valid_again() -> None:
    """The kernel believes it; the log knows a later time that was beyond doubt."""
    times = Times(1e9 - YEAR)
    clock = make(times, 1e9, 1e9)
    times.synchronised = True
    assert not clock.trusted and clock.word() is None
    times.pass_(2 * DAY)
    assert clock.word() is None
    running = make(Times(1e9), 1e9, 1e9)
    assert running.sure
    back = Times(1e9)
    clock = make(back, 1e9, 1e9)
    back.synchronised = True
    back.wall -= DAY
    assert clock.word() is None and not clock.trusted
