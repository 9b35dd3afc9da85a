"""The daemon's text log: lines for systemd's journal or on stderr, written by a thread.

stderr may stand still: a terminal after Ctrl-S, a pipe that nobody reads, a journal whose disk
hangs.  A line written in the event loop would then stop every door.  So the loop only queues its
lines.  When too many wait, new ones are lost and counted; what counts is in the ledger.

Under systemd a line goes to the journal with its fields (journal.py); if that does not take it, it
goes to stderr like any other.  Lines that repeat are counted (repeats.py).
"""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
import time
import traceback
from types import TracebackType
from typing import NamedTuple

from gateway import locale
from gateway.daemon import journal
from gateway.daemon.journal import Journal
from gateway.daemon.repeats import LeftOut, Repeats

WAITING = 2000  # lines
END_S = 1.0  # for the lines that wait when the process ends
LOOK_S = 1.0  # between two looks at what was left out
FORM = "%(levelname)s %(name)s: %(message)s"
# What these say is of the system or of our code.  Others may quote what somebody typed or showed.
_TELLING = (OSError, sqlite3.Error, AttributeError, TypeError, NameError, ImportError)


class _Line(NamedTuple):
    text: str
    entry: bytes
    """The same for the journal; empty without one."""


class _Form(logging.Formatter):
    """The traceback of an error shows where it was; what it says only where that names nobody."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        kind, error, where = ei
        if kind is None or error is None:
            return ""
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(where)]
        said = f": {error}" if isinstance(error, _TELLING) else ""
        return "".join([*lines, f"{kind.__name__}{said}"])


class TextLog(logging.Handler):
    """A log handler that returns at once.  `close()` waits END_S at most."""

    def __init__(self, handle: int = 2, into: Journal | None = None) -> None:
        """`handle` is the descriptor that the thread writes to, unless `into` takes a line."""
        self._lines: queue.Queue[_Line | None] = queue.Queue(WAITING)
        super().__init__()
        self._handle, self._journal = handle, into
        self._lost = self._all_lost = 0
        self._repeats = Repeats()
        self._form = _Form(FORM)
        self._bare = _Form("%(message)s")
        self.setFormatter(self._form)
        self.addFilter(_in_english)
        self._thread = threading.Thread(target=self._write, name="text log", daemon=True)
        self._thread.start()

    @property
    def left_out(self) -> int:
        """Lines that were counted instead of written, or lost, since the start."""
        return self._repeats.left_out + self._all_lost

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line, or several with a traceback."""
        try:
            if self._repeats.admit(record, time.monotonic()):
                self._lines.put_nowait(self._line(record))
        except queue.Full:
            self._lost += 1
            self._all_lost += 1
        except Exception:  # as logging does: a bad argument of a line is not worth a door
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, and end the thread."""
        try:
            self._lines.put_nowait(None)
            self._thread.join(END_S)
        except queue.Full:
            pass
        super().close()

    def _line(self, record: logging.LogRecord, more: str = "") -> _Line:
        """A line for both ends; `more` stands in place of what the record says."""
        head = f"{record.levelname} {record.name}: "
        text = head + more if more else self._form.format(record)
        if self._journal is None:
            return _Line(text, b"")
        found = journal.fields(record, more or self._bare.format(record))
        return _Line(text, journal.encoded(found))

    # The thread

    def _write(self) -> None:
        looked = time.monotonic()
        while True:
            try:
                line = self._lines.get(timeout=LOOK_S)
                if line is None:
                    break
                self._put(line)
            except queue.Empty:
                pass
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                self._tell()
        self._tell(ends=True)

    def _tell(self, *, ends: bool = False) -> None:
        """Say how many lines were left out or lost."""
        with self._repeats_locked():
            due = self._repeats.due(time.monotonic(), ends=ends)
        for one in due:
            self._put(self._line(one.last, _how_many(one)))

    def _put(self, line: _Line) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            said = f"{lost} lines were lost: nobody read this log"
            self._put(self._line(logging.makeLogRecord(_LOST), said))
        if line.entry and self._journal is not None:
            try:
                self._journal.send(line.entry)
                return
            except OSError:
                pass  # no journal, or one that starts anew: it reads stderr later
        data = (line.text + "\n").encode(errors="replace")
        try:
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError:
            return  # nobody reads it any more

    def _repeats_locked(self) -> threading.RLock:
        """The lock under which `emit` is called."""
        assert self.lock is not None
        return self.lock


_LOST = {"name": __name__.replace("gateway", "garita"), "levelno": 30, "levelname": "WARNING"}


def _how_many(one: LeftOut) -> str:
    return f"… {one.count:,} more like this in {one.seconds:.0f} s: {one.last.msg}"


def start(level: str) -> TextLog:
    """Log from `level` on, through the thread: to the journal if that is what reads stderr."""
    handler = TextLog(into=Journal() if journal.is_journal(2) else None)
    logging.basicConfig(level=level, handlers=[handler])
    return handler


def left_out() -> int:
    """Lines that this process's text log left out or lost."""
    handlers = logging.getLogger().handlers
    return sum(handler.left_out for handler in handlers if isinstance(handler, TextLog))


def _in_english(record: logging.LogRecord) -> bool:
    """Errors and messages that a log line was given, said in English."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            locale.english(item) if isinstance(item, Exception | locale.Message) else item
            for item in record.args
        )
    return True
