"""Escalates alarms that nobody answers, and sounds the siren.

It has something to do only at a site that has `[[alarms.escalation]]` or `[alarms.siren]`.  It
reads the log like any other process, in a thread, so it slows no door.  It goes on without a
console, a browser or a broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from drivers.base import Signal
from drivers.serialport import PortClosed
from gateway.config import Settings
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.state.alarms import escalate
from gateway.state.alarms.book import Book
from gateway.state.alarms.follow import AlarmLog, rules_of
from gateway.vault.files import FileThread

log = logging.getLogger("garita.daemon.alarmwatch")

LOOK_S = 1.0
RELAY = ":siren"
"""The name of the siren among the doors of its relay board: no door can have it."""


class Buzzer(Protocol):
    """A reader that can show an alarm."""

    def signal(self, signal: Signal) -> None: ...


class Relays(Protocol):
    """A board that drives the siren's relay under the name RELAY."""

    @property
    def ready(self) -> bool: ...
    def drive(self, door: str, released: bool) -> None: ...


class Siren:
    """Buzzers of readers, and a relay; either may be away, and the other sounds."""

    def __init__(self, readers: Sequence[Buzzer], board: Relays | None) -> None:
        self._readers, self._board = readers, board
        self._wanted = False
        self._driven: bool | None = None

    def sound(self, on: bool) -> None:
        """Sound, or be silent.  Called again and again: a board that comes back sounds then."""
        if on != self._wanted:
            self._wanted = on
            log.log(logging.WARNING if on else logging.INFO, "siren: %s", "on" if on else "off")
            for reader in self._readers:
                reader.signal(Signal.ALARM if on else Signal.IDLE)
        if self._board is None:
            return
        if not self._board.ready:
            self._driven = None  # a board that appears is at rest
            return
        if on != (self._driven or False):
            try:
                self._board.drive(RELAY, on)
                self._driven = on
            except PortClosed as error:
                self._driven = None
                log.warning("siren: %s", error)


class AlarmWatch:
    """`append` writes one event to the log.  `now` gives the time, None while the clock is in
    doubt: nothing is escalated by a wrong clock."""

    def __init__(
        self,
        settings: Settings,
        append: Callable[[NewEvent], Awaitable[Event]],
        siren: Siren | None,
        now: Callable[[], datetime | None],
    ) -> None:
        self._append, self._siren, self._now = append, siren, now
        self._log: AlarmLog | None = None
        self._settings = settings
        self._thread = FileThread("alarms")

    def use(self, settings: Settings) -> None:
        """Go by other settings from the next look on: the book is read from the log anew, so what
        was open and is an alarm by them stays open."""
        if settings.tables.alarms == self._settings.tables.alarms:
            return
        self._settings = settings
        if self._log is not None:
            self._thread.soon(self._log.close)
            self._log = None

    async def run(self) -> None:
        """Look for ever; silent when it ends."""
        try:
            while True:
                try:
                    await self.look()
                except LedgerUnavailable as error:
                    log.warning("alarms wait: %s", error)
                await asyncio.sleep(LOOK_S)
        finally:
            if self._siren is not None:
                self._siren.sound(False)

    async def look(self) -> None:
        """Once: escalate what is due, and sound or be silent; nothing at a site that wants
        neither."""
        settings = self._settings
        table, language = settings.tables.alarms, settings.tables.site.language
        if not is_wanted(settings):
            return
        if self._log is None:
            self._log = AlarmLog(settings.ledger_path, rules_of(settings))
        book: Book = await self._thread.run(self._log.now_book)
        now = self._now()
        if now is not None:
            for event in escalate.due(book, table, language, now):
                log.warning("alarm %s: nobody answered", event.data["alarm"])
                await self._append(event)
        if self._siren is not None and table.siren is not None:
            at = now or datetime.now(UTC)
            self._siren.sound(escalate.sounds(book, table.siren, at))


def is_wanted(settings: Settings) -> bool:
    """Whether the site has something for it to do."""
    table = settings.tables.alarms
    return bool(table.escalation) or table.siren is not None
