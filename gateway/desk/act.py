"""What every act at the guard's desk shares: one transaction, and times in and out of rows.

Visitors (gateway/desk/visits), trucks (gateway/desk/freight) and partners use these functions.
They print nothing, read no clock and know no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.desk.errors import DeskError, Unwritable


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction for an act and its event.

    Any exception inside it undoes both.  Raises Unwritable if SQLite can't write.
    """
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    except (sqlite3.Error, OverflowError) as error:
        raise Unwritable("unwritable", "it could not be written: {error}", error=error) from error


def stamp(moment: datetime) -> str:
    """A time as rows hold it: RFC 3339, UTC, whole seconds.  Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The time that a row holds, as an aware datetime."""
    return datetime.fromisoformat(text)


def local(text: str | None, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M") -> str:
    """A row's time in the site's zone, formatted by `form` (strftime); "" for None."""
    return parse(text).astimezone(zone).strftime(form) if text else ""


def moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The time that a guard typed, in UTC.

    `text` is ``14:30`` (today) or ``2026-11-25 14:30``, in the site's zone unless it has an offset
    or Z.  Raises DeskError for anything else.
    """
    value = text.strip()
    try:
        if len(value) <= 5:
            today = now.astimezone(zone).date()
            found = datetime.fromisoformat(f"{today}T{value.zfill(5)}")
        else:
            found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DeskError(
            "bad_time", "{value!r} is no time; write 14:30 or 2026-11-25T14:30", value=value[:40]
        ) from error


def day_bounds(first: date, last: date, zone: ZoneInfo) -> tuple[str, str]:
    """Begin of the local day `first` and end of the local day `last`, as rows hold times."""
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return stamp(begin), stamp(end)
