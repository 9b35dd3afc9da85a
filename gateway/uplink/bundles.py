"""A signed list onto each broker: each part retained under a topic of its number."""

from __future__ import annotations

from collections.abc import Sequence

import aiomqtt

from gateway.config import MqttSettings
from gateway.uplink.connection import Broker

ACK_TIMEOUT_S = 30.0


def topic(base: str) -> str:
    """Where bundles are published, under a broker's base topic."""
    return f"{base}/people/bundle"


async def send(settings: MqttSettings, parts: Sequence[bytes]) -> None:
    """Publish `parts` on every broker of the settings, all acknowledged; raises aiomqtt.MqttError
    when a broker did not take them.  The others have been tried by then.

    The parts of a longer bundle before it stay retained under higher numbers; gateways pass
    them over, because they name another bundle.
    """
    failed: aiomqtt.MqttError | None = None
    for address in settings.addresses:
        broker = Broker(settings, settings.client_id or "garita", address=address)
        try:
            async with broker.connect("-bundle") as client:
                for number, part in enumerate(parts):
                    await client.publish(
                        f"{topic(settings.base_topic)}/{number}",
                        part,
                        retain=True,
                        timeout=ACK_TIMEOUT_S,
                    )
        except (aiomqtt.MqttError, OSError) as error:
            failed = failed or aiomqtt.MqttError(f"{address}: {error}")
    if failed is not None:
        raise failed
