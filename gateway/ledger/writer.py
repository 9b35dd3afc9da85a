"""The one writer of the log.

`append()` takes an event and answers when its record is on disk (SQLite, WAL, synchronous=FULL),
or raises `LedgerUnavailable`.  One thread writes.  The events that arrive while it waits for the
disk go into the next transaction together (group commit).  After a failure it closes the file and
opens it again for the next event, so a disk that has room again takes records again.  It never
skips a number and never changes a record.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import queue
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from gateway.ledger import chain
from gateway.ledger import marks as clock_marks
from gateway.ledger.errors import LedgerBusy, LedgerDamaged, LedgerUnavailable, is_damage
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.marks import Marks
from gateway.locale import worded
from gateway.vault.files import adopt

log = logging.getLogger("garita.ledger.writer")

BUSY_MS = 1000  # how long another program's lock on the file is waited for


@dataclass(slots=True)
class _Append:
    """An event on its way to the disk, and the future of whoever waits for it."""

    event: NewEvent
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Event]


@dataclass(slots=True)
class _Ping:
    """A question whether the writer's thread is alive; it answers with None."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


_Job = _Append | _Ping


@dataclass(frozen=True, slots=True)
class _End:
    """Where the chain stands: its newest record's number and hash, and the marks of the clock."""

    seq: int
    digest: bytes
    marks: Marks


