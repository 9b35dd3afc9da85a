"""The one writer of the log.

`append()` takes an event and answers when its record is on disk (SQLite, WAL, synchronous=FULL),
or raises `LedgerUnavailable`.  One thread writes.  The events that arrive while it waits for the
disk go into the next transaction together (group commit).  After a failure it closes the file and
opens it again for the next event, so a disk that has room again takes records again.  It never
changes a record, and it skips numbers only where a new origin begins (origin.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from gateway.ledger.archives import Archive
from gateway.ledger.errors import LedgerBusy, LedgerDamaged, LedgerUnavailable, is_damage
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.marks import Marks
from gateway.ledger.origin import Known, Loss
from gateway.ledger.pen import Head, Pen
from gateway.locale import worded
from gateway.proof.note import Note, Signature
from gateway.vault.files import adopt

log = logging.getLogger("garita.ledger.writer")

PRUNE_EVERY_S = 0.02  # between two slices: the disk is the gate's first

T = TypeVar("T")


@dataclass(slots=True)
class _Append:
    """An event on its way to the disk, and the future of whoever waits for it."""

    event: NewEvent
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Event]


@dataclass(slots=True)
class _Work:
    """Something else to do in the writer's thread, and the future of whoever waits for it."""

    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


_Job = _Append | _Work


