"""What the configured broker says to us, asked without disturbing a gateway that is connected."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from dataclasses import dataclass

import aiomqtt

from gateway.config import BrokerAddress, MqttSettings
from gateway.uplink.connection import NAMES, Broker, client_id
from gateway.uplink.rivals import Found, look, new_instance


@dataclass(frozen=True, slots=True)
class BrokerCheck:
    """`error` is empty if the connection was made with the configured account; `version` is the
    version of MQTT that the broker speaks; `found` is who has our name there."""

    error: str = ""
    version: str = ""
    found: Found | None = None


def check_broker(
    settings: MqttSettings, gateway: str, address: BrokerAddress | None = None
) -> BrokerCheck:
    """Connect to a broker of the settings (by default the first) and look; blocks for some seconds
    at most, and raises nothing that a broker or a network can cause."""
    return asyncio.run(_check(settings, gateway, address))


async def _check(
    settings: MqttSettings, gateway: str, address: BrokerAddress | None
) -> BrokerCheck:
    broker = Broker(settings, client_id(settings, gateway), address=address)
    me = new_instance(secrets.token_hex(8), socket.gethostname())
    try:
        found = await look(broker, f"{settings.base_topic}/{gateway}", me, "checking")
    except (aiomqtt.MqttError, OSError, ssl.SSLError) as error:
        return BrokerCheck(error=str(error) or type(error).__name__)
    return BrokerCheck(version=NAMES[broker.version], found=found)