class Ledger:
    """The writer; open it with `Ledger.open`, use it from one event loop, then `close()` it."""

    def __init__(
        self,
        path: Path,
        gateway: str,
        lock: int,
        batch: int,
        timeout_s: float,
        complete: Callable[[NewEvent], NewEvent],
    ) -> None:
        self._path = path
        self._gateway = gateway
        self._lock = lock
        self._batch = batch
        self._timeout_s = timeout_s
        self._complete = complete
        self._db: sqlite3.Connection | None = None
        self._end = _End(0, chain.GENESIS, Marks())
        self._chain = ""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._grown: asyncio.Event | None = None
        self._observer: Callable[[Event], None] | None = None
        self._late: list[int] = []
        self.clock_is_sure: Callable[[], bool] = _never
        """Whether the clock is beyond doubt; asked in the writer's thread with each record."""
        self.failed_since = 0
        """Events refused since the last one that could be written; 0 is good."""
        self._connect()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        gateway: str,
        batch: int = 256,
        timeout_s: float = 2.0,
        complete: Callable[[NewEvent], NewEvent] = lambda event: event,
    ) -> Ledger:
        """Open or create the log at `path`; raises LedgerBusy or LedgerUnavailable.

        `complete` adds to each event what every record of its type has to hold: the site's
        `Criteria.completed`.  It is called in the writer's thread.
        """
        lock = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            adopt(Path(f"{path}.lock"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
            return cls(path, gateway, lock, batch, timeout_s, complete)
        except BlockingIOError as error:
            pid = 0
            if lock is not None:
                pid = _holder(lock)
                os.close(lock)
            raise LedgerBusy(
                worded("{path} is being written by process {pid}", path=path, pid=pid or "?"), pid
            ) from error
        except (OSError, sqlite3.Error) as error:
            if lock is not None:
                os.close(lock)
            damaged = isinstance(error, sqlite3.Error) and is_damage(error)
            kind = LedgerDamaged if damaged else LedgerUnavailable
            raise kind(f"{path}: {error}") from error

    @property
    def last_seq(self) -> int:
        """The newest record's number."""
        return self._end.seq

    @property
    def marks(self) -> Marks:
        """The times on record by which the clock is judged."""
        return self._end.marks

    async def append(self, event: NewEvent) -> Event:
        """Write one event; returns it when it is durable.

        Raises LedgerUnavailable when it can't be written, or not within `timeout_s`.  An
        event that reaches the disk after its time-out stays there, followed by a
        `ledger.late` event that says so: its caller has acted as if it were not.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self.append_soon(event)
        except TimeoutError as error:
            self.failed_since += 1
            raise LedgerUnavailable(
                worded("no answer from the disk in {timeout_s:g} s", timeout_s=self._timeout_s)
            ) from error

    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]:
        """Queue one event behind those before it; the future ends as `append` does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Event] = loop.create_future()
        self._jobs.put(_Append(event, loop, future))
        return future

    def note(self, event: NewEvent) -> None:
        """Queue one event for which nobody waits; a failure is logged."""
        self.append_soon(event).add_done_callback(_log_failure)

    def append_sync(self, event: NewEvent) -> Event:
        """`append` for a program without an event loop."""

        async def once() -> Event:
            return await self.append(event)

        return asyncio.run(once())

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Have `observer` called in the loop with each record that somebody waits for, in order
        and before they are told; what it raises is lost."""
        self._observer = observer

    async def ping(self, timeout_s: float) -> bool:
        """Whether the writer's thread gets through its queue in time; for the watchdog."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._jobs.put(_Ping(loop, future))
        done, _ = await asyncio.wait([future], timeout=timeout_s)
        future.cancel()
        return bool(done)

    async def wait_beyond(self, seq: int) -> None:
        """Wait until there is a record after `seq`."""
        while self.last_seq <= seq:
            if self._grown is None or self._grown.is_set():
                self._grown = asyncio.Event()
            await self._grown.wait()

    def close(self) -> None:
        """Write what is queued, then give the file back."""
        self._jobs.put(None)
        self._thread.join(timeout=10)
        os.close(self._lock)

    # The writer's thread

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            jobs: list[_Append] = []
            while job is not None:  # None ends the thread
                if isinstance(job, _Ping):
                    _answer(job.loop, _end, job.future)
                else:
                    jobs.append(job)
                if len(jobs) >= self._batch:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            if jobs:
                self._write(jobs)
            if job is None:
                if self._db is not None:
                    self._db.close()
                return

    def _write(self, jobs: Sequence[_Append]) -> None:
        """One transaction; each job gets its record or the reason why there is none."""
        results: list[tuple[_Append, Event | Exception]] = []
        try:
            db = self._db or self._connect()
            # A caller that has given up acts as if there were no record, so there must be none.
            live = [job for job in jobs if not job.future.cancelled()]
            if live:
                end = self._end
                db.execute("BEGIN IMMEDIATE")
                for event in self._about_ourselves():
                    end, _ = self._insert(db, event, end)
                for job in live:
                    try:
                        end, record = self._insert(db, job.event, end)
                        results.append((job, record))
                    except (ValueError, TypeError) as error:
                        results.append((job, error))
                clock_marks.write(db, end.seq, end.marks)
                db.execute("COMMIT")
                self._end, self.failed_since = end, 0
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            self.failed_since += len(jobs)
            reason = LedgerUnavailable(f"{self._path.name}: {error}")
            results = [(job, reason) for job in jobs]
        # One wake-up for all who wait in one loop.  In a program without a loop each `append_sync`
        # has one of its own, and that of the one before may have ended.
        for loop, part in groupby(results, lambda result: result[0].loop):
            _answer(loop, self._resolve, list(part))

    def _about_ourselves(self) -> list[NewEvent]:
        """What the log has to say of itself before it goes on."""
        events = []
        if self.failed_since:
            events.append(
                NewEvent(EventType.LEDGER_RECOVERED, self._gateway, {"refused": self.failed_since})
            )
        late, self._late = self._late, []
        if late:
            events.append(NewEvent(EventType.LEDGER_LATE, self._gateway, {"seqs": late}))
        return events

    def _insert(self, db: sqlite3.Connection, event: NewEvent, end: _End) -> tuple[_End, Event]:
        """Add one record inside the transaction; an id that is there already adds nothing."""
        if event.id:
            row = db.execute(
                "SELECT seq, body, hash FROM events WHERE id = ?", (event.id,)
            ).fetchone()
            if row is not None:
                return end, chain.to_event(row[0], row[1], row[2], b"")
        event = self._complete(event)
        seq, given = end.seq + 1, event.id or None
        key, moment = given or f"{self._chain}-{seq}", event.time or datetime.now(UTC)
        body = chain.body_of(event, key, moment)
        digest = chain.link(end.digest, seq, chain.digest_of(body))
        db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (seq, given, body, digest))
        when = chain.utc_text(moment)
        record = Event(
            seq, key, when, event.type, event.subject, event.data, digest.hex(), end.digest.hex()
        )
        marks = end.marks.after(event.type, when, sure=self.clock_is_sure())
        return _End(seq, digest, marks), record

    def _connect(self) -> sqlite3.Connection:
        """Open the file and read where the chain stands; creates both if there is none."""
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))
            adopt(self._path)
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            for table, schema in (("events", chain.SCHEMA), ("clock_marks", clock_marks.SCHEMA)):
                if not db.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = ?", (table,)
                ).fetchone():
                    db.executescript(f"BEGIN; {schema} COMMIT;")
            if db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is None:
                self._begin_chain(db)
            first = db.execute("SELECT body FROM events WHERE seq = 1").fetchone()
            seq, body, digest = db.execute(
                "SELECT seq, body, hash FROM events ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            genesis = chain.to_event(1, first[0], b"", b"") if first else None
            if genesis is None or genesis.type != chain.CREATED:
                raise sqlite3.DatabaseError(
                    worded("its first record is missing: not our log, or damaged")
                )
            chain.to_event(seq, body, digest, b"")
            end = _End(seq, bytes(digest), clock_marks.read(db, seq))
        except (ValueError, KeyError, TypeError) as error:
            db.close()
            raise sqlite3.DatabaseError(
                worded("a record is damaged: {error}", error=error)
            ) from error
        except BaseException:
            db.close()
            raise
        self._chain = str(genesis.data.get("chain", ""))
        self._end, self._db = end, db
        return db

    def _begin_chain(self, db: sqlite3.Connection) -> None:
        """The first record names the chain; its random name goes into every event's id."""
        name = secrets.token_hex(8)
        event = NewEvent(chain.CREATED, self._gateway, {"chain": name})
        now = datetime.now(UTC)
        body = chain.body_of(event, f"{name}-1", now)
        digest = chain.link(chain.GENESIS, 1, chain.digest_of(body))
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO events VALUES (1, NULL, ?, ?)", (body, digest))
        clock_marks.write(db, 1, Marks(high=chain.utc_text(now)))
        db.execute("COMMIT")

    def _disconnect(self) -> None:
        """Let go of a file that failed; what was not committed is rolled back by that."""
        db, self._db = self._db, None
        if db is not None:
            try:
                db.close()
            except sqlite3.Error:
                return

    def _resolve(self, results: Sequence[tuple[_Append, Event | Exception]]) -> None:
        """In the event loop: end the futures, call the observer, wake those who wait for more."""
        for job, result in results:
            if job.future.done():
                if isinstance(result, Event):
                    self._late.append(result.seq)
            elif isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                if self._observer is not None:
                    with contextlib.suppress(Exception):
                        self._observer(result)
                job.future.set_result(result)
        if self._grown is not None:
            self._grown.set()


def _answer(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *about: object) -> None:
    """Have `call` called in the loop; nothing happens if the loop has ended: nobody waits then."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *about)


def _never() -> bool:
    return False


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _log_failure(future: asyncio.Future[Event]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.critical("an event could not be recorded: %s", error)


def _holder(lock: int) -> int:
    """The process that wrote its number into the lock file; 0 if there is none."""
    try:
        return int(os.pread(lock, 20, 0))
    except ValueError:
        return 0
