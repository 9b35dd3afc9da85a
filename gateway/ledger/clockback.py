"""Where the times of the records go back.

The order of records is their number, and a gateway whose clock was wrong has a log that is whole.
So a clock that went back is told and breaks nothing: whoever reads the times must know of it.
"""

from __future__ import annotations

import re
from datetime import datetime

from gateway.ledger.event import EventType

TOLERANCE_S = 60
MOST = 10
# The last two keys of a canonical body.
_END = re.compile(r'"time":"([^"]*)","type":"([^"]*)"}$')


class ClockBack:
    """Takes the records in order.  `found` are the first places (number, seconds) where the time
    lies more than TOLERANCE_S behind the greatest since the clock was last accepted."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []
        self._high = ""
        self._back = False

    def take(self, seq: int, body: str) -> None:
        """The next record."""
        end = _END.search(body[-200:])
        if end is None:
            return
        time, kind = end.groups()
        if kind == EventType.CLOCK_ACCEPTED or time >= self._high:
            self._high, self._back = time, False
            return
        try:
            high, now = (datetime.fromisoformat(one[:19]) for one in (self._high, time))
        except ValueError:
            return
        seconds = int((high - now).total_seconds())
        if seconds > TOLERANCE_S and not self._back and len(self.found) < MOST:
            self._back = True
            self.found.append((seq, seconds))
