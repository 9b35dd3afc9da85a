"""The signed head of the log on a broker: what it holds is judged once a run, the newest is kept.

What a broker holds may be newer than the log: somebody put back an older disk image
(docs/ledger.md).  So no record is published to it before that was judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import aiomqtt

from gateway.uplink.connection import Connection, NotTaken
from gateway.uplink.places import Place

log = logging.getLogger("garita.uplink.heads")

HELD_S = 1.0  # a broker sends what it holds right after it takes the subscription
LOOK_EVERY_S = 1.0


class Head:
    """`newest()` is the newest checkpoint, "" before the first; `judge` gets what a broker holds,
    empty if it holds none.  None: nothing is judged."""

    def __init__(
        self,
        topic: str,
        newest: Callable[[], str],
        judge: Callable[[bytes], Awaitable[None]] | None,
    ) -> None:
        self.topic = f"{topic}/checkpoint"
        self._newest = newest
        self._judge = judge
        self._held: asyncio.Future[bytes] | None = None

    async def judge(self, place: Place, held: bytes) -> None:
        """The broker holds this."""
        if self._judge is not None and not place.head_judged:
            await self._judge(held)
        place.head_judged = True

    def ask(self) -> None:
        """The topic is about to be subscribed to: what is retained there will be heard."""
        self._held = asyncio.get_running_loop().create_future()

    def hear(self, message: aiomqtt.Message) -> None:
        """A message on the topic.  What is not retained is our own, just sent, or somebody's who
        plays."""
        if message.retain and self._held is not None and not self._held.done():
            self._held.set_result(bytes(message.payload or b""))

    async def wait(self, place: Place) -> None:
        """Have judged what is heard, if that was not done before."""
        if place.head_judged or self._held is None:
            return
        held = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD_S):
                held = await self._held
        await self.judge(place, held)

    async def publish(self, client: Connection) -> None:
        """Keep the newest checkpoint retained, for ever."""
        last = ""
        while True:
            text = self._newest()
            if text != last:
                last = text
                try:
                    await client.publish(self.topic, text.encode(), retain=True)
                except NotTaken as error:
                    log.warning("%s: %s", self.topic, error)
                    return
            await asyncio.sleep(LOOK_EVERY_S)
