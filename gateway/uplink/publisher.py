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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple

import aiomqtt

from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.kept import Kept
from gateway.ledger.reader import event_of
from gateway.uplink.connection import (
    ACK_TIMEOUT_S,
    NOT_AUTHORIZED,
    PACKET_TOO_LARGE,
    QUOTA_EXCEEDED,
    Connection,
    NotTaken,
)
from gateway.uplink.cursor import Cursor, Records
from gateway.uplink.messages import cloud_event, cloud_text, omitted_event
from gateway.uplink.oversize import SUSPECT_BYTES, Sizes

log = logging.getLogger("garita.uplink.publisher")

BATCH = 40  # records read at a time
SLICE = 10  # messages in one write; then whoever else has something to do
PAUSE_S = 0.001
NOT_THE_MESSAGE = (NOT_AUTHORIZED, QUOTA_EXCEEDED)  # reasons that hold for any message
TRIES = 3  # how often a record is offered to a broker that refuses this one


class Sent(NamedTuple):
    """A record under way; `size` is that of its whole message in bytes."""

    kept: Kept
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
        self._window: asyncio.Queue[list[Sent]] = asyncio.Queue()
        self._sends = asyncio.Event()
        self.skipped: dict[str, Any] | None = None
        """The newest record that went without its data, as its event says; None if none did."""

    async def run(self, client: Connection) -> None:
        """Records in order, several under way; the cursor follows the acknowledgements."""
        sent, topic = self._cursor.seq, f"{self._topic}/events"
        size = min(SLICE, self._max_in_flight)
        room = asyncio.Semaphore(self._max_in_flight // size)
        window = self._window = asyncio.Queue()
        self._sends.set()

        async def acknowledged() -> None:
            while True:
                for message in await window.get():
                    await self._acknowledged(client, topic, message)
                    self._cursor.seq = message.kept.seq
                window.task_done()
                room.release()

        async with asyncio.TaskGroup() as group:
            group.create_task(acknowledged())
            while True:
                await self._wait_beyond(sent)
                # In a thread: what was recorded long ago may be on the disk alone.
                batch = await asyncio.to_thread(self._batch, sent)
                for messages in _slices(batch, size):
                    await room.acquire()
                    await self._sends.wait()
                    window.put_nowait(self._send(client, topic, messages))
                    sent = messages[-1][0].seq
                    await asyncio.sleep(PAUSE_S)  # doors come first, also in a backlog

    async def finish(self, seconds: float) -> None:
        """Send no further record on this connection; returns when those under way are acknowledged,
        or after `seconds`."""
        self._sends.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._window.join()

    def _batch(self, sent: int) -> list[tuple[Kept, bytes]]:
        """The records after `sent` and their messages; reads the disk."""
        found = self._records.kept_after(sent, BATCH)
        return [(kept, cloud_text(kept, self._gateway).encode()) for kept in found]

    def _send(
        self, client: Connection, topic: str, messages: Sequence[tuple[Kept, bytes]]
    ) -> list[Sent]:
        payloads = []
        for kept, payload in messages:
            if self.sizes.too_large(topic, len(payload)):
                event = event_of(kept)
                self._omit(event, len(payload), "larger than the broker takes")
                payloads.append(omitted_event(event, self._gateway, len(payload)).encode())
            else:
                self.sizes.sending(kept.seq, len(payload))
                payloads.append(payload)
        acks = client.send(topic, payloads)
        return [Sent(one[0], len(one[1]), ack) for one, ack in zip(messages, acks, strict=True)]

    async def _acknowledged(self, client: Connection, topic: str, message: Sent) -> None:
        """Return when the broker has a message; raises as `publish` does."""
        kept, size, ack = message
        try:
            if not ack.done():
                async with asyncio.timeout(ACK_TIMEOUT_S):
                    await ack
            ack.result()
        except TimeoutError:
            raise aiomqtt.MqttError("no acknowledgement in time") from None
        except NotTaken as error:
            await self._not_taken(client, topic, event_of(kept), size, error)
        else:
            self.sizes.taken(kept.seq)
        self._refusals.pop(kept.seq, None)

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


def _slices(
    batch: Sequence[tuple[Kept, bytes]], size: int
) -> Iterator[Sequence[tuple[Kept, bytes]]]:
    """The messages in slices of up to `size`, in order.  A large one goes alone: a broker that ends
    the connection because of it says why, and its words get lost if more lies behind it unread."""
    slice_: list[tuple[Kept, bytes]] = []
    for message in batch:
        large = len(message[1]) > SUSPECT_BYTES
        if slice_ and (large or len(slice_) == size):
            yield slice_
            slice_ = []
        slice_.append(message)
        if large:
            yield slice_
            slice_ = []
    if slice_:
        yield slice_
