"""Pauses between tries grow, have an end, and begin anew after what worked."""

from __future__ import annotations

from drivers.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.pause_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.pause_s() == 0.5


def test_what_ran_for_a_while_had_worked() -> None:
    backoff = Backoff(0.5, 10.0, steady_s=60.0)
    assert [backoff.pause_s(lasted) for lasted in (1, 60, 61, 1)] == [0.5, 1.0, 0.5, 1.0]


def test_many_gateways_do_not_come_back_in_the_same_moment() -> None:
    pauses = {Backoff(10.0, 20.0, spread=0.2).pause_s() for _ in range(50)}
    assert len(pauses) > 10 and min(pauses) >= 8.0 and max(pauses) <= 12.0
