"""Asks the daemon now and then what no record tells: how it is, and how many are inside.

Once at the start, every EVERY_S, and soon after a record that moves people; never more than once
in LEAST_S for all browsers together, so that watching costs the gateway nothing that a badge feels.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from gateway.config import Settings
from gateway.console.follow.board import Board
from gateway.console.follow.doors import DECISIONS, OPENINGS
from gateway.daemon.control import ControlError
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event
from gateway.state.muster import kept_presence

log = logging.getLogger("garita.console.watch")

EVERY_S = 10.0
LEAST_S = 1.0
AGAIN_S = 2.0
BACK = 20_000
"""So many records are looked through for what happened last at each door."""

Ask = Callable[[str], Awaitable[dict[str, Any]]]
Kept = Callable[[], Awaitable[dict[str, int]]]


class Watch:
    """Keeps `board` true; `ask` asks the daemon, `kept` its files while it does not answer, `told`
    is called when the board has changed."""

    def __init__(self, board: Board, ask: Ask, kept: Kept, told: Callable[[], None]) -> None:
        self._board, self._ask, self._kept, self._told = board, ask, kept, told
        self._due = asyncio.Event()

    def look(self) -> None:
        """New records were taken in: if they moved people, the daemon is asked soon."""
        if self._board.stale or self._board.waiting.next_end is not None:
            self._due.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        board, loop = self._board, asyncio.get_running_loop()
        while True:
            version, board.stale, asked_at = board.version, False, loop.time()
            try:
                status = await self._ask("status")
                waiting = await self._ask("door_waiting")
                board.adopt(status, waiting["waiting"])
            except ControlError:
                await self._silent()
            except (TypeError, ValueError, KeyError, AttributeError):
                log.exception("the gateway's answer is not understood")
                await self._silent()
            if board.version != version:
                self._told()
            pause = EVERY_S if board.gate.answers else AGAIN_S
            await self._rest(asked_at, asked_at + pause)

    async def _silent(self) -> None:
        """The daemon does not answer: its files are read once, until it does again."""
        first = self._board.gate.answers is not False
        self._board.silent(await self._kept() if first else {})

    async def _rest(self, asked_at: float, until: float) -> None:
        """Wait until the daemon is to be asked again; meanwhile end waits that are over."""
        board, loop = self._board, asyncio.get_running_loop()
        while (now := loop.time()) < until:
            if board.stale and now >= asked_at + LEAST_S:
                return
            end = board.waiting.next_end
            wake = [until - now]
            if board.stale:
                wake.append(asked_at + LEAST_S - now)
            if end is not None:
                wake.append((end - datetime.now(UTC)).total_seconds())
            self._due.clear()
            try:
                async with asyncio.timeout(max(0.02, min(wake))):
                    await self._due.wait()
            except TimeoutError:
                pass
            version = board.version
            board.pass_time(datetime.now(UTC))
            if board.version != version:
                self._told()


def kept_inside(settings: Settings) -> dict[str, int]:
    """How many are in each area by the gateway's files; for a thread.  {} if they can't be read."""
    try:
        found = kept_presence(settings)
    except LedgerUnavailable as error:
        log.warning("the log can't be read: %s", error)
        return {}
    return {name: found.occupancy(name) for name in settings.tables.areas}


def happened_last(settings: Settings) -> list[Event]:
    """The newest decision and the newest opening of each door, for `Doors.seed`; for a thread."""
    found: list[Event] = []
    try:
        with closing(LedgerReader(settings.ledger_path)) as reader:
            for kinds in (DECISIONS, OPENINGS):
                missing = set(settings.tables.doors)
                for event in reader.back(*kinds, most=BACK):
                    door = str(event.data.get("door") or event.subject)
                    if door in missing:
                        missing.discard(door)
                        found.append(event)
                    if not missing:
                        break
    except LedgerUnavailable as error:
        log.warning("the log can't be read: %s", error)
    return found
