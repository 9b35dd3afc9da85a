"""A list of brokers: the next one when one fails, nothing lost whichever is killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from gateway.config import MqttSettings
from gateway.uplink.places import Places
from tests.gateway.uplink.test_client import Link

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("hq-1.example.com", "hq-1.example.com", 8883, "hq-1.example.com:8883"),
        ("10.0.0.1:1884", "10.0.0.1", 1884, "10.0.0.1:1884"),
        ("[fd00::1]:1884", "fd00::1", 1884, "[fd00::1]:1884"),
        ("[fd00::1]", "fd00::1", 8883, "[fd00::1]:8883"),
    ],
)
def test_addresses_of_brokers(text: str, host: str, port: int, shown: str) -> None:
    (address,) = MqttSettings(brokers=[text], port=8883).addresses
    assert (address.host, address.port, str(address)) == (host, port, shown)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "mqtt://a", "a:0", "a:65536", "a:", "user@a", "fd00::1", "[a", "a:1:2"]
)
def test_what_is_not_a_broker_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="is not a broker"):
        MqttSettings(brokers=[text]).addresses  # noqa: B018


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"host": "a", "brokers": ["b"]}, "not both"),
        ({}, "not both"),
        ({"brokers": ["a", "a:1883"]}, "one broker twice"),
        ({"brokers": [f"b{n}" for n in range(9)]}, "at most 8"),
    ],
)
def test_lists_that_are_mistakes(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MqttSettings(**table)


def test_the_next_at_once_until_all_have_failed() -> None:
    places = Places(MqttSettings(brokers=["a", "b", "c"]), "g")
    seen = [(places.here.broker.address.host, places.onward()) for _ in range(7)]
    assert seen == [
        ("a", True), ("b", True), ("c", False), ("a", True), ("b", True), ("c", False), ("a", True)
    ]  # fmt: skip
    places.good()  # b is connected: the others are fresh again
    assert [places.onward() for _ in range(3)] == [True, True, False]
    # What one broker does not allow holds for it alone.
    places.here.may_look = False
    places.onward()
    assert places.here.may_look


@asynccontextmanager
async def listening(ports: list[int], seen: dict[int, str]) -> AsyncIterator[None]:
    """A subscriber at all brokers, which drops what it has by id and asks for holes."""

    def take(payload: bytes) -> None:
        if b'"seq"' in payload:
            event = json.loads(payload)
            assert seen.setdefault(event["seq"], event["id"]) == event["id"]

    async def at(port: int) -> None:
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", port) as client:
                    await client.subscribe("garita/g/#", qos=1)
                    asker = asyncio.create_task(ask(client))
                    try:
                        async for message in client.messages:
                            take(bytes(message.payload))  # type: ignore[arg-type]
                    finally:
                        asker.cancel()
            await asyncio.sleep(0.05)

    async def ask(client: aiomqtt.Client) -> None:
        while True:
            await asyncio.sleep(0.3)
            missing = [n for n in range(1, max(seen, default=0)) if n not in seen]
            if missing:
                about = {"id": "x", "from": missing[0], "to": missing[-1]}
                await client.publish("garita/g/replay", json.dumps(about), qos=1)

    tasks = [asyncio.create_task(at(port)) for port in ports]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_any_broker_killed_nothing_lost(make_broker: Make, tmp_path: Path) -> None:
    """Two of three brokers are killed in turn, in the middle of a stream of records, and one that
    comes back has forgotten everything."""
    brokers = [make_broker() for _ in range(3)]
    for broker in brokers:
        broker.start()
    ports = [broker.port for broker in brokers]
    link = Link(tmp_path / "g", 1, host="", brokers=[f"127.0.0.1:{port}" for port in ports])
    seen: dict[int, str] = {}
    async with listening(ports, seen):
        link.start()
        await link.until(link.published)
        for turn in range(6):
            at = link.uplink.status()["broker"]
            down = next(item for item in brokers if at.endswith(f":{item.port}"))
            writing = asyncio.create_task(link.append(300))
            await asyncio.sleep(0.05 * turn)
            down.kill()
            await writing
            await link.until(lambda gone=at: link.uplink.status()["broker"] != gone)
            down.start()
        await link.append(1)
        await link.until(link.published)
        last = link.ledger.last_seq
        await link.until(lambda: set(range(1, last + 1)) <= set(seen), 60)
    stored = {event.seq: event.id for event in link.reader.after(0, 100_000)}
    assert seen == stored
    # Each broker is named in what is recorded of it.
    assert {detail.split(": ")[0] for _online, detail in link.states} == {
        f"127.0.0.1:{port}" for port in ports
    }
    await link.close()


async def test_the_log_is_held_against_what_each_broker_keeps(
    make_broker: Make, tmp_path: Path
) -> None:
    """A broker that the gateway comes to later may keep a newer head of its log than the first."""
    first, second = make_broker(), make_broker()
    first.start()
    second.start()
    async with aiomqtt.Client("127.0.0.1", second.port) as client:
        await client.publish("garita/g/checkpoint", b"held by the second", retain=True, qos=1)
    brokers = [f"127.0.0.1:{item.port}" for item in (first, second)]
    link = Link(tmp_path / "g", 1, host="", brokers=brokers)
    link.start()
    await link.until(link.published)
    assert link.heard == [b""]
    first.kill()
    await link.until(lambda: link.heard == [b"", b"held by the second"])
    await link.until(link.published)
    first.start()
    second.kill()
    await link.until(lambda: link.uplink.status()["broker"].endswith(str(first.port)))
    await link.until(link.published)
    assert len(link.heard) == 2
    await link.close()
