"""MQTT 5 with a real mosquitto, and 3.1.1 where the broker has no 5."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from demo.broker import DemoBroker, free_port
from gateway.config import MqttSettings
from gateway.uplink import connection
from gateway.uplink.connection import V5, V311, Broker, NoAnswer, NotTaken, client_id
from gateway.uplink.messages import expires_at
from tests.gateway.uplink.brokers import answering, old_broker

Mosquitto = Any
MakeBroker = Callable[..., Mosquitto]


def settings(port: int, **more: Any) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, **more)


async def test_version_5_where_the_broker_speaks_it(broker: Mosquitto) -> None:
    known = Broker(settings(broker.port), "g")
    async with known.connect() as client:
        assert client.version is known.version is V5
        assert client.ended_with is None
        await client.publish("t", b"x")


@pytest.mark.parametrize("answers", [True, False])
async def test_3_1_1_where_the_broker_refuses_5_or_just_closes(
    broker: Mosquitto, answers: bool
) -> None:
    async with old_broker(broker.port, answers=answers) as port:
        known = Broker(settings(port), "g")
        for _ in range(2):  # the second time it knows
            async with known.connect() as client:
                assert client.version is known.version is V311
                assert await client.subscribe_or_refused("t")
                await client.publish("t", b"x")
                message = await anext(aiter(client.messages))
                assert message.payload == b"x" and expires_at(message.properties, 1.0) is None


async def test_amqtt_a_real_broker_without_5_keeps_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_S", 0.5)
    port = free_port()
    broker = DemoBroker(port)
    await broker.start()
    known = Broker(settings(port), "g")
    async with known.connect() as client:
        await client.publish("t", b"x")
        assert client.version is V311
    await broker.stop()


async def test_a_broker_that_was_renewed_is_spoken_to_in_5_again(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with old_broker(broker.port) as port:
        known = Broker(settings(port), "g")
        async with known.connect():
            assert known.version is V311
    known.address = settings(broker.port).addresses[0]
    async with known.connect():
        assert known.version is V311  # not asked at each connection
    monkeypatch.setattr(connection, "V5_AGAIN_S", -1.0)
    async with known.connect():
        assert known.version is V5


async def test_a_wrong_login_is_not_taken_for_an_old_broker(make_broker: MakeBroker) -> None:
    broker = make_broker("allow_anonymous false")
    broker.start()
    known = Broker(settings(broker.port), "g")
    for _ in range(3):
        with pytest.raises(aiomqtt.MqttCodeError) as refused:
            async with known.connect():
                pass
        assert refused.value.rc.value == connection.NOT_AUTHORIZED  # type: ignore[union-attr]
        assert known.version is V5


async def test_a_server_that_closes_every_connection_is_an_error_and_not_a_wait() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    known = Broker(settings(server.sockets[0].getsockname()[1]), "g")
    async with asyncio.timeout(5):
        with pytest.raises(NoAnswer):
            async with known.connect():
                pass
    assert known.version is V5  # neither version was answered: the next try is with 5
    server.close()


async def test_no_more_under_way_than_the_broker_states(make_broker: MakeBroker) -> None:
    """Receive Maximum: mosquitto ends a connection that has more under way."""
    broker = make_broker("allow_anonymous true\nmax_inflight_messages 3")
    broker.start()
    async with Broker(settings(broker.port, max_in_flight=20), "g").connect() as client:
        assert client.receive_maximum == 3 and client._slots is not None
        waiting = 0
        sent = asyncio.gather(*(client.publish("t", b"x") for _ in range(200)))
        while not sent.done():
            waiting = max(waiting, len(client._acks))
            await asyncio.sleep(0)
        await sent
        assert 1 <= waiting <= 3


async def test_a_message_that_the_broker_does_not_take_is_an_error_with_its_reason(
    make_broker: MakeBroker, tmp_path: Any
) -> None:
    """With 3.1.1 a broker acknowledges what its ACL forbids, and drops it."""
    (tmp_path / "acl").write_text("topic write allowed\n")
    broker = make_broker(f"allow_anonymous true\nacl_file {tmp_path}/acl")
    broker.start()
    async with Broker(settings(broker.port), "g").connect() as client:
        await client.publish("allowed", b"x")
        with pytest.raises(NotTaken, match="Not authorized") as refused:
            await client.publish("forbidden", b"x")
        assert refused.value.code == connection.NOT_AUTHORIZED
        await client.publish("allowed", b"x")


async def test_the_limit_of_a_packet_that_the_broker_states(make_broker: MakeBroker) -> None:
    broker = make_broker("allow_anonymous true\nmax_packet_size 5000")
    broker.start()
    async with Broker(settings(broker.port), "g").connect() as client:
        assert client.maximum_packet == 5000


async def test_a_takeover_has_its_reason() -> None:
    """mosquitto 2.0.11 closes the connection without the reason, later versions send it."""
    async with answering(b"\xe0\x02\x8e\x00") as port:
        with pytest.raises(aiomqtt.MqttError):
            async with Broker(settings(port), "g").connect() as client:
                asyncio.get_running_loop().call_later(0.01, client._client.publish, "t", b"x", 0)
                with pytest.raises(aiomqtt.MqttError):
                    await anext(aiter(client.messages))
                assert client.ended_with == connection.SESSION_TAKEN_OVER
                await client.publish("t", b"x")


async def test_an_end_of_the_connection_ends_the_wait_for_an_acknowledgement() -> None:
    async with answering(b"\xe0\x02\x87\x00") as port, asyncio.timeout(5):
        with pytest.raises(aiomqtt.MqttError):
            async with Broker(settings(port), "g").connect() as client:
                await client.publish("t", b"x")


async def test_nothing_is_kept_for_us_while_we_are_away(broker: Mosquitto) -> None:
    """Session expiry 0: a command of an hour ago is not delivered when we come back."""
    known = Broker(settings(broker.port), "g")
    async with known.connect() as client:
        assert await client.subscribe_or_refused("command")
    async with known.connect("-other") as other:
        await other.publish("command", b"old")
    async with known.connect() as client:
        assert await client.subscribe_or_refused("command")
        async with known.connect("-other") as other:
            await other.publish("command", b"new")
        assert (await anext(aiter(client.messages))).payload == b"new"


async def test_the_expiry_of_a_message_arrives_with_it(broker: Mosquitto) -> None:
    known = Broker(settings(broker.port), "g")
    async with known.connect() as client:
        assert await client.subscribe_or_refused("command")
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = 7
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as sender:
            await sender.publish("command", b"{}", qos=1, properties=properties)
        message = await anext(aiter(client.messages))
        assert expires_at(message.properties, 100.0) == 107.0


async def test_what_is_larger_than_we_take_is_not_sent_to_us(broker: Mosquitto) -> None:
    known = Broker(settings(broker.port), "g", maximum_packet=10_000)
    async with known.connect() as client:
        assert await client.subscribe_or_refused("t")
        async with Broker(settings(broker.port), "other").connect() as other:
            await other.publish("t", b"x" * 20_000)
            await other.publish("t", b"small")
        assert (await anext(aiter(client.messages))).payload == b"small"


async def test_no_acknowledgement_in_time_is_an_error() -> None:
    async with answering() as port, Broker(settings(port), "g").connect() as client:
        with pytest.raises(aiomqtt.MqttError, match="acknowledgement"):
            await client.publish("t", b"x", timeout=0.05)
        assert not client._acks


def test_the_client_id() -> None:
    assert client_id(settings(1), "gate-1") == "garita-gate-1"
    assert client_id(settings(1, client_id="own"), "gate-1") == "own"
