"""How often a sign-in may be tried, and that nobody locks out the last administrator."""

from __future__ import annotations

from gateway.console.security.limits import Limits, Try


def test_a_name_is_tried_five_times_from_one_address() -> None:
    limits = Limits()
    tries = [limits.wait_s(Try("ada", "192.0.2.1")) for _ in range(7)]
    assert tries[:5] == [0.0] * 5 and all(0 < wait <= 300 for wait in tries[5:])
    assert limits.wait_s(Try("luis", "192.0.2.1")) == 0.0


def test_a_right_password_forgets_the_wrong_ones_here() -> None:
    limits = Limits()
    for _ in range(4):
        limits.wait_s(Try("ada", "192.0.2.1"))
    limits.good(Try("ada", "192.0.2.1"))
    assert [limits.wait_s(Try("ada", "192.0.2.1")) for _ in range(5)] == [0.0] * 5


def test_a_flood_from_everywhere_does_not_stop_a_browser_that_is_known() -> None:
    limits = Limits()
    for number in range(2000):
        limits.wait_s(Try("ada", f"198.51.100.{number % 250}"))
    assert limits.wait_s(Try("ada", "203.0.113.9")) > 0  # a new browser has to wait
    assert limits.wait_s(Try("ada", "198.51.100.1", known="token")) == 0.0


def test_who_has_a_known_browser_does_not_guess_on_it_for_ever() -> None:
    limits = Limits()
    tries = [limits.wait_s(Try("ada", "192.0.2.1", known="token")) for _ in range(11)]
    assert tries[:10] == [0.0] * 10 and tries[10] > 0


def test_one_address_tries_few_names() -> None:
    limits = Limits()
    tries = [limits.wait_s(Try(f"name{n}", "192.0.2.1")) for n in range(40)]
    assert tries.count(0.0) == 25


def test_a_second_factor_is_tried_six_times() -> None:
    limits = Limits()
    tries = [limits.second_wait_s("ada") for _ in range(8)]
    assert tries.count(0.0) == 6
    limits.good_second("ada")
    assert limits.second_wait_s("ada") == 0.0 and limits.second_wait_s("luis") == 0.0
