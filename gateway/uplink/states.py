"""Hears what gates publish of themselves, on every broker: for whoever watches a fleet."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence

import aiomqtt

from drivers.backoff import Backoff
from gateway.config import BrokerAddress, MqttSettings
from gateway.uplink.connection import Broker

log = logging.getLogger("garita.uplink.states")

RETRY_S = (1.0, 60.0)
STATE_BYTES = 1_000_000

Hear = Callable[[str, bytes], None]
"""Takes (name of the gate, its state)."""


async def hear_states(
    settings: MqttSettings, client_id: str, gates: Sequence[str], hear: Hear
) -> None:
    """Hear the states of `gates` (``+``: of all) on all brokers, for ever."""
    async with asyncio.TaskGroup() as group:
        for address in settings.addresses:
            broker = Broker(settings, client_id, STATE_BYTES, address)
            group.create_task(_keep(settings, broker, address, gates, hear))


async def _keep(
    settings: MqttSettings, broker: Broker, address: BrokerAddress, gates: Sequence[str], hear: Hear
) -> None:
    retry = Backoff(*RETRY_S, steady_s=RETRY_S[1], spread=0.2)
    clock = asyncio.get_running_loop().time
    while True:
        begun = clock()
        try:
            await hear_once(settings, broker, gates, hear)
        except (aiomqtt.MqttError, OSError, ssl.SSLError) as error:
            log.info("gates can't be heard on %s: %s", address, error)
        await asyncio.sleep(retry.pause_s(clock() - begun))


async def hear_once(
    settings: MqttSettings, broker: Broker, gates: Sequence[str], hear: Hear
) -> None:
    """One connection, until it ends.  Raises aiomqtt.MqttError, OSError or ssl.SSLError."""
    async with broker.connect("-states") as client:
        for topic in (f"{settings.base_topic}/{gate}/state" for gate in gates):
            if not await client.subscribe_or_refused(topic):
                log.warning("the broker does not let us hear %s", topic)
        async for message in client.messages:
            payload = message.payload
            if isinstance(payload, bytes | bytearray) and payload:
                hear(message.topic.value.split("/")[-2], bytes(payload))
