"""Records of a few types out of the whole log, kept in memory: documents, reviews, findings.

They are few, and lie anywhere in a log of millions.  The first page that needs them goes through
the log once; the next ones read what came since.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from gateway.console.site import Site
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType


class Papers:
    """The records of `kinds`, oldest first."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds = frozenset(kinds)
        self._seen = 0
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def events(self, ledger: LedgerReader) -> list[Event]:
        """All of them up to now.  Blocks.  Raises LedgerUnavailable."""
        with self._lock:
            last = ledger.last_seq
            if last < self._seen:  # another log lies there now
                self._seen, self._events = 0, []
            if last > self._seen:
                asked = (*self._kinds, EventType.LEDGER_REDACTED)
                fresh = self._since(ledger, asked, last)
                if self._seen and any(one.type == EventType.LEDGER_REDACTED for one in fresh):
                    fresh = self._since(ledger, asked, last, whole=True)
                    self._events = []
                self._events += [one for one in fresh if one.type in self._kinds]
                self._seen = last
            return list(self._events)

    def _since(
        self, ledger: LedgerReader, kinds: Iterable[str], last: int, *, whole: bool = False
    ) -> list[Event]:
        seen = 0 if whole else self._seen
        # The log may have grown since `last`: what is newer is read the next time.
        most = ledger.last_seq - seen
        found = [one for one in ledger.back(*kinds, most=most) if seen < one.seq <= last]
        return found[::-1]


_all: WeakKeyDictionary[Site, dict[frozenset[str], Papers]] = WeakKeyDictionary()
_lock = threading.Lock()


def papers(site: Site, kinds: Iterable[str]) -> Papers:
    """The records of `kinds` of this console's log."""
    key = frozenset(kinds)
    with _lock:
        known = _all.setdefault(site, {})
        return known.setdefault(key, Papers(key))
