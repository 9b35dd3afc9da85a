"""Virtual time for tests of doors: with `pytest.mark.looptime` the loop's clock jumps to the next
timer as soon as there is nothing else to do, so a wait of minutes costs nothing."""

from __future__ import annotations

import asyncio
import threading

from gateway.ledger import Ledger
from gateway.ledger.event import Event, NewEvent


def now() -> float:
    """The loop's time in seconds; virtual where the test is marked so."""
    return asyncio.get_running_loop().time()


def hold_time_while_writing(ledger: Ledger) -> None:
    """Let the virtual clock stand still while the ledger's thread writes to the real disk.

    The clock stands still for a call in an executor, and the ledger's thread is none.  So for each
    event that is being written a call waits in the executor until the event is on disk.
    """
    append_soon = ledger.append_soon

    def held(event: NewEvent) -> asyncio.Future[Event]:
        future, written = append_soon(event), threading.Event()
        asyncio.get_running_loop().run_in_executor(None, written.wait, 10)
        future.add_done_callback(lambda _: written.set())
        return future

    ledger.append_soon = held  # type: ignore[method-assign]  # `append` calls it too
