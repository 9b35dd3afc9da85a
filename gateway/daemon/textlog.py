"""The daemon's text log: lines on stderr, written by a thread.

stderr may stand still: a terminal after Ctrl-S, a pipe that nobody reads, a journal whose disk
hangs.  A line written in the event loop would then stop every door.  So the loop only queues its
lines.  When too many wait, new ones are lost and counted; what counts is in the ledger.
"""

from __future__ import annotations

import logging
import os
import queue
import threading

from gateway import locale

WAITING = 2000  # lines
END_S = 1.0  # for the lines that wait when the process ends
FORM = "%(levelname)s %(name)s: %(message)s"


class TextLog(logging.Handler):
    """A log handler that returns at once.  `close()` waits END_S at most."""

    def __init__(self, handle: int = 2) -> None:
        """`handle` is the descriptor that the thread writes to."""
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        super().__init__()
        self._handle = handle
        self._lost = 0
        self.setFormatter(logging.Formatter(FORM))
        self.addFilter(_in_english)
        self._thread = threading.Thread(target=self._write, name="text log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line, or several with a traceback."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._lost += 1
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

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._lost:
                lost, self._lost = self._lost, 0
                line += (
                    f"\nWARNING garita.daemon.textlog: {lost} lines were lost: nobody read this log"
                )
            data = (line + "\n").encode(errors="replace")
            try:
                while data:
                    data = data[os.write(self._handle, data) :]
            except OSError:
                continue  # nobody reads it any more


def start(level: str) -> TextLog:
    """Log from `level` on to stderr, through the thread."""
    handler = TextLog()
    logging.basicConfig(level=level, handlers=[handler])
    return handler


def _in_english(record: logging.LogRecord) -> bool:
    """Errors and messages that a log line was given, said in English."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            locale.english(item) if isinstance(item, Exception | locale.Message) else item
            for item in record.args
        )
    return True