class Ledger:
    """The writer; open it with `Ledger.open`, use it from one event loop, then `close()` it."""

    def __init__(self, pen: Pen, *, lock: int, batch: int, timeout_s: float) -> None:
        self._pen = pen
        self._lock = lock
        self._batch = batch
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._grown: asyncio.Event | None = None
        self._observers: list[Callable[[Event], None]] = []
        self.damage = ""
        """What is wrong with the file, if a record could not be written because of that."""
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
        known: Iterable[Known] = (),
        about: Mapping[str, Any] | None = None,
    ) -> Ledger:
        """Open or create the log at `path`; raises LedgerBusy or LedgerUnavailable.

        `about` is what the first record of a log that is created says beside its chain.

        `known` is what others know of this log.  If it lacks records that they know, a new origin
        begins before anything else is recorded, and `follows` says what is missing.

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
            pen = Pen(path, gateway, complete, about)
            pen.hold_against(known)
            return cls(pen, lock=lock, batch=batch, timeout_s=timeout_s)
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
            damaged = damaged or (os.path.lexists(path) and not path.is_file())
            kind = LedgerDamaged if damaged else LedgerUnavailable
            why = (error.strerror or error) if isinstance(error, OSError) else error
            raise kind(worded("{path}: {error}", path=path, error=why)) from error

    @property
    def last_seq(self) -> int:
        """The newest record's number."""
        return self._pen.end.seq

    @property
    def is_new(self) -> bool:
        """Whether this process began the present origin."""
        return self._pen.is_new

    @property
    def first_seq(self) -> int:
        """The number of the first record of the present origin."""
        return self._pen.end.first

    @property
    def chain(self) -> str:
        """The name of the origin that records are written to."""
        return self._pen.end.chain

    @property
    def marks(self) -> Marks:
        """The times on record by which the clock is judged."""
        return self._pen.end.marks

    @property
    def follows(self) -> Mapping[str, Any] | None:
        """What the present origin says of the one before it, which lost its end (origin.py); None
        if the log never lost anything."""
        return self._pen.follows

    @property
    def failed_since(self) -> int:
        """Events refused since the last one that could be written; 0 is good."""
        return self._pen.refused

    def judge_clock_by(self, is_sure: Callable[[], bool]) -> None:
        """Have `is_sure` asked with each record, in the writer's thread, whether the clock is
        beyond doubt."""
        self._pen.clock_is_sure = is_sure

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
            self._pen.refused += 1
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
        """Have `observer` called too, in the loop, with each record that somebody waits for, in
        order and before they are told; what it raises is lost."""
        self._observers.append(observer)

    def time_commits(self, took: Callable[[float], None]) -> None:
        """Have `took` told, in the writer's thread, how many seconds each commit took."""
        self._pen.committed = took

    async def ping(self, timeout_s: float) -> bool:
        """Whether the writer's thread gets through its queue in time; for the watchdog."""
        future = self._soon(lambda: None)
        done, _ = await asyncio.wait([future], timeout=timeout_s)
        future.cancel()
        return bool(done)

    async def sign(self, sign: Callable[[Head], Note]) -> tuple[Head, Note] | None:
        """Have `sign` sign the head of the log, and keep the checkpoint in the log's file.

        None while the tree of an old log is still being computed.  `sign` is called in the
        writer's thread.  Raises LedgerUnavailable if the checkpoint can't be kept: it must not be
        shown to anybody then.
        """
        return await self._soon(lambda: self._pen.sign(sign))

    async def cosigned(self, text: str, lines: Sequence[Signature]) -> Note | None:
        """Keep cosignatures, which the caller has checked, with the checkpoint of this text.

        Returns it with all that it has now, or None if the log has no such checkpoint.

        Raises LedgerUnavailable, and NoteError if the text is not a checkpoint's.
        """
        return await self._soon(lambda: self._pen.cosigned(text, lines))

    async def head(self) -> Head | None:
        """The head of the log as it is now; None while the tree of an old log is being computed."""
        return await self._soon(self._pen.head)

    async def root_at(self, size: int) -> bytes | None:
        """The root over the first `size` records of the present origin; None if it has fewer."""
        return await self._soon(lambda: self._pen.root_at(size))

    async def enter_archive(self, archive: Archive) -> None:
        """Have records read from an archive from now on.  They leave the log's file after that, a
        few at a time.  Raises LedgerUnavailable."""
        await self._soon(lambda: self._pen.enter(archive))

    async def prune(self) -> None:
        """Take all records that are in archives out of the file now.  Raises LedgerUnavailable."""
        while self._pen.pruning:
            await self._soon(self._pen.prune)

    async def forget_archive(self, last: int) -> None:
        """Note that the archive that ends with record `last` is deleted.  Raises
        LedgerUnavailable."""
        await self._soon(lambda: self._pen.forget_archive(last))

    async def begin_origin(self, known: Iterable[Known]) -> Loss | None:
        """Hold the log against what is `known` elsewhere, and begin a new origin if it lacks
        something; returns what it lacks.  Raises LedgerUnavailable."""
        held = list(known)
        return await self._soon(lambda: self._pen.hold_against(held))

    def _soon(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Have `call` called in the writer's thread, behind what is queued."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Work(call, loop, future))
        return future

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
            job = self._next_job()
            jobs: list[_Append] = []
            while isinstance(job, _Append):
                jobs.append(job)
                if len(jobs) >= self._batch:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            if jobs:
                self._write(jobs)
            if isinstance(job, _Work):
                self._do(job)
            elif job is None:  # the end
                self._pen.close()
                return

    def _next_job(self) -> _Job | None:
        """Wait for the next job.  Records of before there was a tree are added to it meanwhile, and
        those that are in archives leave the file, a few at a time: whoever waits for a record comes
        first."""
        while self._pen.behind or self._pen.pruning:
            try:
                if self._pen.behind:
                    return self._jobs.get_nowait()
                return self._jobs.get(timeout=PRUNE_EVERY_S)
            except queue.Empty:
                try:
                    if self._pen.behind:
                        self._pen.take_over()
                    else:
                        self._pen.prune()
                except (sqlite3.Error, OSError, LedgerUnavailable) as error:
                    log.warning("the tree of the log waits: %s", error)
                    break
        return self._jobs.get()

    def _do(self, work: _Work) -> None:
        result: Any
        try:
            result = work.call()
        except (sqlite3.Error, OSError) as error:
            result = self._unavailable(error)
        except Exception as error:  # the caller's own, which it gets back
            result = error
        _answer(work.loop, _end, work.future, result)

    def _write(self, jobs: Sequence[_Append]) -> None:
        """One transaction; each job gets its record or the reason why there is none."""
        # A caller that has given up acts as if there were no record, so there must be none.
        live = [job for job in jobs if not job.future.cancelled()]
        records: Sequence[Event | Exception]
        try:
            records = self._pen.write([job.event for job in live]) if live else ()
        except (sqlite3.Error, OSError) as error:
            self._pen.refused += len(live)
            records = [self._unavailable(error)] * len(live)
        # One wake-up for all who wait in one loop.  In a program without a loop each `append_sync`
        # has one of its own, and that of the one before may have ended.
        results = zip(live, records, strict=True)
        for loop, part in groupby(results, lambda result: result[0].loop):
            _answer(loop, self._resolve, list(part))

    def _unavailable(self, error: Exception) -> LedgerUnavailable:
        if isinstance(error, sqlite3.Error) and is_damage(error):
            self.damage = str(error)
        return LedgerUnavailable(f"{self._pen.path.name}: {error}")

    def _resolve(self, results: Sequence[tuple[_Append, Event | Exception]]) -> None:
        """In the event loop: end the futures, call the observer, wake those who wait for more."""
        for job, result in results:
            if job.future.done():
                if isinstance(result, Event):
                    self._pen.late.append(result.seq)
            elif isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                for observer in self._observers:
                    with contextlib.suppress(Exception):
                        observer(result)
                job.future.set_result(result)
        if self._grown is not None:
            self._grown.set()


def _answer(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *about: object) -> None:
    """Have `call` called in the loop; nothing happens if the loop has ended: nobody waits then."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *about)


def _end(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _log_failure(future: asyncio.Future[Event]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.critical("an event could not be recorded: %s", error)


def _holder(lock: int) -> int:
    """The process that wrote its number into the lock file; 0 if there is none."""
    try:
        return int(os.pread(lock, 20, 0))
    except ValueError:
        return 0
