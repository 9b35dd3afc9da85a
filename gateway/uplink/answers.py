"""What became of signed commands, for whoever sent them: published on `<base>/<gw>/command/answer`.

An answer is a convenience and is not kept: where the broker is away it is dropped.  The record in
the log is what counts, and it goes out with the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from gateway.uplink.connection import Connection, NotTaken

log = logging.getLogger("garita.uplink.answers")

WAITING = 8
EXPIRY_S = 60


class Answers:
    """`topic` is the gateway's own."""

    def __init__(self, topic: str) -> None:
        self.topic = f"{topic}/command/answer"
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._told = False

    def put(self, answer: Mapping[str, Any]) -> None:
        """Have it published; returns at once."""
        if not self._waiting.full():
            self._waiting.put_nowait(json.dumps(answer, ensure_ascii=False, sort_keys=True))

    async def publish(self, client: Connection) -> None:
        """Publish what comes, for ever; what waited for a connection is too old."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        while True:
            text = await self._waiting.get()
            try:
                await client.publish(self.topic, text, expiry_s=EXPIRY_S)
            except NotTaken as error:
                if not self._told:
                    self._told = True
                    log.warning("%s: %s", self.topic, error)
