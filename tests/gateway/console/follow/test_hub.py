"""Telling browsers: at most ten times a second, and nothing grows for one that is slow."""

from __future__ import annotations

import asyncio

from gateway.console.follow.hub import GAP_S, MOST_EACH, Hub
from gateway.console.follow.topics import TOPICS
from gateway.ledger.event import Event


def event(seq: int, kind: str = "door.locked") -> Event:
    at = "2026-11-27T05:00:00.000Z"
    return Event(seq, f"x-{seq}", at, kind, "main", {}, "0" * 64, "0" * 64)


async def test_a_first_event_is_told_at_once_and_many_are_gathered() -> None:
    hub = Hub()
    listener, heard = hub.join(), 0
    hub.publish([event(1)])
    assert await listener.wait(0.05)
    assert listener.take()[1] == 1
    begun = asyncio.get_running_loop().time()
    seq = 1
    while asyncio.get_running_loop().time() - begun < 5 * GAP_S:
        seq += 1
        hub.publish([event(seq)])
        await asyncio.sleep(0.001)
        if await listener.wait(0):
            listener.take()
            heard += 1
    assert 2 <= heard <= 7
    assert await listener.wait(1)
    assert listener.take()[1] == seq


async def test_a_browser_that_reads_slowly_costs_no_queue() -> None:
    hub = Hub()
    listener = hub.join()
    for seq in range(1, 2000):
        hub.publish([event(seq, "visit.arrived" if seq % 2 else "door.locked")])
    await asyncio.sleep(2 * GAP_S)
    topics, seq = listener.take()
    assert topics < TOPICS
    assert {"visitors", "doors"} <= topics
    assert seq == 1999


async def test_a_session_has_few_streams_and_the_oldest_ends_first() -> None:
    hub = Hub()
    mine = [hub.join("s1") for _ in range(MOST_EACH)]
    other = hub.join("s2")
    hub.join("s1")
    assert [one.ended for one in mine] == [True] + [False] * (MOST_EACH - 1)
    assert not other.ended
    hub.end("s2")
    assert other.ended


async def test_a_console_that_ends_ends_all_streams() -> None:
    hub = Hub()
    before = hub.join()
    hub.close()
    assert before.ended
    assert await before.wait(0)
    assert hub.join().ended
