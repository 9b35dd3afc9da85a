"""Work over a connection that is begun anew when the settings of the connection change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def renewed(run: Callable[[], Coroutine[Any, Any, None]], changed: asyncio.Event) -> None:
    """Run `run()` for ever; each time `changed` is set it is ended and begins anew.  Raises what
    it raises."""
    while True:
        changed.clear()
        work = asyncio.create_task(run())
        news = asyncio.create_task(changed.wait())
        try:
            await asyncio.wait((work, news), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return await work
        finally:
            for task in (work, news):
                task.cancel()
            await asyncio.gather(work, news, return_exceptions=True)
