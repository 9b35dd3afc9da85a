"""What gateways are asked for again: everything that is missing, and not all at once."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.collector.replay import AGAIN_S, LONGEST, Bucket, Replays, Request
from gateway.uplink import parse_replay


def test_a_request_is_one_that_gateways_take() -> None:
    replays = Replays("hq-1", 1000)
    replays.want("gate-1", 0)
    (request,) = replays.due(0.0)
    payload = json.dumps(request.payload()).encode()
    assert parse_replay(payload, retained=False) == (request.id, 1, LONGEST)


def test_a_hole_is_asked_for_once_until_it_is_answered_or_the_pause_is_over() -> None:
    replays = Replays("hq-1", 1000)
    replays.want("gate-1", 7, 9, now=0)
    assert [(r.first, r.last) for r in replays.due(0)] == [(8, 9)]
    replays.want("gate-1", 7, 9, now=1)
    assert replays.due(1) == []
    assert [(r.first, r.last) for r in replays.due(AGAIN_S[0] + 0.1)] == [(8, 9)], "lost: again"
    assert replays.due(2 * AGAIN_S[0]) == [], "the pause grows"
    replays.stored("gate-1", 9, 30)
    assert replays.waiting == 0 and replays.due(1000) == []


def test_an_answer_that_comes_slowly_is_not_asked_for_again() -> None:
    replays = Replays("hq-1", 1000)
    replays.want("gate-1", 0, 500)
    assert len(replays.due(0)) == 1
    for second in range(1, 100):
        replays.stored("gate-1", second, float(second))
        assert replays.due(float(second)) == []


def test_a_long_hole_takes_several_requests() -> None:
    replays = Replays("hq-1", 1e6)
    replays.want("gate-1", 0, 25_000)
    asked = []
    for second in range(10):
        for request in replays.due(float(second)):
            asked.append((request.first, request.last))
            replays.stored("gate-1", request.last, float(second))
            replays.answered("gate-1", request.id, request.last - request.first + 1, float(second))
    assert asked == [(1, 10_000), (10_001, 20_000), (20_001, 25_000)] and replays.waiting == 0


def test_where_the_newest_is_not_known_an_answer_that_is_not_whole_was_the_end() -> None:
    replays = Replays("hq-1", 1000)
    replays.want("gate-1", 0)
    (request,) = replays.due(0)
    replays.stored("gate-1", 42, 0)
    replays.answered("gate-1", "of somebody else", 0, 0)
    assert replays.waiting == 1
    replays.answered("gate-1", request.id, 42, 0)
    assert replays.waiting == 0


def test_numbers_that_no_gateway_has_are_asked_for_more_and_more_rarely() -> None:
    """A new origin skips numbers; until its first record is stored, nobody can know."""
    replays, times = Replays("hq-1", 1000), []
    replays.want("gate-1", 5, 9)
    for second in range(3600):
        for request in replays.due(float(second)):
            times.append(second)
            replays.answered("gate-1", request.id, 0, float(second))
    assert 5 < len(times) < 25


def test_a_thousand_gateways_that_come_back_are_spaced() -> None:
    """The answers come at the rate that was set, and every gateway has its turn."""
    replays, per_s = Replays("hq-1", 2_000), 2_000
    for n in range(1000):
        replays.want(f"gate-{n}", 0, 100)
    records, done, second = 0, set[str](), 0.0
    while replays.waiting:
        for request in replays.due(second):
            records += request.last - request.first + 1
            done.add(request.gateway)
            replays.stored(request.gateway, request.last, second)
        assert records <= LONGEST + 100 + per_s * second
        second += 0.1
        assert second < 100
    assert len(done) == 1000 and second > 40


@given(st.lists(st.floats(-10, 10), max_size=50), st.floats(1, 100))
def test_a_clock_that_jumps_gives_no_tokens_away(steps: list[float], rate: float) -> None:
    bucket, now, latest = Bucket(rate, rate), 0.0, 0.0
    taken = float(bucket.take(1, now))
    for step in steps:
        now += step
        latest = max(latest, now)
        while bucket.take(1, now):
            taken += 1
        assert taken <= rate + latest * rate + 1


def test_what_another_collector_reads_now_is_forgotten() -> None:
    replays = Replays("hq-1", 1000)
    replays.want("gate-1", 0)
    replays.forget("gate-1")
    assert replays.due(0) == [] and replays.waiting == 0
    replays.answered("gate-1", "hq-1-1", 3, 0)
    replays.stored("gate-1", 3, 0)
    assert isinstance(Request("g", "i", 1, 2).payload(), dict)
