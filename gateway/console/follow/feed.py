"""Follows the log: calls `tell` with the new records soon after they are on disk.

The log's side file (ledger.db-wal) is looked at LOOKS times a second, which costs one stat; only
when it changed, and once a second in any case, the log is read.  Reading is done in a thread of its
own.  Nothing here can hinder the writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event

log = logging.getLogger("garita.console.feed")

LOOKS = 25
READ_AT_LEAST_S = 1.0
AT_ONCE = 500
BACK = 500
"""So many records of the past are told at the start, so that pages have something to show."""

Tell = Callable[[Sequence[Event]], None]


class Feed:
    """New records of the log at `path`, in order, without holes."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._tell = tell
        self._reader: LedgerReader | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self.seq = 0
        """The newest record that was told."""
        self.broken = ""
        """Why the log can't be read at present; "" if it can."""

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        seen: object = None
        read_at = 0.0
        while True:
            now = loop.time()
            mark = self._mark()
            if mark != seen or now - read_at >= READ_AT_LEAST_S:
                seen, read_at = mark, now
                fresh = await loop.run_in_executor(self._thread, self._read)
                if fresh:
                    self.seq = fresh[-1].seq
                    self._tell(fresh)
                if len(fresh) == AT_ONCE:
                    seen = None
                    await asyncio.sleep(0)
                    continue
            await asyncio.sleep(1 / LOOKS)

    async def close(self) -> None:
        """Let go of the log."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)

    def _mark(self) -> object:
        try:
            found = self._wal.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> list[Event]:
        try:
            if self._reader is None:
                self._reader = LedgerReader(self._path)
            last = self._reader.last_seq
            if last < self.seq:  # the log was begun anew
                self.seq = 0
            start = max(self.seq, last - BACK) if self.seq == 0 else self.seq
            found = self._reader.after(start, AT_ONCE)
        except LedgerUnavailable as error:
            if str(error) != self.broken:
                log.warning("the log can't be read: %s", error)
            self.broken = str(error)
            self._drop()
            return []
        self.broken = ""
        return found

    def _drop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
