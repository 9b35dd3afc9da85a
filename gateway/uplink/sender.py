"""The sender's side of a signed command: find the gateway, send, and hear what became of it.

A command is good for seconds.  So it is signed only when the broker has said which run of the
gateway is connected, and it goes to the one broker to which the gateway is connected.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiomqtt

from gateway.config import MqttSettings
from gateway.locale import GaritaError, worded
from gateway.uplink.connection import Broker, Connection

STATE_S = 5.0  # retained messages come at once, or not at all
GRACE_S = 5.0  # after the command's expiry, for the answer


class NotSent(GaritaError):
    """The command did not reach the gateway, as far as can be known; the message is for people."""


class NoAnswer(NotSent):
    """The command was sent, and nothing came back: it may have been carried out or not."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A command to be sent: its text, its key and counter, and how many seconds it is good."""

    text: str
    key: str
    counter: int
    seconds: int


async def send(
    settings: MqttSettings, gateway: str, make: Callable[[str], Signed]
) -> Mapping[str, Any]:
    """Send what `make(boot)` signs for the run `boot` of the gateway; returns its answer.

    Raises NotSent or NoAnswer.
    """
    why: Exception | None = None
    for address in settings.addresses:
        me = f"{settings.client_id or 'garita'}-remote-{secrets.token_hex(4)}"
        broker = Broker(settings, me, address=address)
        try:
            async with broker.connect() as client:
                topic = f"{settings.base_topic}/{gateway}"
                boot = await _boot(client, topic)
                if boot is not None:
                    return await _ask(client, topic, make(boot))
        except (aiomqtt.MqttError, OSError, ssl.SSLError) as error:
            why = error
    if why is not None:
        raise NotSent(worded("the broker can't be reached: {error}", error=why)) from why
    raise NotSent(worded("{gateway} is not connected to the broker", gateway=gateway))


async def _boot(client: Connection, topic: str) -> str | None:
    """Which run of the gateway is connected here; None if none is."""
    for name in ("status", "state"):
        await client.subscribe(f"{topic}/{name}", qos=1)
    found: dict[str, bytes] = {}
    try:
        async with asyncio.timeout(STATE_S):
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    found[message.topic.value.removeprefix(f"{topic}/")] = message.payload
                if found.get("status") == b"offline":
                    return None
                if found.get("status") == b"online" and "state" in found:
                    return str(json.loads(found["state"])["boot"])
    except TimeoutError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise NotSent(worded("the state of the gateway is not understood")) from error
    return None


async def _ask(client: Connection, topic: str, command: Signed) -> Mapping[str, Any]:
    await client.subscribe(f"{topic}/command/answer", qos=1)
    await client.publish(f"{topic}/command", command.text, expiry_s=command.seconds)
    try:
        async with asyncio.timeout(command.seconds + GRACE_S):
            async for message in client.messages:
                answer = _answer(message, command)
                if answer is not None:
                    return answer
    except (TimeoutError, aiomqtt.MqttError) as error:
        raise NoAnswer(worded("no answer: look into the log whether it was carried out")) from error
    raise NoAnswer(worded("no answer: look into the log whether it was carried out"))


def _answer(message: aiomqtt.Message, command: Signed) -> Mapping[str, Any] | None:
    """The answer to our command; None for any other message."""
    if message.retain or not message.topic.value.endswith("/command/answer"):
        return None
    try:
        found = json.loads(message.payload)
        ours = (found["key"], found["counter"]) == (command.key, command.counter)
        return found if ours and isinstance(found["done"], bool) else None
    except (ValueError, TypeError, KeyError):
        return None
