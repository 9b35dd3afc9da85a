"""Forgets the badges that people gave back long ago.

A sync remembers the badges of people who left or lost access (`released_badge`), so that a tripwire
can ask when one is soon given to somebody else.  The gateway forgets them by its clock, and only
while that is beyond doubt: the clock of a command may be wrong, and nobody would see the loss.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from datetime import date as Date
from pathlib import Path

from gateway.locale import worded
from gateway.people.lookup import RosterUnavailable

KEEP_DAYS = 400
"""More than a list may ask about (`reissue_days`)."""


def purge_file(path: Path, today: Date) -> int:
    """Forget badges of `path` (people.db) that came back more than `KEEP_DAYS` before `today`;
    returns how many.  Does nothing if there is no list.  Raises RosterUnavailable."""
    if not path.exists():
        return 0
    first = datetime.combine(today - timedelta(days=KEEP_DAYS), time(), UTC)
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db, db:
            db.execute("PRAGMA secure_delete = ON")
            return db.execute(
                "DELETE FROM released_badge WHERE at < ?", (first.isoformat(),)
            ).rowcount
    except sqlite3.Error as error:
        raise RosterUnavailable(worded("{path}: {error}", path=path, error=error)) from error
