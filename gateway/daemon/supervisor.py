"""Keeps the parts of the gateway running, ends them, and tells systemd that they make progress.

A part that fails is logged, recorded, and started again after a growing pause; it never takes the
gateway with it.  A part that hangs gets the whole gateway restarted by systemd's watchdog.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from drivers.backoff import Backoff
from gateway.daemon.systemd import notify, watchdog_interval
from gateway.daemon.wiring import Plant
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent

log = logging.getLogger("garita.daemon.supervisor")

RETRY_S = (0.5, 10.0)
READER_STALL_S = 5.0
LEDGER_STALL_S = 2.0

Run = Callable[[], Awaitable[None]]


async def supervise(name: str, run: Run, note: Callable[[NewEvent], None]) -> None:
    """Run a part for ever; each end of it is an event for `note` and another try."""
    backoff = Backoff(*RETRY_S)
    while True:
        begun = time.monotonic()
        try:
            await run()
            detail = "ended"
        except Exception as error:
            log.exception("%s failed", name)
            detail = type(error).__name__
        note(NewEvent(EventType.GATEWAY_TASK_FAILED, name, {"detail": detail}))
        await asyncio.sleep(backoff.pause_s(time.monotonic() - begun))


def start(
    group: asyncio.TaskGroup, parts: Mapping[str, Run], note: Callable[[NewEvent], None]
) -> list[asyncio.Task[None]]:
    """Supervise each of `parts` (by name) in a task of `group`; the tasks, for `end`."""
    return [group.create_task(supervise(name, run, note), name=name) for name, run in parts.items()]


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done.  Once may not be enough: a TaskGroup in which a part fails
    just as it is cancelled raises the failure and forgets the cancellation (CPython before 3.13),
    and whoever handles failures goes on."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)


class Watchdog:
    """Pings systemd only while the loop, the ledger's writer, the readers and the doors all make
    progress.  `door_limit_s()` is how long a door may rightly wait for one badge."""

    def __init__(self, plant: Plant, ledger: Ledger, door_limit_s: Callable[[], float]) -> None:
        self._plant = plant
        self._ledger = ledger
        self._door_limit_s = door_limit_s

    async def run(self) -> None:
        """Look and ping for ever, as often as systemd wants it."""
        interval = watchdog_interval()
        while True:
            await asyncio.sleep(interval or 10.0)
            stalled = await self.stalled()
            if stalled:
                log.critical("no progress: %s", ", ".join(stalled))
            elif interval is not None:
                notify(WATCHDOG=1)

    async def stalled(self) -> list[str]:
        """The parts that make no progress, in words."""
        now, door_limit_s = time.monotonic(), self._door_limit_s()
        stalled = [
            f"{kind} {name}"
            for (kind, name), port in self._plant.ports().items()
            if now - port.progress_at > READER_STALL_S
        ]
        stalled += [
            f"inputs {name}"
            for name, board in self._plant.inputs.items()
            if now - board.progress_at > READER_STALL_S
        ]
        stalled += [
            f"door {name} {reader.reader}"
            for name, door in self._plant.doors.items()
            for reader in door.readers
            if now - reader.progress_at > door_limit_s
        ]
        if not await self._ledger.ping(LEDGER_STALL_S):
            stalled.append("ledger")
        return stalled
