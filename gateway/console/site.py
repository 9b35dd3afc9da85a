"""What all screens work with: the settings, the operators, the files, and the daemon."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from gateway import locale
from gateway.config import Settings
from gateway.console.follow.alarms import PART, AlarmBoard
from gateway.console.follow.board import Board
from gateway.console.follow.feed import Feed
from gateway.console.follow.hub import Hub
from gateway.console.follow.screens import Screens
from gateway.console.follow.watch import Watch, happened_last, kept_inside
from gateway.console.roles import ADMINISTRATOR
from gateway.console.security.limits import Limits
from gateway.console.security.notes import Notes
from gateway.console.security.store import Session, Store
from gateway.console.words import part
from gateway.daemon import control
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.ledger.operator import Operator
from gateway.people.operators import Operators
from gateway.people.schema import open_admin
from gateway.state.alarms.book import READS

log = logging.getLogger("garita.console")

THREADS = 4
AGAIN_S = 1.0
LOOK_EVERY_S = 5.0
P = ParamSpec("P")
T = TypeVar("T")


class Site:
    """One console of one gate.  Whatever blocks goes through `run`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.operators = Operators(settings.tables.operators, settings.people_path)
        self.notes = Notes(store.db, settings.people_path)
        self.limits = Limits()
        self.hub = Hub()
        self.feed = Feed(settings.ledger_path, self._told)
        self.board = Board(settings)
        render = partial(part, zone=settings.site.zone)
        self.screens = Screens(self.board, render)
        self.alarms = AlarmBoard(settings, self.board, render, self._alarmed)
        self.watch = Watch(
            self.board,
            partial(self.ask, None),
            partial(self.run, kept_inside, settings),
            self.hub.wake,
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="console")

    def _told(self, events: Sequence[Event]) -> None:
        self.board.take(events)
        self.hub.publish(events)
        self.watch.look()
        if not READS.isdisjoint({event.type for event in events}):
            self.alarms.look()

    def _alarmed(self) -> None:
        self.hub.announce(frozenset({PART}))

    async def follow(self) -> None:
        """Keep what pages show true, until cancelled.

        A part that fails is told to the journal, and all of them begin again: a page that stands
        still would look like a quiet gate.
        """
        while True:
            try:
                await self._follow()
            except Exception:
                log.exception("what pages show is followed anew")
                await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        for event in await self.run(happened_last, self.settings):
            self.board.doors.seed(event)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.feed.run())
            tasks.create_task(self.watch.run())
            tasks.create_task(self.alarms.run(self.run))
            tasks.create_task(self._look())

    async def _look(self) -> None:
        """Look now and then at the console's own file, and hand on what it has for the log."""
        while True:
            await self.run(self.notes.look)
            await asyncio.sleep(LOOK_EVERY_S)

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(...)` in a thread, in the language of this request."""
        context = contextvars.copy_context()
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    @contextmanager
    def people(self) -> Iterator[sqlite3.Connection]:
        """people.db, open for acts; use it inside `run`.  Raises RosterUnavailable."""
        with closing(open_admin(self.settings.people_path)) as db:
            yield db

    @contextmanager
    def ledger(self) -> Iterator[LedgerReader]:
        """The log, for reading; use it inside `run`.  Raises LedgerUnavailable."""
        with closing(LedgerReader(self.settings.ledger_path)) as reader:
            yield reader

    async def ask(
        self, operator: Operator | None, op: str, *, timeout_s: float = 10.0, **params: Any
    ) -> dict[str, Any]:
        """Ask the daemon, in the name of `operator` if it is an act.  Raises ControlError."""
        if operator is not None:
            params["on_behalf"] = control.for_operator(operator)
        params.setdefault("language", locale.language())
        path = self.settings.socket_path
        return await control.asking(path, op, timeout_s=timeout_s, **params)

    def holder(self, session: Session) -> Operator | None:
        """Who acts by a session, with the roles that it may use; None if they may act no more.
        Blocks."""
        found = self.acts(session.operator)
        if found is None or session.roles is None:
            return found
        return Operator(
            str(found),
            person=found.person,
            name=found.name,
            roles=found.roles & session.roles,
            areas=found.areas,
        )

    def acts(self, login: str) -> Operator | None:
        """The operator who signs in as `login`, if they may act today.

        They have to be active on the list.  Before the first list nobody is, and the administrators
        of garita.toml act, so that somebody can put one in force.  Blocks.
        """
        found = self.operators.named(login)
        if found is None:
            return None
        listed = self.operators.listed(found.person, self.today())
        if listed is not None:
            return found if listed.active else None
        first = login in self.settings.tables.operators and ADMINISTRATOR in found.roles
        return found if first and not self.operators.have_list() else None

    def today(self) -> date:
        """The day at the site."""
        return datetime.now(self.settings.site.zone).date()

    def put(self, kind: EventType, subject: str, data: Mapping[str, Any]) -> None:
        """Keep an event of the console itself, for the log.  Blocks."""
        self.notes.put(kind, subject, data)

    async def close(self) -> None:
        """Let go of threads and files."""
        await self.feed.close()
        self.alarms.log.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()
