"""A connection that is made anew by other settings: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.config import MqttSettings
from gateway.uplink.renew import renewed
from tests.gateway.uplink.test_client import Broker, Link, make_link

__all__ = ["make_link"]
MANY = 2000


async def test_from_one_broker_to_another_in_the_middle_of_a_backlog(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    brokers = make_broker(), make_broker()
    for broker in brokers:
        broker.start()
    ours, other = make_link(brokers[0].port, box="a"), make_link(brokers[1].port, box="b")
    await ours.listen()
    await other.listen()
    await ours.append(MANY)
    ours.start()
    await ours.until(lambda: len(ours.seqs()) > MANY // 4)
    ours.uplink.use(MqttSettings(host="127.0.0.1", port=brokers[1].port))
    await ours.until(lambda: bool(other.seqs()) and other.seqs()[-1] == ours.reader.last_seq)
    assert ours.seqs() + other.seqs() == list(range(1, ours.reader.last_seq + 1))
    await ours.until(lambda: ("garita/g/status", b"offline", False) in ours.seen)
    assert [online for online, _ in ours.states] == [True, False, True]
    await ours.append(5)
    await ours.until(lambda: len(ours.seqs()) + len(other.seqs()) == MANY + 6)


async def test_a_broker_that_never_answered_is_left_at_once(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(1)  # nobody listens there
    link.start()
    await link.until(lambda: bool(link.states))
    await asyncio.sleep(1.2)  # the pauses grow
    link.uplink.use(MqttSettings(host="127.0.0.1", port=broker.port))
    await link.until(link.published, 5)


async def test_the_same_settings_end_no_connection(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    link.start()
    await link.until(link.published)
    link.uplink.use(link.settings.model_copy())
    await link.append(3)
    await link.until(link.published)
    assert [online for online, _ in link.states] == [True]


async def test_work_begins_anew_and_its_failure_is_raised() -> None:
    changed, begun = asyncio.Event(), 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            raise OSError("gone")
        await asyncio.sleep(60)

    task = asyncio.create_task(renewed(work, changed))
    for count in (1, 2):
        while begun < count:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        changed.set()
    with pytest.raises(OSError, match="gone"):
        await task
