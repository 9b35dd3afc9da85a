"""Reads the log into a book of alarms, and keeps the book up to date with it.

An alarm that is older than FAR is not looked for: whoever left it open for a month does not need it
on a screen, and the log has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from gateway.config import Settings
from gateway.ledger import LedgerReader
from gateway.ledger.chain import utc_text
from gateway.state.alarms.book import READS, Book
from gateway.state.alarms.model import Rules

FAR = timedelta(days=31)
MOST = 500_000
CHUNK = 1000


def rules_of(settings: Settings) -> Rules:
    """What the site says of alarms."""
    table = settings.tables.alarms
    return Rules(
        {name: kind.priority for name, kind in table.kinds.items()},
        timedelta(seconds=table.delay_s),
    )


class AlarmLog:
    """The book of one site.  `now_book` may be called from any thread; it reads what is new, and
    returns a copy that stays as it is.

    A log that was replaced, so that it ends before what was read, is read anew.
    """

    def __init__(self, path: Path, rules: Rules) -> None:
        self._path, self._rules = path, rules
        self._lock = Lock()
        self._reader: LedgerReader | None = None
        self._book: Book | None = None
        self._copy: Book | None = None

    def now_book(self) -> Book:
        """The book as the log has it now.  Raises LedgerUnavailable."""
        with self._lock:
            if self._reader is None:
                self._reader = LedgerReader(self._path)
            if self._book is None or self._reader.last_seq < self._book.last_seq:
                self._book, self._copy = read(self._reader, self._rules), None
            while events := self._reader.after(self._book.last_seq, CHUNK):
                for event in events:
                    self._book.apply(event)
                    if event.type in READS:
                        self._copy = None
            if self._copy is None:
                self._copy = self._book.copied()
            return self._copy

    def close(self) -> None:
        """Let go of the log."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = self._book = self._copy = None


def read(reader: LedgerReader, rules: Rules, now: datetime | None = None) -> Book:
    """A book of what the log has of the last FAR, before `now`.  Raises LedgerUnavailable."""
    last = reader.last_seq
    since = utc_text((now or datetime.now(UTC)) - FAR)
    found = [event for event in reader.back(*READS, since=since, most=MOST) if event.seq <= last]
    book = Book(rules)
    for event in reversed(found):
        book.apply(event)
    book.last_seq = last
    return book
