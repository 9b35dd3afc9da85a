"""Another gateway of our name: what is believed of what arrives, and that it is said once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import MqttSettings
from gateway.ledger.event import NewEvent
from gateway.uplink import rivals
from gateway.uplink.connection import Broker
from gateway.uplink.rivals import FREE_S, Instance, Rivals, look, new_instance, parse_instance

ME = new_instance("a" * 16, "box-1")
OTHER = Instance("b" * 16, "box-2", "2026-11-26T10:00:00+00:00")


def test_a_message_comes_back_as_it_was() -> None:
    for act in ("active", "asking", "checking"):
        assert parse_instance(ME.message(act).encode()) == (ME, act)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"[" * 500,
        b'{"id":"aaaaaaaaaaaaaaaa","host":"h","since":"s","act":"open"}',
        b'{"id":"AAAA","host":"h","since":"s","act":"active"}',
        b'{"id":1,"host":"h","since":"s","act":"active"}',
        b'{"id":"aaaaaaaaaaaaaaaa","host":null,"since":"s","act":"active"}',
        b'{"id":"aaaaaaaaaaaaaaaa","host":"' + b"h" * 600 + b'","since":"s","act":"active"}',
    ],
)
def test_what_is_not_in_its_form_is_nobody(payload: Any) -> None:
    assert parse_instance(payload) is None


def test_what_a_stranger_writes_is_fit_to_be_shown() -> None:
    found = parse_instance(
        json.dumps(
            {"id": "c" * 16, "host": "h\x1b[31m\n" + "x" * 100, "since": "s", "act": "active"}
        ).encode()
    )
    assert found is not None
    assert found[0].host.startswith("h?[31m?xxx") and len(found[0].host) == 80


def test_it_is_recorded_once_and_once_more_when_it_is_over() -> None:
    noted: list[NewEvent] = []
    known = Rivals("g", noted.append)
    known.tick(10_000.0)
    known.gone()
    assert noted == [] and known.other is None
    for now in range(100):
        known.seen("asking", OTHER, float(now))
    assert [str(event.type) for event in noted] == ["uplink.name_taken"]
    assert noted[0].data["host"] == "box-2" and noted[0].data == known.other
    known.tick(99 + FREE_S)
    assert known.other is not None
    known.tick(100 + FREE_S)
    assert [str(event.type) for event in noted] == ["uplink.name_taken", "uplink.name_free"]
    assert known.other is None


async def answer(broker: Broker, topic: str, payload: str, ready: asyncio.Event) -> None:
    """A gateway that is connected, as far as its answers go."""
    async with broker.connect() as client:
        await client.subscribe_or_refused(topic)
        await client.publish(topic.replace("/instance", "/status"), "online", retain=True)
        ready.set()
        async for message in client.messages:
            found = parse_instance(message.payload)
            if found and found[1] == "asking":
                await client.publish(topic, payload, retain=True)


async def test_a_gateway_that_is_connected_answers(broker: Any) -> None:
    known = Broker(MqttSettings(host="127.0.0.1", port=broker.port), "garita-g")
    ready = asyncio.Event()
    task = asyncio.create_task(answer(known, "garita/g/instance", OTHER.message("active"), ready))
    await ready.wait()
    found = await look(known, "garita/g", ME, "asking")
    assert found.answered == OTHER and found.looked
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_retained_alone_is_not_a_gateway(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that was taken away while the broker was down left `online` behind."""
    monkeypatch.setattr(rivals, "ANSWER_S", 0.3)
    known = Broker(MqttSettings(host="127.0.0.1", port=broker.port), "garita-g")
    async with known.connect() as client:
        await client.publish("garita/g/instance", OTHER.message("active"), retain=True)
        await client.publish("garita/g/status", "online", retain=True)
    found = await look(known, "garita/g", ME, "asking")
    assert found.answered is None and found.kept == OTHER and found.status == "online"
    async with known.connect() as client:  # our own run, whose end the broker has not noticed
        await client.publish("garita/g/instance", ME.message("active"), retain=True)
    async with asyncio.timeout(0.25):
        found = await look(known, "garita/g", ME, "asking")
    assert found.kept == ME and found.answered is None


async def test_a_broker_that_does_not_let_us_ask(
    make_broker: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acl").write_text("topic read garita/#\n")
    broker = make_broker(f"allow_anonymous true\nacl_file {tmp_path}/acl")
    broker.start()
    known = Broker(MqttSettings(host="127.0.0.1", port=broker.port), "garita-g")
    assert not (await look(known, "garita/g", ME, "asking")).looked
    # One that lets us write and not read: the question does not come back.
    monkeypatch.setattr(rivals, "ANSWER_S", 0.3)
    (tmp_path / "acl2").write_text("topic write garita/#\n")
    broker = make_broker(f"allow_anonymous true\nacl_file {tmp_path}/acl2")
    broker.start()
    known = Broker(MqttSettings(host="127.0.0.1", port=broker.port), "garita-g")
    assert not (await look(known, "garita/g", ME, "asking")).looked
