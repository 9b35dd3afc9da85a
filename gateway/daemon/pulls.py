"""When lists are pulled: by the schedule of a source, or because a bundle came over MQTT.

A pull is a command, `garita people pull NAME --apply`, in a process of its own.  Its memory and
time are not the gate's, and it may be killed at any moment without harm.  The command checks the
tripwires and writes its own events.  This file starts it, kills it when it hangs, and starts it
again after a growing pause when it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drivers.backoff import Backoff
from gateway.config import Settings
from gateway.daemon.signed import Command, Refused
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import english
from gateway.people.sources import SourceError, bundle
from gateway.people.sources.parts import MAX_BYTES, Joiner, Pieces
from gateway.vault.files import FileThread, write_whole

log = logging.getLogger("garita.daemon.pulls")

MQTT = "mqtt"
WAITS = 3  # the command's exit code for a list that waits to be confirmed, which is not a failure
FIRST_S = 20.0
RETRY_S = (60.0, 3600.0)
HANGS_S = 900.0  # beside the source's own time-out: reading and applying
LOOK_S = 30.0  # how often the wall clock is looked at
REFUSED_EVERY_S = 10.0
WAITING, WAITING_BYTES = 16, 2 * MAX_BYTES  # bundles that wait to be judged


class Pulls:
    """The one source with a schedule, if there is one, and bundles from the broker."""

    def __init__(self, settings: Settings, note: Callable[[NewEvent], None]) -> None:
        self._settings = settings
        self._note = note
        self._arrived = asyncio.Event()
        self._asked = self._bundled = False
        self._refused_at = -REFUSED_EVERY_S
        self._taken = ""  # the digest of the newest bundle that was written
        self._joiner = Joiner()
        self._whole: asyncio.Queue[Pieces] = asyncio.Queue(WAITING)
        self._waiting_bytes = 0
        self._files = FileThread("bundles")
        timed = {k: t for k, t in settings.tables.sync.sources.items() if t.every or t.at}
        self._name = next(iter(timed), "")
        self._table = timed.get(self._name)
        bundles = settings.tables.sync.bundles
        self.takes_bundles = bundles is not None and bundles.mqtt

    async def run(self) -> None:
        """Pull, and take bundles, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_bundles())
            group.create_task(self._pull_for_ever())

    async def _pull_for_ever(self) -> None:
        backoff, due = Backoff(*RETRY_S), self._due(await self._last_pull())
        while True:
            try:
                async with asyncio.timeout(LOOK_S if self._table else None):
                    await self._arrived.wait()
                self._arrived.clear()
                if self._asked and self._table is not None:
                    self._asked = False
                    await self._pull(self._name, self._table.timeout_s)
                if self._bundled:
                    self._bundled = False
                    await self._pull(MQTT, 30.0)
            except TimeoutError:
                if self._table is None or not due():
                    continue
                if await self._pull(self._name, self._table.timeout_s):
                    backoff.reset()
                    due = self._due(datetime.now(self._settings.site.zone))
                else:
                    pause_s = backoff.pause_s()
                    due = self._after(min(pause_s, self._table.every_s or pause_s))

    async def _last_pull(self) -> datetime | None:
        """When the source was last asked, at a start; None if it should be asked soon.

        A time of the schedule that passed while the box was off is made up, once, however many
        passed; and so is a pull that failed before.
        """
        table, zone = self._table, self._settings.site.zone
        if table is None or table.every_s is not None:
            return None
        try:
            known = await self._files.run(_asked, self._settings.people_path, self._name)
            return datetime.fromisoformat(known).astimezone(zone) if known else None
        except (sqlite3.Error, ValueError) as error:
            log.warning("when %s was last pulled is not known: %s", self._name, error)
            return None

    def _due(self, last: datetime | None) -> Callable[[], bool]:
        """Whether the next pull is due, as a question; `last` is the one before (None: soon)."""
        table = self._table
        if table is None:
            return lambda: False
        if last is None:
            return self._after(FIRST_S)
        if table.every_s is not None:
            return self._after(table.every_s)
        zone, times, since = self._settings.site.zone, table.at, last

        def passed() -> bool:
            nonlocal since
            now = datetime.now(zone)
            if now < since - timedelta(hours=1):
                since = now  # the clock was set back
            return next_at(times, since) <= now

        return passed

    @staticmethod
    def _after(seconds: float) -> Callable[[], bool]:
        at = time.monotonic() + seconds
        return lambda: time.monotonic() >= at

    async def _pull(self, name: str, timeout_s: float) -> bool:
        """Run the command; False if it failed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.cli.main",
            "people",
            "pull",
            name,
            "--apply",
            "--scheduled",
            "-c",
            str(self._settings.path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(timeout_s + HANGS_S):
                code = await process.wait()
        except TimeoutError:
            log.error("the pull of %s hangs and is ended", name)
            code = -1
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code not in (0, WAITS):
            log.warning("the pull of %s failed with %d (garita people sources)", name, code)
        return code in (0, WAITS)

    async def commanded(self, command: Command) -> Mapping[str, Any]:
        """Have the source with a schedule pulled at once; its tripwires hold as ever.  Raises
        Refused if there is none."""
        if self._table is None:
            raise Refused("no source has a schedule")
        self._asked = True
        self._arrived.set()
        return {"source": self._name}

    def on_bundle(self, payload: bytes) -> None:
        """A bundle, or a part of one, came over MQTT; returns at once.

        Parts are collected here; what is whole is hashed, verified and written in a thread.
        """
        pieces = self._joiner.feed(payload)
        if pieces is None:
            return
        if self._waiting_bytes + pieces.size > WAITING_BYTES or self._whole.full():
            self._refuse("too many wait")
            return
        self._waiting_bytes += pieces.size
        self._whole.put_nowait(pieces)

    async def _take_bundles(self) -> None:
        """Judge bundles for ever, in the order in which they came."""
        while True:
            pieces = await self._whole.get()
            try:
                serial = await self._files.run(self._take, pieces)
                if serial is not None:
                    log.info("bundle %d came over mqtt", serial)
                    self._bundled = True
                    self._arrived.set()
            except (SourceError, OSError) as error:
                self._refuse(english(error))
            finally:
                self._waiting_bytes -= pieces.size
                self._whole.task_done()

    def _take(self, pieces: Pieces) -> int | None:
        """Write a bundle to the disk; its serial, or None for one that was taken before.

        A right to publish does not prove who signed: a bundle that does not open with a key that
        is trusted here never reaches the disk.  Raises SourceError or OSError.  For a thread.
        """
        mark = pieces.digest()
        if mark is None or mark == self._taken:
            return None  # spoilt on the way, or retained: that comes again at each connection
        trusted = self._settings.tables.sync.bundles
        keys = [bundle.load_public(path) for path in trusted.trusted] if trusted else []
        header = bundle.examine(pieces.pieces, keys)
        header.check(gateway=self._settings.site.gateway, after=0)
        write_whole(self._settings.bundle_path, pieces.pieces, mode=0o600)  # badge numbers
        self._taken = mark
        return header.serial

    def _refuse(self, why: str) -> None:
        log.warning("a bundle over mqtt was refused: %s", why)
        now = time.monotonic()
        if now - self._refused_at >= REFUSED_EVERY_S:  # a flood must not fill the log
            self._refused_at = now
            self._note(NewEvent(EventType.PEOPLE_BUNDLE_REFUSED, MQTT, {"detail": why}))


def _asked(people: Path, name: str) -> str:
    """When the source was last asked (RFC 3339): now if it never was; "" if it failed then."""
    now = datetime.now(UTC).isoformat()
    if not people.exists():
        return now
    uri = f"{people.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
        row = db.execute(
            "SELECT pulled_at, failing_since FROM source_state WHERE name = ?", (name,)
        ).fetchone()
    if row is None:
        return now
    return "" if row[1] else str(row[0] or now)


def next_at(times: Sequence[str], after: datetime) -> datetime:
    """The first of the wall times ``HH:MM`` later than `after` (aware, local).  On the night the
    clocks change, one that is skipped comes when the clock has passed it."""
    days = (after.date() + timedelta(days=n) for n in range(3))
    found = [
        datetime.combine(day, datetime.strptime(text, "%H:%M").time(), after.tzinfo)
        for day in days
        for text in times
    ]
    return min(at for at in found if at > after)
