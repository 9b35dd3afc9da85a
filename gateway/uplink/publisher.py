"""The records of the ledger as messages: in order, several under way, none of them the last.

`Publisher` sends records on the events topic and again on a replay topic.  A record that the broker
does not take for its size, or refuses by itself again and again, goes without its data, and an
event says so; what comes after it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiomqtt

from gateway.ledger.event import Event, EventType, NewEvent
from gateway.uplink.connection import (
    ACK_TIMEOUT_S,
    NOT_AUTHORIZED,
    PACKET_TOO_LARGE,
    QUOTA_EXCEEDED,
    Connection,
    NotTaken,
)
from gateway.uplink.cursor import Cursor, Records
from gateway.uplink.messages import cloud_event, omitted_event
from gateway.uplink.oversize import Sizes

log = logging.getLogger("garita.uplink.publisher")

BATCH = 20
SLICE = 5  # so many messages, then whoever else has something to do
PAUSE_S = 0.003
NOT_THE_MESSAGE = (NOT_AUTHORIZED, QUOTA_EXCEEDED)  # reasons that hold for any message
TRIES = 3  # how often a record is offered to a broker that refuses this one


class Sent(NamedTuple):
    """A record under way; `size` is that of its whole message in bytes."""

    event: Event
    size: int
    ack: asyncio.Future[None]


class Publisher:
    """`wait_beyond(seq)` returns when the ledger has a record after `seq`; `note` takes events for
    the log; `max_in_flight` is how many records may be under way at once."""

    def __init__(
        self,
        *,
        gateway: str,
        topic: str,
        records: Records,
        wait_beyond: Callable[[int], Awaitable[None]],
        cursor: Cursor,
        note: Callable[[NewEvent], None],
        max_in_flight: int,
    ) -> None:
        self._gateway = gateway
        self._topic = topic
        self._records = records
        self._wait_beyond = wait_beyond
        self._cursor = cursor
        self.sizes = Sizes()
        """What the broker takes that we are connected to."""
        self._note = note
        self._max_in_flight = max_in_flight
        self._refusals: dict[int, int] = {}  # by number of the record, how often
        self._omitted: set[int] = set()  # records whose omission is in the log
        self._window: asyncio.Queue[Sent] = asyncio.Queue(max_in_flight)
        self._sends = asyncio.Event()
        self.skipped: dict[str, Any] | None = None
        """The newest record that went without its data, as its event says; None if none did."""

    async def run(self, client: Connection) -> None:
        """Records in order, several under way; the cursor follows the acknowledgements."""
        sent, topic = self._cursor.seq, f"{self._topic}/events"
        window = self._window = asyncio.Queue(self._max_in_flight)
        self._sends.set()

        async def acknowledged() -> None:
            while True:
                message = await window.get()
                await self._acknowledged(client, topic, message)
                self._cursor.seq = message.event.seq
                window.task_done()

        async with asyncio.TaskGroup() as group:
            group.create_task(acknowledged())
            while True:
                await self._wait_beyond(sent)
                # In a thread: what was recorded long ago may be on the disk alone.
                batch = await asyncio.to_thread(self._batch, sent)
                for number, (event, payload) in enumerate(batch, 1):
                    await self._sends.wait()
                    await window.put(self._send(client, topic, event, payload))
                    sent = event.seq
                    if number % SLICE == 0:
                        await asyncio.sleep(0)  # doors come first, also in a backlog
                await asyncio.sleep(PAUSE_S)

    async def finish(self, seconds: float) -> None:
        """Send no further record on this connection; returns when those under way are acknowledged,
        or after `seconds`."""
        self._sends.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._window.join()

    def _batch(self, sent: int) -> list[tuple[Event, bytes]]:
        """The records after `sent` and their messages; reads the disk."""
        events = self._records.after(sent, BATCH)
        return [(event, cloud_event(event, self._gateway).encode()) for event in events]

    def _send(self, client: Connection, topic: str, event: Event, payload: bytes) -> Sent:
        size = len(payload)
        if self.sizes.too_large(topic, size):
            self._omit(event, size, "larger than the broker takes")
            payload = omitted_event(event, self._gateway, size).encode()
            return Sent(event, size, client.send(topic, payload))
        self.sizes.sending(event.seq, size)
        return Sent(event, size, client.send(topic, payload))

    async def _acknowledged(self, client: Connection, topic: str, message: Sent) -> None:
        """Return when the broker has a message; raises as `publish` does."""
        event, size, ack = message
        try:
            if not ack.done():
                async with asyncio.timeout(ACK_TIMEOUT_S):
                    await ack
            ack.result()
        except TimeoutError:
            raise aiomqtt.MqttError("no acknowledgement in time") from None
        except NotTaken as error:
            await self._not_taken(client, topic, event, size, error)
        else:
            self.sizes.taken(event.seq)
        self._refusals.pop(event.seq, None)

    async def publish(self, client: Connection, topic: str, event: Event) -> None:
        """One record, acknowledged; what is too large for the broker goes without its data."""
        payload = cloud_event(event, self._gateway).encode()
        size = len(payload)
        if self.sizes.too_large(topic, size):
            await self._without_data(client, topic, event, size, "larger than the broker takes")
            return
        self.sizes.sending(event.seq, size)
        try:
            await client.publish(topic, payload)
        except NotTaken as error:
            await self._not_taken(client, topic, event, size, error)
        else:
            self.sizes.taken(event.seq)
        self._refusals.pop(event.seq, None)

    async def _not_taken(
        self, client: Connection, topic: str, event: Event, size: int, error: NotTaken
    ) -> None:
        """The broker refused a record: leave out its data, or raise `error`."""
        self._refusals[event.seq] = tries = self._refusals.get(event.seq, 0) + 1
        if error.code == PACKET_TOO_LARGE:
            self.sizes.not_taken(size)  # from the next connection on, in order
            raise error
        if tries < TRIES or error.code in NOT_THE_MESSAGE:
            raise error
        await self._without_data(client, topic, event, size, str(error))

    async def _without_data(
        self, client: Connection, topic: str, event: Event, size: int, detail: str
    ) -> None:
        self._omit(event, size, detail)
        await client.publish(topic, omitted_event(event, self._gateway, size))

    def _omit(self, event: Event, size: int, detail: str) -> None:
        if event.seq in self._omitted:
            return
        self._omitted.add(event.seq)
        log.error("event %d (%d bytes) goes without its data: %s", event.seq, size, detail)
        data = {"event": event.seq, "type": event.type, "bytes": size, "detail": detail}
        self.skipped = {**data, "count": len(self._omitted)}
        self._note(NewEvent(EventType.UPLINK_MESSAGE_SKIPPED, self._gateway, data))

    async def replay(self, client: Connection, name: str, first: int, last: int) -> None:
        """Send the records from `first` to `last` once more, to whoever asked under `name`, and
        then how many they were."""
        topic, count = f"{self._topic}/replay/{name}", 0
        while first + count <= last:
            limit = min(self._max_in_flight, last - first - count + 1)
            events = await asyncio.to_thread(self._records.after, first + count - 1, limit)
            if not events:
                break
            async with asyncio.TaskGroup() as group:
                for event in events:
                    group.create_task(self.publish(client, topic, event))
            count += len(events)
        done = {"id": name, "from": first, "to": last, "count": count, "done": True}
        await client.publish(topic, json.dumps(done))
