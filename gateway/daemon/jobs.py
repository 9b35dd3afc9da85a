"""What the gateway does by the clock: tell what will lapse and who should have left,
forgive passbacks at their hour, keep the checkpoint of who is inside, look at disk and clock.

Each of these is told once, restarts included: its event carries the day (or the visit and its end)
in its id, and the log takes an id once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from gateway.config import Settings
from gateway.desk.visits import records
from gateway.desk.visits.visit import CRITERIA
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.people import requirements
from gateway.state.clock import Clock
from gateway.state.health import LOOK_EVERY_S, Health
from gateway.state.presence import Presence, chain_of

log = logging.getLogger("garita.daemon.jobs")

CHECKPOINT_EVERY_S = 600.0
BATCH = 50


class Running(Protocol):
    """The parts of the daemon that chores need."""

    _settings: Settings
    ledger: Ledger
    clock: Clock
    presence: Presence
    health: Health


class Jobs:
    """`run()` does them for ever."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._warned: date | None = None
        self._forgiven: date | None = None
        self._overdue: set[str] = set()
        self._kept_at = time.monotonic()

    async def run(self) -> None:
        while True:
            self._running.health.look()
            clock = self._running.clock
            if clock.trusted:  # what a wrong clock calls today is no day to put in an id
                local = clock.now().astimezone(self._running._settings.site.zone)
                try:
                    await self._warn(local.date())
                    await self._forgive(local)
                    await self._tell_overdue(local)
                except (LedgerUnavailable, sqlite3.Error) as error:
                    log.warning("a chore waits: %s", error)
            if time.monotonic() - self._kept_at > CHECKPOINT_EVERY_S:
                self._kept_at = time.monotonic()
                await self.keep()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _warn(self, today: date) -> None:
        if self._warned == today:
            return
        events = await asyncio.to_thread(lambda: list(expiring(self._running._settings, today)))
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            await asyncio.gather(*(self._running.ledger.append(event) for event in batch))
            await asyncio.sleep(0.01)  # doors come first
        self._warned = today

    async def _forgive(self, local: datetime) -> None:
        settings = self._running._settings
        hour = settings.tables.presence.forgive_at
        today = local.date()
        if hour is None or self._forgiven == today or f"{local:%H:%M}" < hour[:5]:
            return
        gateway = settings.site.gateway
        data = {"by": gateway, "reason": f"every day at {hour}"}
        await self._running.ledger.append(
            NewEvent(EventType.AREA_FORGIVEN, gateway, data, id=f"area.forgiven-{gateway}-{today}")
        )
        self._forgiven = today

    async def _tell_overdue(self, now: datetime) -> None:
        events = await asyncio.to_thread(lambda: list(overdue(self._running._settings, now)))
        for event in events:
            if event.id not in self._overdue:
                await self._running.ledger.append(event)
        self._overdue = {str(event.id) for event in events}

    async def keep(self) -> None:
        """Write the checkpoint of who is inside; a failure costs time at the next start."""
        presence, settings = self._running.presence, self._running._settings
        if not presence.known:
            return
        reader = LedgerReader(settings.ledger_path)
        try:
            checkpoint = presence.checkpoint(chain_of(reader))
            await asyncio.to_thread(checkpoint.save, settings.presence_path)
        except (OSError, LedgerUnavailable) as error:
            log.error("the checkpoint of who is inside can't be kept: %s", error)
        finally:
            reader.close()


def expiring(settings: Settings, today: date) -> Iterator[NewEvent]:
    """An event for each requirement that lapses within its days of warning."""
    kinds = [(k.name, k.of, k.warn_days) for k in settings.site.requirements.values()]
    if not kinds or not settings.people_path.exists():
        return
    with closing(_read_only(settings.people_path)) as db:
        for row in requirements.due(db, kinds, today):
            what = f"{row.subject_kind}\0{row.subject}\0{row.kind}\0{today}"
            key = hashlib.sha256(what.encode()).hexdigest()[:32]
            until = str(row.valid_until)
            data = {
                "kind": row.kind,
                "of": row.subject_kind,
                "subject": row.subject,
                "valid_until": until,
                "number": row.number,
            }
            yield NewEvent(EventType.REQUIREMENT_EXPIRING, row.subject, data, id=f"expiring-{key}")


def overdue(settings: Settings, now: datetime) -> Iterator[NewEvent]:
    """An event for each visitor who should have left; another if the visit is extended and they
    stay longer again."""
    if not settings.people_path.exists():
        return
    with closing(_read_only(settings.people_path)) as db:
        for visit in records.overdue(db, now):
            what = (settings.site.gateway, visit.id, visit.arrived_at, visit.expected_until)
            key = hashlib.sha256("\0".join(map(str, what)).encode()).hexdigest()[:32]
            data = {
                "visit": visit.id,
                "name": visit.name,
                "company": visit.company,
                "host": visit.host,
                "until": visit.expected_until,
                "badge_out": visit.badge_out,
                "criteria": list(CRITERIA),
            }
            yield NewEvent(EventType.VISIT_OVERDUE, visit.person_id, data, id=f"overdue-{key}")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
