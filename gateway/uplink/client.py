"""Publishes the ledger over MQTT, in order, from a cursor.

The ledger is the outbox: this reads the records after its cursor, publishes each with QoS 1,
and moves the cursor over those that the broker has acknowledged, without a gap.  A broker
that is down, slow or restarted therefore loses nothing and delays no door; what was under
way is sent again, and subscribers drop what they have by its id.

An acknowledgement is not delivery (docs/mqtt.md), so every event carries a number without
holes and the hash of the one before, and a subscriber that misses one asks for it on the
replay topic.  No message that arrives here opens or unlocks anything; what arrives as a command is
handed on as it is, to be judged by its signature (gateway/daemon/commands.py), and so is a signed
personnel list, where the site takes them from the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiomqtt

from gateway.config import MqttSettings
from gateway.ledger import LedgerUnavailable
from gateway.uplink.cursor import Cursor, Records
from gateway.uplink.messages import cloud_event, parse_replay

log = logging.getLogger("garita.uplink.client")

BATCH = 20
PAUSE_S = 0.003
CURSOR_EVERY_S = 1.0
STATE_EVERY_S = 2.0
RETRY_S = (0.5, 30.0)
ACK_TIMEOUT_S = 20.0
REPLAYS_WAITING = 2


class Uplink:
    """One connection to one broker; `run()` keeps it for ever."""

    def __init__(
        self,
        settings: MqttSettings,
        gateway: str,
        records: Records,
        wait_beyond: Callable[[int], Awaitable[None]],
        cursor_path: Path,
        state: Callable[[], Mapping[str, Any]],
        on_state: Callable[[bool, str], None],
        on_command: Callable[[Any, bool], None] | None = None,
        on_bundle: Callable[[bytes], None] | None = None,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._records = records
        self._wait_beyond = wait_beyond
        self._cursor = Cursor(cursor_path)
        self._state = state
        self._on_state = on_state
        self._on_command = on_command  # gets what arrives for commands, and whether retained
        self._on_bundle = on_bundle
        self._topic = f"{settings.base_topic}/{gateway}"
        self._bundles = f"{settings.base_topic}/people/bundle"
        self._connected = False
        self._replays: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue(REPLAYS_WAITING)

    @property
    def connected(self) -> bool:
        return self._connected

    def status(self) -> dict[str, Any]:
        """For people: connected, how far published, how many wait."""
        try:
            waiting = max(0, self._records.last_seq - self._cursor.seq)
        except LedgerUnavailable:
            waiting = -1
        return {"connected": self._connected, "published": self._cursor.seq, "waiting": waiting}

    async def run(self) -> None:
        """Connect, publish, and do so again after every failure, with growing pauses."""
        wait = RETRY_S[0]
        while True:
            try:
                await self._session()
            except* (aiomqtt.MqttError, OSError, ssl.SSLError, LedgerUnavailable) as group:
                detail = _reason(group)
                if self._connected:
                    wait = RETRY_S[0]
                self._set_connected(False, detail)
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - spreads gateways
            wait = min(wait * 2, RETRY_S[1])

    async def _session(self) -> None:
        """One connection from beginning to end.

        A new client each time: an old one may still hold messages that nobody waits for.
        The message iterator is what notices a lost connection at once, so it runs beside
        the publisher, which would otherwise wait for its time-out.
        """
        try:
            async with self._client() as client:
                _no_delay(client)
                await client.subscribe(f"{self._topic}/replay", qos=1)
                if self._on_command is not None:
                    await client.subscribe(f"{self._topic}/command", qos=1)
                if self._on_bundle is not None:
                    # Retained on purpose: its serial says whether it is newer than ours.
                    await client.subscribe(f"{self._bundles}/#", qos=1)
                await client.publish(f"{self._topic}/status", "online", qos=1, retain=True)
                self._cursor.load(self._records)
                self._set_connected(True, "")
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._listen(client))
                        group.create_task(self._publish_records(client))
                        group.create_task(self._save_cursor())
                        group.create_task(self._publish_state(client))
                        group.create_task(self._answer_replays(client))
                except asyncio.CancelledError:
                    await self._say_goodbye(client)
                    raise
        finally:
            self._cursor.save()

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """On a clean stop the broker does not send our will, so we say it ourselves."""
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            await client.publish(f"{self._topic}/status", "offline", qos=1, retain=True, timeout=1)

    def _client(self) -> aiomqtt.Client:
        settings = self._settings
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            identifier=settings.client_id or f"garita-{self._gateway}",
            will=aiomqtt.Will(f"{self._topic}/status", "offline", qos=1, retain=True),
            max_inflight_messages=settings.max_in_flight,
            **connect_options(settings),
        )
        # It warns about more than ten calls under way; here that is how it should be.
        client.pending_calls_threshold = 2 * settings.max_in_flight + 10
        return client

    def _set_connected(self, connected: bool, detail: str) -> None:
        self._connected = connected
        self._on_state(connected, detail)

    async def _publish_records(self, client: aiomqtt.Client) -> None:
        """Records in order, several under way; the cursor follows the acknowledgements."""
        sent, topic = self._cursor.seq, f"{self._topic}/events"
        window: asyncio.Queue[tuple[int, asyncio.Task[None]]] = asyncio.Queue(
            self._settings.max_in_flight
        )

        async def acknowledged() -> None:
            while True:
                seq, task = await window.get()
                await task
                self._cursor.seq = seq

        async with asyncio.TaskGroup() as group:
            group.create_task(acknowledged())
            while True:
                await self._wait_beyond(sent)
                for event in self._records.after(sent, BATCH):
                    payload = cloud_event(event, self._gateway)
                    task = group.create_task(self._publish(client, topic, payload))
                    # A task starts when we next wait, in order of creation: so does its message.
                    await window.put((event.seq, task))
                    sent = event.seq
                # Doors come first: a backlog leaves the loop free between batches.
                await asyncio.sleep(PAUSE_S)

    async def _save_cursor(self) -> None:
        """Not at each acknowledgement: its fsync would get in the way of the ledger's."""
        while True:
            await asyncio.sleep(CURSOR_EVERY_S)
            await asyncio.to_thread(self._cursor.save)

    async def _publish(self, client: aiomqtt.Client, topic: str, payload: str) -> None:
        await client.publish(topic, payload, qos=1, timeout=ACK_TIMEOUT_S)

    async def _publish_state(self, client: aiomqtt.Client) -> None:
        """The gateway's health, retained: after each connect, and when it changes."""
        last = ""
        while True:
            text = json.dumps(self._state(), ensure_ascii=False, sort_keys=True)
            if text != last:
                await client.publish(f"{self._topic}/state", text, qos=1, retain=True)
                last = text
            await asyncio.sleep(STATE_EVERY_S)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if self._on_command is not None and message.topic.value == f"{self._topic}/command":
                self._on_command(message.payload, bool(message.retain))
                continue
            if self._on_bundle is not None and message.topic.value.startswith(self._bundles):
                if isinstance(message.payload, bytes) and message.payload:
                    self._on_bundle(message.payload)
                continue
            request = parse_replay(message.payload, retained=bool(message.retain))
            if request is None:
                log.warning("a replay request was not understood and is ignored")
            elif self._replays.full():
                log.warning("replay %s: too many are waiting, ignored", request[0])
            else:
                self._replays.put_nowait(request)
        raise aiomqtt.MqttError("the connection ended")

    async def _answer_replays(self, client: aiomqtt.Client) -> None:
        """Send what was asked for once more, to whoever asked for it, one after the other."""
        while True:
            name, first, last = await self._replays.get()
            topic, count = f"{self._topic}/replay/{name}", 0
            while first + count <= last:
                limit = min(self._settings.max_in_flight, last - first - count + 1)
                events = self._records.after(first + count - 1, limit)
                if not events:
                    break
                async with asyncio.TaskGroup() as group:
                    for event in events:
                        payload = cloud_event(event, self._gateway)
                        group.create_task(self._publish(client, topic, payload))
                count += len(events)
            done = {"id": name, "from": first, "to": last, "count": count, "done": True}
            await self._publish(client, topic, json.dumps(done))


def connect_options(settings: MqttSettings) -> dict[str, Any]:
    """Who we are to the broker, and how we know it: login, certificates, time-outs."""
    password = None
    if settings.password_file is not None:
        password = settings.password_file.read_text(encoding="utf-8").strip()
    context = None
    if settings.tls:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    return {
        "username": settings.username,
        "password": password,
        "keepalive": settings.keepalive_s,
        "tls_context": context,
        "timeout": 10.0,
    }


def _no_delay(client: aiomqtt.Client) -> None:
    """Small messages must not wait for each other (Nagle)."""
    sock = client._client.socket()
    if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reason(group: BaseExceptionGroup[BaseException]) -> str:
    """The first cause, without anything secret: aiomqtt's texts hold codes only."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
