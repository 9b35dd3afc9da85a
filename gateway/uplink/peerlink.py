"""The connections over which gates that share areas hear each other.

They are apart from the uplink: one to each broker of the configuration, because another gate may be
connected to another of them.  They publish the signed head of our log, hear the heads and records
of the others, and ask for what is missing.  No door waits for any of this.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import ssl
from collections.abc import Callable, Mapping

import aiomqtt

from drivers.backoff import Backoff
from gateway.config import BrokerAddress, MqttSettings
from gateway.uplink.connection import Broker, Connection, NotTaken, client_id
from gateway.uplink.peers import RECORD_BYTES, PeerLog
from gateway.uplink.renew import renewed

log = logging.getLogger("garita.uplink.peerlink")

LOOK_S = 0.1
RETRY_S = (0.5, 30.0)

Hear = Callable[[str, str, bytes], None]
"""Takes (name of the gate, kind of the message, the message); kinds are ``events``, ``head`` and
``replay``."""


class PeerLink:
    """`run()` keeps the connections for ever.  `head()` is our newest signed head, "" before the
    first; `hear` gets what arrives."""

    def __init__(
        self,
        settings: MqttSettings,
        gateway: str,
        peers: Mapping[str, PeerLog],
        head: Callable[[], str],
        hear: Hear,
    ) -> None:
        self._settings = settings
        self._changed = asyncio.Event()
        self._gateway = gateway
        self._peers = peers
        self._head = head
        self._hear = hear
        # Names may hold what an id of a request may not.
        self._id = "area-" + hashlib.sha256(gateway.encode()).hexdigest()[:16]
        self._clients: set[Connection] = set()
        self._topics = {
            f"{settings.base_topic}/{name}/{rest}": (name, kind)
            for name in peers
            for rest, kind in (
                ("events", "events"),
                ("head", "head"),
                (f"replay/{self._id}", "replay"),
            )
        }

    def use(self, settings: MqttSettings) -> None:
        """Make the connections anew by other settings."""
        if settings != self._settings:
            self._settings = settings
            self._changed.set()

    async def run(self) -> None:
        await renewed(self._connected, self._changed)

    async def _connected(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask())
            for address in self._settings.addresses:
                group.create_task(self._keep(address))

    async def _keep(self, address: BrokerAddress) -> None:
        me = client_id(self._settings, self._gateway)
        broker = Broker(self._settings, me, RECORD_BYTES, address)
        retry = Backoff(*RETRY_S, steady_s=RETRY_S[1], spread=0.2)
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            try:
                await self._session(broker)
            except* (aiomqtt.MqttError, OSError, ssl.SSLError) as group:
                log.info("other gates can't be heard on %s: %s", address, group.exceptions[0])
            await asyncio.sleep(retry.pause_s(clock() - begun))

    async def _session(self, broker: Broker) -> None:
        async with broker.connect("-peers") as client, asyncio.TaskGroup() as group:
            group.create_task(self._listen(client))
            for topic in self._topics:
                if not await client.subscribe_or_refused(topic):
                    log.warning("the broker does not let us hear %s", topic)
            self._clients.add(client)
            try:
                await self._publish_head(client)
            finally:
                self._clients.discard(client)

    async def _listen(self, client: Connection) -> None:
        async for message in client.messages:
            found = self._topics.get(message.topic.value)
            if found is not None and isinstance(message.payload, bytes | bytearray):
                self._hear(*found, bytes(message.payload))
        raise aiomqtt.MqttError("the connection ended")

    async def _publish_head(self, client: Connection) -> None:
        """Keep our newest head retained, for ever."""
        last, topic = "", f"{self._settings.base_topic}/{self._gateway}/head"
        while True:
            if (text := self._head()) != last:
                last = text
                try:
                    await client.publish(topic, text.encode(), retain=True)
                except NotTaken as error:
                    log.warning("%s: %s", topic, error)
            await asyncio.sleep(LOOK_S)

    async def _ask(self) -> None:
        """Ask for what is missing.  Each gate answers on the one broker to which its uplink is
        connected, so the question goes to all."""
        clock = asyncio.get_running_loop().time
        while True:
            for name, peer in self._peers.items():
                if not self._clients or (wanted := peer.wants(clock())) is None:
                    continue
                request = json.dumps({"id": self._id, "from": wanted[0], "to": wanted[1]})
                for client in list(self._clients):
                    try:
                        topic = f"{self._settings.base_topic}/{name}/replay"
                        await client.publish(topic, request)
                    except aiomqtt.MqttError as error:
                        log.info("%s could not be asked: %s", name, error)
            await asyncio.sleep(LOOK_S)
