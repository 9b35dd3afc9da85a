"""The daemon's own parts: an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import time

from gateway.daemon import end


async def test_a_part_that_forgets_a_cancellation_is_ended_all_the_same() -> None:
    """As a connection does whose loss and whose end come together."""

    times = 0

    async def fails_as_it_is_cancelled() -> None:
        nonlocal times
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            times += 1
            if times == 1:
                raise OSError("lost") from None
            raise

    async def connection() -> None:
        while True:
            with contextlib.suppress(OSError):
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(fails_as_it_is_cancelled())
                        await asyncio.sleep(60)
                except* OSError as lost:
                    raise OSError from lost
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(connection()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await end(tasks)
    assert times >= 1
    assert all(task.done() for task in tasks) and time.monotonic() - began < 5
