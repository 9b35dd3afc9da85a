"""When lists are pulled: by the schedule of a source, or because a bundle came over MQTT.

A pull is a command, `garita people pull NAME --apply`, in a process of its own: what it takes in
memory and time is not the gate's, and it may be killed at any moment without harm.  It holds the
tripwires and writes its own events; this only starts it, gives it up when it hangs, and tries
again sooner, with growing pauses, when it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gateway.config import Settings
from gateway.ledger.event import EventType, NewEvent
from gateway.people.sources import SourceError, bundle
from gateway.people.sources.parts import Joiner
from gateway.vault.files import write_whole

log = logging.getLogger("garita.daemon.pulls")

MQTT = "mqtt"
WAITS = 3  # the command's exit code for a list that waits to be confirmed: no failure
FIRST_S = 20.0
RETRY_S = (60.0, 3600.0)
HANGS_S = 900.0  # beside the source's own time-out: reading and applying
LOOK_S = 30.0  # how often the wall clock is looked at
REFUSED_EVERY_S = 10.0


class Pulls:
    """The one source with a schedule, if there is one, and bundles from the broker."""

    def __init__(self, settings: Settings, note: Callable[[NewEvent], None]) -> None:
        self._settings = settings
        self._note = note
        self._arrived = asyncio.Event()
        self._asked = self._bundled = False
        self._refused_at = -REFUSED_EVERY_S
        self._seen = ""
        self._joiner = Joiner()
        timed = {k: t for k, t in settings.tables.sync.sources.items() if t.every or t.at}
        self._name = next(iter(timed), "")
        self._table = timed.get(self._name)
        bundles = settings.tables.sync.bundles
        self.takes_bundles = bundles is not None and bundles.mqtt

    async def run(self) -> None:
        """Pull for ever."""
        retry, due = RETRY_S[0], self._due(first=True)
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
                    retry, due = RETRY_S[0], self._due()
                else:
                    due = self._after(min(retry, self._table.every_s or retry))
                    retry = min(retry * 2, RETRY_S[1])

    def _due(self, first: bool = False) -> Callable[[], bool]:
        table = self._table
        if table is None:
            return lambda: False
        if table.every_s is not None:
            return self._after(FIRST_S if first else table.every_s)
        zone = self._settings.site.zone
        last, times = datetime.now(zone), table.at

        def passed() -> bool:
            nonlocal last
            now = datetime.now(zone)
            if now < last - timedelta(hours=1):
                last = now  # the clock was set back
            return next_at(times, last) <= now

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

    def pull_now(self) -> str:
        """Have the source with a schedule pulled at once; its name, "" if there is none."""
        if self._table is not None:
            self._asked = True
            self._arrived.set()
        return self._name

    def on_bundle(self, payload: bytes) -> None:
        """A bundle, or a part of one, came over MQTT.  Who may publish is no proof of who signed:
        what does not open with a key that is trusted here never reaches the disk."""
        whole = self._joiner.feed(payload)
        if whole is None:
            return
        payload = whole
        mark = hashlib.sha256(payload).hexdigest()
        if mark == self._seen:
            return  # retained: it comes again with each connection
        bundles = self._settings.tables.sync.bundles
        try:
            keys = [bundle.load_public(path) for path in bundles.trusted] if bundles else []
            found = bundle.unseal(payload, keys)
            found.check(gateway=self._settings.site.gateway, after=0)
            write_whole(self._settings.bundle_path, payload, mode=0o600)  # badge numbers
        except (SourceError, OSError) as error:
            self._refuse(str(error))
            return
        self._seen, self._bundled = mark, True
        log.info("bundle %d came over mqtt", found.header.serial)
        self._arrived.set()

    def _refuse(self, why: str) -> None:
        log.warning("a bundle over mqtt was refused: %s", why)
        now = time.monotonic()
        if now - self._refused_at >= REFUSED_EVERY_S:  # a flood must not fill the log
            self._refused_at = now
            self._note(NewEvent(EventType.PEOPLE_BUNDLE_REFUSED, MQTT, {"detail": why}))


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
