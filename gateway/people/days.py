"""Instants as days of the site.

A list holds whole days, both included, in the site's time zone.  Directories and databases often
hold instants.  A day must be taken from an instant in the site's zone: 1 January 08:00 UTC is
still 31 December in Tijuana until midnight there.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

TICK = timedelta(microseconds=1)


def day_of(moment: datetime, zone: tzinfo) -> date:
    """The site's day at `moment` (aware).

    Raises ValueError for a naive time.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # within a day of year 1 or year 9999
        return date.max if moment.year > 2000 else date.min


def last_day_before(end: datetime, zone: tzinfo) -> date:
    """The last day of the site that is good if something ends at `end` (aware).

    Active Directory stores "end of 31 December" as midnight at the start of 1 January.  The last
    good day is therefore the day just before `end`, not the day of `end`.  Raises ValueError for
    a naive time.
    """
    if end.tzinfo is None:
        raise ValueError("a time without its zone")
    try:
        before = end.astimezone(UTC) - TICK  # in UTC: wall clocks skip and repeat hours
    except OverflowError:
        return date.max if end.year > 2000 else date.min
    return day_of(before, zone)
