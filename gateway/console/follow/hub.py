"""Tells each browser that something changed.  One that reads slowly costs a few numbers, not a
queue: what it has not heard is a set of topics, and what it shows is asked for by version
(gateway/console/follow/board.py).

All browsers are told at the same moments, at most ten times a second, so that what is sent to
those who see the same is made once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.console.follow.topics import topics_of
from gateway.ledger.event import Event

GAP_S = 0.1
"""The shortest time between two messages to a browser."""
MOST_EACH = 6
"""So many streams one session may have; a further one ends the oldest."""


class Listener:
    """What one browser has not heard yet."""

    def __init__(self, owner: str = "") -> None:
        self.owner = owner
        self.topics: set[str] = set()
        self.seq = 0
        self.ended = False
        self._news = asyncio.Event()

    def tell(self, topics: frozenset[str], seq: int) -> None:
        """There is news of `topics` up to the record `seq`."""
        self.topics |= topics
        self.seq = max(self.seq, seq)
        self._news.set()

    def end(self) -> None:
        """Have its stream ended."""
        self.ended = True
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
    """All browsers that listen.  Its methods are for the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, None] = {}
        self.seq = 0
        self._topics: set[str] = set()
        self._told_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def publish(self, events: Sequence[Event]) -> None:
        """Tell everybody of new records, in order."""
        self._topics.update(*map(topics_of, events))
        self.seq = events[-1].seq
        self.wake()

    def announce(self, topics: frozenset[str]) -> None:
        """Tell everybody that something of `topics` looks different, without a new record."""
        self._topics |= topics
        self.wake()

    def wake(self) -> None:
        """Tell everybody, now or when the last message is GAP_S old."""
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._told_at + GAP_S - loop.time()
        if wait <= 0:
            self._tell()
        else:
            self._timer = loop.call_later(wait, self._tell)

    def join(self, owner: str = "") -> Listener:
        """A new listener of the session `owner`."""
        listener = Listener(owner)
        listener.seq = self.seq
        mine = [other for other in self._listeners if owner and other.owner == owner]
        for other in mine[: max(0, len(mine) + 1 - MOST_EACH)]:
            other.end()
        self._listeners[listener] = None
        if self._closed:
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        """It listens no more."""
        self._listeners.pop(listener, None)

    def end(self, owner: str) -> None:
        """End the streams of the session `owner`: it is over."""
        for listener in self._listeners:
            if listener.owner == owner:
                listener.end()

    def close(self) -> None:
        """The console ends: all streams do."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    def __len__(self) -> int:
        return len(self._listeners)

    def _tell(self) -> None:
        self._timer = None
        self._told_at = asyncio.get_running_loop().time()
        topics, self._topics = frozenset(self._topics), set()
        for listener in self._listeners:
            listener.tell(topics, self.seq)
