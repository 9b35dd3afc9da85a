"""What the broker says to `garita check --online`."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from demo.broker import free_port
from gateway.config import MqttSettings
from gateway.uplink.check import check_broker
from gateway.uplink.connection import Broker
from gateway.uplink.rivals import new_instance, parse_instance


def test_a_broker_that_is_not_there() -> None:
    result = check_broker(MqttSettings(host="127.0.0.1", port=free_port()), "g")
    assert "refused" in result.error and result.found is None


def test_a_broker_with_nobody_of_our_name(broker: Any) -> None:
    result = check_broker(MqttSettings(host="127.0.0.1", port=broker.port), "g")
    assert result.error == "" and result.version == "5"
    assert result.found is not None and result.found.answered is None and result.found.looked


async def test_a_gateway_that_is_connected_hears_that_somebody_only_wants_to_know(
    broker: Any,
) -> None:
    settings = MqttSettings(host="127.0.0.1", port=broker.port)
    us = new_instance(secrets.token_hex(8), "box-1")
    async with Broker(settings, "garita-g").connect() as client:
        assert await client.subscribe_or_refused("garita/g/instance")
        await client.publish("garita/g/status", "online", retain=True)
        checking = asyncio.create_task(asyncio.to_thread(check_broker, settings, "g"))
        found = parse_instance((await anext(aiter(client.messages))).payload)
        assert found is not None and found[1] == "checking"
        await client.publish("garita/g/instance", us.message("active"), retain=True)
        result = await checking
    assert result.found is not None and result.found.answered == us
