"""The demo's MQTT side: a broker inside this process, and an auditor who subscribes to it.

The broker is amqtt, which needs no installation and forgets sessions when it stops.  So the auditor
does what every subscriber should do: it watches the numbers and asks for what is missing.
Production and tests use mosquitto.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any

import aiomqtt
from amqtt.broker import Broker

logging.getLogger("amqtt").setLevel(logging.CRITICAL)
logging.getLogger("transitions").setLevel(logging.CRITICAL)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _quiet(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """amqtt closes a connection that is gone already (a client that asked for MQTT 5, which amqtt
    does not speak) and raises; that is not news."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


class DemoBroker:
    """A broker that can be started and stopped several times."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._broker: Broker | None = None

    async def start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(_quiet)
        anonymous = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        self._broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self._port}"}},
                "plugins": {anonymous: {"allow_anonymous": True}},
            }
        )
        await self._broker.start()

    async def stop(self) -> None:
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None


class Auditor:
    """Keeps every event by its number, finds gaps and asks for what is missing."""

    def __init__(self, port: int, gateway: str) -> None:
        self._port = port
        self._topic = f"garita/{gateway}"
        self._grown = asyncio.Event()
        self.events: dict[int, dict[str, Any]] = {}
        self.filled = 0
        self.status = "unknown"

    async def run(self) -> None:
        """Listen for ever; if the broker goes away, wait for it."""
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", self._port) as client:
                    await client.subscribe(f"{self._topic}/#", qos=1)
                    # Ask for everything before, too: an audit starts at 1.
                    await self._ask(client, "start", 1, 10_000)
                    async for message in client.messages:
                        await self._take(client, message)
            except aiomqtt.MqttError:
                self.status = "no broker"
                await asyncio.sleep(0.2)

    async def wait_for(self, seq: int, timeout_s: float = 40.0) -> None:
        """Wait until every event up to `seq` is here; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while any(number not in self.events for number in range(1, seq + 1)):
                self._grown.clear()
                await self._grown.wait()

    async def _take(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        kind = str(message.topic).removeprefix(f"{self._topic}/")
        if kind == "status":
            self.status = bytes(message.payload).decode()  # type: ignore[arg-type]
        elif kind == "events" or kind.startswith("replay/"):
            item = json.loads(message.payload)  # type: ignore[arg-type]
            seq = item.get("seq")
            if seq is None:
                return  # the end of a replay
            if seq not in self.events and kind != "events":
                self.filled += 1
            self.events[seq] = item
            self._grown.set()
            if kind == "events" and seq > 1 and seq - 1 not in self.events:
                last_known = max((n for n in self.events if n < seq), default=0)
                await self._ask(client, f"gap-{seq}", last_known + 1, seq - 1)

    async def _ask(self, client: aiomqtt.Client, name: str, first: int, last: int) -> None:
        request = json.dumps({"id": name, "from": first, "to": last})
        await client.publish(f"{self._topic}/replay", request, qos=1)
