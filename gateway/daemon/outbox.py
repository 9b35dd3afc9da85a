"""Moves admin acts from the outbox of people.db to the ledger.

A command (a sync, an enrolment, a visit) writes its act and its event in one transaction.  This
records the event afterwards, under its own id, so that it is recorded exactly once whoever dies in
between.  All reading and writing is done in a thread: another process may hold the list for
seconds while it puts a large one in force, and no door waits for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.people import LogMark, Roster, RosterUnavailable
from gateway.people.schema import migrate
from gateway.vault.files import FileThread

log = logging.getLogger("garita.daemon.outbox")

POLL_S = 0.5
RETRY_S = 5.0
BATCH = 100


class Outbox:
    """`append` writes one event to the ledger, whose present chain is `chain()`."""

    def __init__(
        self,
        people: Path,
        append: Callable[[NewEvent], Awaitable[Event]],
        chain: Callable[[], str],
    ) -> None:
        self._people = people
        self._roster = Roster(people)  # of its own, because a connection belongs to its thread
        self._thread = FileThread("outbox")
        self._append = append
        self._chain = chain
        self._nudged = asyncio.Event()
        self._watchers: list[Callable[[NewEvent], None]] = []

    def nudge(self) -> None:
        """A command has just acted: look now rather than at the next poll."""
        self._nudged.set()

    def on_act(self, watcher: Callable[[NewEvent], None]) -> None:
        """Have `watcher` called with each act after it was recorded."""
        self._watchers.append(watcher)

    async def run(self) -> None:
        """Move acts for ever."""
        while True:
            wait_s = POLL_S
            try:
                await self.move()
            except (RosterUnavailable, LedgerUnavailable) as error:
                log.warning("admin acts wait to be recorded: %s", error)
                wait_s = RETRY_S
                await self._bring_up()
            self._nudged.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._nudged.wait()
            except TimeoutError:
                continue

    async def _bring_up(self) -> None:
        """A list that was restored while the gateway runs may be an older program's."""
        with contextlib.suppress(RosterUnavailable):
            await self._thread.run(migrate, self._people)

    async def move(self) -> None:
        """Move what is there; raises RosterUnavailable or LedgerUnavailable, and then the rest
        stays for the next time."""
        while events := await self._thread.run(self._roster.outbox, BATCH):
            for event in events:
                record = await self._append(event)
                for watcher in self._watchers:
                    watcher(event)
            mark = LogMark(self._chain(), record.seq, record.hash)
            await self._thread.run(self._roster.outbox_done, [event.id for event in events], mark)
