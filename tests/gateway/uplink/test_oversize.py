"""Messages too large for the broker: found by their size, and nothing small is ever suspected."""

from __future__ import annotations

import pytest

from gateway.uplink.oversize import SUSPECT_BYTES, TRIES, Sizes

BIG = 4 * SUSPECT_BYTES


def lose(sizes: Sizes, *messages: tuple[int, int], said: bool = False) -> None:
    """A connection in which `messages` (number, size) were under way when the broker ended it."""
    sizes.connected(None)
    for number, size in messages:
        sizes.sending(number, size)
    sizes.lost(said=said)


def test_the_largest_under_way_is_found_after_some_tries() -> None:
    sizes = Sizes()
    for _ in range(TRIES):
        assert not sizes.too_large("t", BIG)
        lose(sizes, (1, 300), (2, BIG), (3, BIG - 1))
    assert sizes.too_large("t", BIG) and sizes.too_large("t", BIG + 1)
    assert not sizes.too_large("t", BIG - 1)


def test_a_broker_that_names_the_size_is_believed_at_once() -> None:
    sizes = Sizes()
    lose(sizes, (2, BIG), said=True)
    assert sizes.too_large("t", BIG)


def test_a_connection_that_flaps_makes_nothing_small_a_suspect() -> None:
    sizes = Sizes()
    for _ in range(100):
        lose(sizes, (1, SUSPECT_BYTES), (2, 20))
    assert sizes.refused is None


def test_what_the_broker_has_taken_before_is_not_suspected() -> None:
    sizes = Sizes()
    sizes.connected(None)
    sizes.sending(1, BIG)
    sizes.taken(1)
    for _ in range(100):
        lose(sizes, (2, BIG))
    assert sizes.refused is None
    for _ in range(TRIES):
        lose(sizes, (3, BIG + 1))
    assert sizes.too_large("t", BIG + 1)


def test_tries_of_different_messages_do_not_add_up() -> None:
    sizes = Sizes()
    for size in range(BIG, BIG + 10):
        lose(sizes, (1, size))
    assert sizes.refused is None


def test_a_size_that_is_taken_after_all_is_not_refused_any_more() -> None:
    sizes = Sizes()
    sizes.connected(None)
    sizes.sending(1, BIG)
    sizes.sending(2, BIG + 100)
    sizes.not_taken(BIG)
    sizes.taken(2)
    assert sizes.refused is None


@pytest.mark.parametrize(("size", "too_large"), [(4985, False), (4990, True)])
def test_the_limit_that_the_broker_states(size: int, too_large: bool) -> None:
    sizes = Sizes()
    sizes.connected(5000)
    assert sizes.too_large("topic", size) is too_large
