"""Keeps a copy of the personnel list, and lets it take over when the list is damaged.

The list is looked at every few seconds, and at once when a badge can't be looked up.  Damage counts
when nobody has written the file for a moment: a person who restores it is not disturbed.  A list
that is restored, or a new one that is applied, ends the copy's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import english, worded
from gateway.people import Roster, RosterUnavailable
from gateway.people.listcopy import Copy, ListCopy, NoCopy, Standin, inspect, mark_of
from gateway.vault.files import FileThread
from gateway.vault.statefile import Damage, Tell

log = logging.getLogger("garita.daemon.listkeeper")

LOOK_EVERY_S = 2.0
QUIET_S = 2.0  # so long nobody may have written a damaged file
CONFIRM_EVERY_S = 3600.0
SHARE = 20  # a copy that takes a second is made every 20 s at most
MAX_AGE_H = 24.0  # of a copy, where the site does not say how old a list may be


class ListKeeper:
    """`every_s` is how often a copy is made at most, `max_age_h` how old the one in force may be
    (None: MAX_AGE_H); `now` gives the time, `tell` is told of damage."""

    def __init__(
        self,
        people: Path,
        ledger: Path,
        *,
        every_s: float,
        max_age_h: float | None,
        now: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        self._people = people
        self._ledger = ledger
        self._every_s = every_s
        self._max_age_s = (max_age_h or MAX_AGE_H) * 3600
        self._now = now
        self._tell = tell
        self._copies = ListCopy(people)
        self._files = FileThread("list copy")
        self._nudged: asyncio.Event | None = None
        self._ending = False
        self._doubted = True
        self._copy: Copy | None = None
        self._as_of = 0.0
        self._due_at = 0.0
        self._told = ""
        self._standin: Standin | None = None
        self._missing = ""  # why there is no copy

    def failing(self) -> str:
        """For `decide()`: of when the copy is that is in force; "" if the list itself is."""
        held = self._standin
        return _utc(held.as_of) if held is not None else ""

    def refusal(self) -> str:
        """Why nobody may be looked up, "" if they may."""
        held = self._standin
        if held is None or self._now().timestamp() - held.as_of <= self._max_age_s:
            return ""
        hours = self._max_age_s / 3600
        return str(worded("the copy of the list is older than {hours:g} h", hours=hours))

    def status(self) -> dict[str, Any]:
        """The copy, and whether it is in force."""
        copy = self._copy
        return {
            "in_force": self.failing() or None,
            "as_of": _utc(max(copy.as_of, self._as_of)) if copy is not None else None,
            "bytes": copy.bytes if copy is not None else 0,
            "error": self._missing,
        }

    def doubt(self) -> None:
        """A badge could not be looked up: look at the list now."""
        self._doubted = True
        if self._nudged is not None:
            self._nudged.set()

    async def at_start(self) -> None:
        """Before a badge is read: let the copy take over if the list is damaged."""
        await self._files.run(self._begin)

    async def run(self) -> None:
        """Look for ever."""
        self._nudged = asyncio.Event()
        try:
            while True:
                await self.look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._nudged.wait()
                self._nudged.clear()
        finally:
            self._ending = True  # a copy that is being made is given up

    async def look(self) -> None:
        """Once."""
        if await self._files.run(self._damage):
            await asyncio.sleep(QUIET_S)
            await self._files.run(self._act)
        await self._files.run(self._keep)

    # In the thread

    def _begin(self) -> None:
        with contextlib.suppress(OSError):
            self._copy = self._copies.about()
        if why := inspect(self._people):
            self._take_over(why)
        self._settle()

    def _damage(self) -> str:
        deep, self._doubted = self._doubted, False
        return inspect(self._people, deep=deep)

    def _act(self) -> None:
        if not (why := inspect(self._people, deep=True)):
            return
        with contextlib.suppress(OSError):
            if time.time() - os.stat(self._people).st_mtime < QUIET_S:  # noqa: PTH116
                return  # somebody writes it: look again
        self._take_over(why)

    def _take_over(self, why: str) -> None:
        copy = self._copy
        if copy is None and not self._people.exists():
            return  # there was no list yet
        try:
            with closing(LedgerReader(self._ledger)) as records:
                self._standin, aside, saved = self._copies.take_over(
                    records,
                    now=self._now().timestamp(),
                    max_age_s=self._max_age_s,
                    as_of=self._as_of,
                )
        except (NoCopy, RosterUnavailable, LedgerUnavailable, OSError) as error:
            said = f"{why}; {english(error)}"
            if self._told != said:
                self._told = said
                self._tell(Damage(self._people.name, said, "denies"))
            return
        self._told = ""
        log.critical("%d act(s) of the damaged list are saved", saved)
        detail = f"{why}; the copy is of {_utc(self._standin.as_of)}; acts saved: {saved}"
        self._tell(Damage(self._people.name, detail, "list_copy", aside))

    def _settle(self) -> None:
        """Whether the copy is in force still."""
        try:
            self._standin = self._copies.standin()
            if self._standin is None:
                self._copies.settle()
        except OSError as error:
            log.error("whether a copy of the list is in force can't be found out: %s", error)

    def _keep(self) -> None:
        """Make a copy if one is due."""
        self._settle()
        if not self._people.exists():
            return
        now, mark = self._now().timestamp(), mark_of(self._people)
        copy = self._copy
        if copy is not None and copy.mark == mark:
            self._as_of = now
            if now - copy.as_of > CONFIRM_EVERY_S:
                with contextlib.suppress(OSError):
                    self._copy = self._copies.confirm(copy, now)
            return
        if time.monotonic() < self._due_at:
            return
        begun = time.monotonic()
        try:
            with closing(LedgerReader(self._ledger)) as records:
                self._copy = self._copies.make(records, now, lambda: self._ending)
            self._as_of, self._missing = now, ""
        except RosterUnavailable as error:
            self._missing = english(error)
            self._doubted = True
        except (NoCopy, LedgerUnavailable, OSError) as error:
            self._missing = english(error)
        if self._missing:
            log.warning("no copy of the list: %s", self._missing)
        took = time.monotonic() - begun
        self._due_at = time.monotonic() + max(self._every_s, SHARE * took)


class GuardedRoster(Roster):
    """The list as the doors see it: nobody is found while the copy in force is too old, and what
    can't be read is told to the keeper."""

    def __init__(self, path: Path, keeper: ListKeeper) -> None:
        super().__init__(path)
        self._keeper = keeper

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if why := self._keeper.refusal():
            raise RosterUnavailable(why)
        try:
            return super()._rows(sql, values)
        except RosterUnavailable:
            self._keeper.doubt()
            raise


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
