"""A signed list onto the broker: each part retained under a topic of its number."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config import MqttSettings
from gateway.uplink.connection import Broker

ACK_TIMEOUT_S = 30.0


def topic(base: str) -> str:
    """Where bundles are published, under a broker's base topic."""
    return f"{base}/people/bundle"


async def send(settings: MqttSettings, parts: Sequence[bytes]) -> None:
    """Publish `parts`, all acknowledged; raises aiomqtt.MqttError or OSError.

    The parts of a longer bundle before it stay retained under higher numbers; gateways pass
    them over, because they name another bundle.
    """
    async with Broker(settings, settings.client_id or "garita").connect("-bundle") as client:
        for number, part in enumerate(parts):
            await client.publish(
                f"{topic(settings.base_topic)}/{number}", part, retain=True, timeout=ACK_TIMEOUT_S
            )
