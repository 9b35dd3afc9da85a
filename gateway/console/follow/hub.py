"""Tells each browser what changed.  One that reads slowly costs a set of topics, not a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.console.follow.topics import topics_of
from gateway.ledger.event import Event


class Listener:
    """What one browser has not heard yet."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.seq = 0
        self._news = asyncio.Event()

    def tell(self, topics: frozenset[str], seq: int) -> None:
        """There is news of `topics` up to the record `seq`."""
        self.topics |= topics
        self.seq = max(self.seq, seq)
        self._news.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for news; False if there is none in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> tuple[frozenset[str], int]:
        """The topics with news and the newest record; afterwards there is none."""
        self._news.clear()
        topics, self.topics = frozenset(self.topics), set()
        return topics, self.seq


class Hub:
    """All browsers that listen."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.seq = 0

    def publish(self, events: Sequence[Event]) -> None:
        """Tell everybody of new records."""
        topics = frozenset[str]().union(*map(topics_of, events))
        self.seq = events[-1].seq
        for listener in self._listeners:
            listener.tell(topics, self.seq)

    def join(self) -> Listener:
        """A new listener."""
        listener = Listener()
        listener.seq = self.seq
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """It listens no more."""
        self._listeners.discard(listener)

    def __len__(self) -> int:
        return len(self._listeners)
