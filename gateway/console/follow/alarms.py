"""The alarms for all browsers at once: the book, kept fresh, and who sees which of them.

Some things change without a record: a device is away for long enough to count, a shelf's time is
over.  So the book is looked at once a second too.  What is shown is made of a copy of the book, so
reading the log in a thread changes nothing under a page.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime

from gateway.config import Settings
from gateway.console.follow.board import Board, Extra
from gateway.console.follow.view import View, door_in_scope
from gateway.desk import alarms
from gateway.ledger import LedgerUnavailable
from gateway.state.alarms.book import Book
from gateway.state.alarms.follow import AlarmLog, rules_of
from gateway.state.alarms.model import Alarm

log = logging.getLogger("garita.console.alarms")

PART = "alarms"
LOOK_S = 1.0
FEW = 2
"""So many alarms the strip at the top of each page names; it counts the others."""

Render = Callable[..., str]
"""A template's name and its facts in, HTML out."""


class AlarmBoard:
    """The open alarms.  `told` is called when they look different than before."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        render: Render,
        told: Callable[[], None],
    ) -> None:
        self._settings, self._board, self._render, self._told = settings, board, render, told
        self.log = AlarmLog(settings.ledger_path, rules_of(settings))
        self.book = Book()
        self._look = asyncio.Event()
        self._seen: object = None
        board.register(Extra(PART, frozenset(), self.strip))

    def look(self) -> None:
        """New records came: look at the book now rather than at the next second."""
        self._look.set()

    async def run(self, thread: Callable[[Callable[[], Book]], Awaitable[Book]]) -> None:
        """Keep the book fresh until cancelled; `thread` runs what blocks."""
        while True:
            self._look.clear()
            try:
                self.book = await thread(self._now_book)
            except LedgerUnavailable as error:
                log.warning("the alarms can't be read: %s", error)
            except Exception:  # what was known stays on the screens
                log.exception("the alarms can't be read")
            if (now := self._appearance()) != self._seen:
                self._seen = now
                newest = max((one.last_at for one in self.book.open(_now())), default=None)
                self._board.mark(PART, newest.isoformat() if newest else "")
                self._told()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            except TimeoutError:
                continue

    def _now_book(self) -> Book:
        """The book with acts that wait to be recorded, as long as the gateway is stopped."""
        uri = f"{self._settings.people_path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=1)) as db:
                return alarms.current(db, self.log.now_book)
        except sqlite3.Error:
            return self.log.now_book()

    def open(self, view: View, book: Book | None = None) -> list[Alarm]:
        """The open alarms that `view` may see, the most urgent first."""
        found = (book or self.book).open(_now(), view.secrets)
        return [one for one in found if self.in_scope(view, one)]

    def in_scope(self, view: View, alarm: Alarm) -> bool:
        """Whether an alarm is of a door that the view's areas have, or of no door."""
        door = str(alarm.event.data.get("door") or alarm.subject)
        return door not in self._settings.tables.doors or door_in_scope(self._board, view, door)

    def strip(self, view: View, book: Book | None = None) -> str:
        """The alarms that call somebody, as HTML, for the top of each page."""
        now, known = _now(), book or self.book
        found = [one for one in self.open(view, known) if known.shelf(one, now) is None]
        calling = [one for one in found if one.seen is None]
        return self._render(
            "alarms/strip.html",
            alarms=calling[:FEW],
            more=calling[FEW:],
            seen=len(found) - len(calling),
            may_act=not view.roles.isdisjoint({"guard", "supervisor", "administrator"}),
            now=now,
        )

    def _appearance(self) -> object:
        """What pages show of the alarms: if it differs, they show something else."""
        now = _now()
        return [
            (
                one.id,
                one.seq,
                one.stands,
                one.seen is None,
                len(one.ticked),
                len(one.escalated),
                self.book.shelf(one, now) is None,
                one.event.seq,
            )
            for one in self.book.open(now)
        ], [(one.kind, one.subject, one.until) for one in self.book.shelves(now)]


def _now() -> datetime:
    return datetime.now(UTC)
