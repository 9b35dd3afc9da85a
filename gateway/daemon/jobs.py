"""What the gateway does by the clock.

Every few seconds it looks at disk and clock.  Once a day it records which requirements lapse soon
and forgives passbacks at their hour; it records who should have left when their time is up; now
and then it keeps the checkpoint of who is inside; every hour it destroys faces and pictures whose
time is over, and forgets badges that were given back long ago.

Nothing of that happens while the clock is in doubt (gateway/state/clock.py): what was destroyed by
a clock that leapt can't be brought back.

An event of these is recorded once, restarts included: its id carries the day (or the visit and its
end), and the log takes an id once.  All file work is done in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from gateway.config import Settings
from gateway.config.inforce import InForce
from gateway.desk.act import stamp
from gateway.desk.visits import records
from gateway.face.evidence import Evidence
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.origin import chain_of
from gateway.people import RosterUnavailable, faces, released, requirements
from gateway.state.clock import Clock, ClockStep, Word
from gateway.state.health import LOOK_EVERY_S, Health
from gateway.state.presence import Presence
from gateway.vault import copies
from gateway.vault.statefile import Tell, log_damage

log = logging.getLogger("garita.daemon.jobs")

CHECKPOINT_EVERY_S = 600.0
SOON_S = 60.0  # after another gate told who moved there
OVERDUE_EVERY_S = 60.0  # when nothing was heard of a visit and none is due
RETENTION_EVERY_S = 3600.0
DOUBT_EVERY_S = 60.0  # when retention asks again whether the clock is beyond doubt
CLOCK_EVERY_S = 1.0
BATCH = 50


class Jobs:
    """`run()` does the jobs of every few seconds and of every day, for ever."""

    def __init__(
        self,
        *,
        in_force: InForce,
        ledger: Ledger,
        clock: Clock,
        presence: Presence,
        health: Health,
        damages: Tell = log_damage,
    ) -> None:
        self._in_force = in_force
        self._ledger = ledger
        self._clock = clock
        self._presence = presence
        self._health = health
        self._damages = damages
        self._warned: date | None = None
        self._forgiven: date | None = None
        self._overdue: set[str] = set()
        self._overdue_due: datetime | None = None  # None: somebody may be due at any time
        self._overdue_at = 0.0
        self._keep_at = time.monotonic() + CHECKPOINT_EVERY_S

    @property
    def _settings(self) -> Settings:
        return self._in_force.now

    async def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            await asyncio.to_thread(self._health.look)
            now = self._clock.sure_time()
            if now is not None:  # an id must not carry the day of a wrong clock
                local = now.astimezone(self._settings.site.zone)
                try:
                    await self.warn(local.date())
                    await self.forgive(local)
                    if self._overdue_may_be_due(local):
                        await self.record_overdue(local)
                except (LedgerUnavailable, sqlite3.Error) as error:
                    log.warning("a job waits: %s", error)
            if time.monotonic() > self._keep_at:
                self._keep_at = time.monotonic() + CHECKPOINT_EVERY_S
                await self.keep_presence()
            await asyncio.sleep(LOOK_EVERY_S)

    def on_act(self, act: NewEvent) -> None:
        """An admin act was recorded: one that is about a visit may change who is due next."""
        if act.type.startswith("visit."):
            self._overdue_due = None

    async def warn(self, today: date) -> None:
        """Record what lapses within its days of warning; once for `today`."""
        if self._warned == today:
            return
        events = await asyncio.to_thread(lambda: list(expiring(self._settings, today)))
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            await asyncio.gather(*(self._ledger.append(event) for event in batch))
            await asyncio.sleep(0.01)  # doors come first
        self._warned = today

    async def forgive(self, local: datetime) -> None:
        """Forgive all passbacks if their hour has come; once for the day of `local`."""
        hour = self._settings.tables.presence.forgive_at
        today = local.date()
        if hour is None or self._forgiven == today or f"{local:%H:%M}" < hour[:5]:
            return
        gateway = self._settings.site.gateway
        data = {"by": gateway, "reason": f"every day at {hour}"}
        await self._ledger.append(
            NewEvent(EventType.AREA_FORGIVEN, gateway, data, id=f"area.forgiven-{gateway}-{today}")
        )
        self._forgiven = today

    def _overdue_may_be_due(self, now: datetime) -> bool:
        passed = self._overdue_due is None or now > self._overdue_due
        return passed or time.monotonic() - self._overdue_at > OVERDUE_EVERY_S

    async def record_overdue(self, now: datetime) -> None:
        """Record each visitor who should have left by `now`; once for each end of a visit."""
        self._overdue_at = time.monotonic()
        self._overdue_due = now  # until the list says when: an act in between sets it to None
        events, due = await asyncio.to_thread(_look_for_overdue, self._settings, now)
        if self._overdue_due is not None:
            self._overdue_due = due
        for event in events:
            if event.id not in self._overdue:
                await self._ledger.append(event)
        self._overdue = {str(event.id) for event in events}

    def keep_soon(self) -> None:
        """The checkpoint of who is inside holds something that our log does not."""
        self._keep_at = min(self._keep_at, time.monotonic() + SOON_S)

    async def keep_presence(self) -> None:
        """Write the checkpoint of who is inside; a failure costs time at the next start."""
        if not self._presence.known:
            return
        try:
            chain = await asyncio.to_thread(_chain, self._settings.ledger_path)
            checkpoint = self._presence.checkpoint(chain)
            await asyncio.to_thread(checkpoint.save, self._settings.presence_path, self._damages)
        except (OSError, LedgerUnavailable) as error:
            log.error("the checkpoint of who is inside can't be kept: %s", error)


class Retention:
    """Destroys faces and pictures whose last day is past, and forgets badges released long ago and
    old copies of the list: hourly, by the site's day, and never by a clock in doubt.  `destroyed`
    is called when there are acts in the outbox."""

    def __init__(
        self,
        *,
        in_force: InForce,
        clock: Clock,
        note: Callable[[NewEvent], None],
        destroyed: Callable[[], None],
    ) -> None:
        self._in_force = in_force
        self._clock = clock
        self._note = note
        self._destroyed = destroyed

    @property
    def _settings(self) -> Settings:
        return self._in_force.now

    async def run(self) -> None:
        """Look every hour, for ever."""
        while True:
            looked = await self.purge()
            await asyncio.sleep(RETENTION_EVERY_S if looked else DOUBT_EVERY_S)

    async def purge(self) -> bool:
        """Destroy what is due; False if nothing was looked at, because the clock is in doubt."""
        works = (
            self._purge_faces,
            self._purge_pictures,
            self._forget_badges,
            self._forget_copies,
        )
        for work in works:
            now = self._clock.sure_time()
            if now is None:
                return False
            await work(now.astimezone(self._settings.site.zone).date())
        return True

    async def _purge_faces(self, today: date) -> None:
        try:
            gone = await asyncio.to_thread(faces.purge_file, self._settings.people_path, today)
        except RosterUnavailable as error:
            log.warning("faces past their retention wait: %s", error)
            return
        if gone:
            log.info("retention over: %d face(s) destroyed", len(gone))
            self._destroyed()

    async def _purge_pictures(self, today: date) -> None:
        days = self._settings.tables.face.keep_pictures_days
        pictures = Evidence(self._settings.evidence_path)
        try:
            count = await asyncio.to_thread(pictures.purge, today, days)
        except OSError as error:
            log.warning("pictures past their retention wait: %s", error)
            return
        if count:
            data = {"count": count, "days": days}
            self._note(NewEvent(EventType.FACE_PICTURES_PURGED, self._settings.site.gateway, data))

    async def _forget_badges(self, today: date) -> None:
        try:
            await asyncio.to_thread(released.purge_file, self._settings.people_path, today)
        except RosterUnavailable as error:
            log.warning("badges given back long ago wait to be forgotten: %s", error)

    async def _forget_copies(self, today: date) -> None:
        """Copies of before an upgrade hold what was erased since."""
        try:
            await asyncio.to_thread(copies.forget, self._settings.people_path, today)
        except OSError as error:
            log.warning("old copies of before an upgrade stay for now: %s", error)


async def watch_clock(clock: Clock, gateway: str, ledger: Ledger) -> None:
    """Record each step of the wall clock, and what speaks for a clock in doubt, for ever."""
    while True:
        await look_at_clock(clock, gateway, ledger)
        await asyncio.sleep(CLOCK_EVERY_S)


async def look_at_clock(clock: Clock, gateway: str, ledger: Ledger) -> None:
    """Once.  A clock in doubt is accepted when the record of that is on disk."""
    step = clock.take_step()
    if step is not None:
        ledger.note(_stepped(step, gateway))
    word = clock.word()
    if word is None:
        return
    data = {
        "by": gateway,
        "why": str(word),
        "back_s": round(clock.back_s, 1),
        "ahead_s": round(clock.ahead_s, 1),
    }
    try:
        await ledger.append(NewEvent(EventType.CLOCK_ACCEPTED, gateway, data))
    except LedgerUnavailable as error:
        log.warning("the clock stays in doubt: %s", error)
        return
    log.warning("the clock is accepted: %s", _WORDS[word])
    clock.accept()


_WORDS = {
    Word.KERNEL: "the kernel says that it is synchronised",
    Word.DAY: "the gateway has run for a day since it leapt",
}


def _stepped(step: ClockStep, gateway: str) -> NewEvent:
    data = {"seconds": step.seconds, "trusted": step.trusted}
    if not step.trusted:
        data["behind_s"] = step.behind_s
        log.critical(
            "the clock is %.0f s behind the newest record: nobody passes until it is set "
            "(NTP), or `garita clock accept` if the records were ahead",
            step.behind_s,
        )
    elif step.ahead_s:
        data["ahead_s"] = step.ahead_s
        log.warning(
            "the clock leapt %.0f s ahead: nothing is destroyed or forgiven until the kernel says "
            "that it is synchronised, for a day, or until `garita clock accept`",
            step.ahead_s,
        )
    else:
        log.warning("the clock moved by %+.1f s", step.seconds)
    return NewEvent(EventType.CLOCK_STEPPED, gateway, data)


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
                **settings.criteria.marks(EventType.VISIT_OVERDUE),
            }
            yield NewEvent(EventType.VISIT_OVERDUE, visit.person_id, data, id=f"overdue-{key}")


def next_due(settings: Settings, now: datetime) -> datetime:
    """When the next visitor who is here should have left; far in the future if nobody is here."""
    far = now.replace(year=9000)
    if not settings.people_path.exists():
        return far
    with closing(_read_only(settings.people_path)) as db:
        found = db.execute(
            "SELECT min(expected_until) FROM visit WHERE state = 'on_site' AND expected_until >= ?",
            (stamp(now),),
        ).fetchone()[0]
    return datetime.fromisoformat(found) if found else far


def _look_for_overdue(settings: Settings, now: datetime) -> tuple[list[NewEvent], datetime]:
    return list(overdue(settings, now)), next_due(settings, now)


def _chain(path: Path) -> str:
    with closing(LedgerReader(path)) as reader:
        return chain_of(reader)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
