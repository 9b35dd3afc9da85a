"""Whether the time zones in use know the site's zone as the pinned ones do.

Python reads the system's zones first (`zoneinfo.TZPATH`) and those of the package tzdata, which
this program pins, only where the system has none.  A system that is not kept up to date may have
the rules of before a reform: since October 2022 most of Mexico keeps no summer time, and a gate
with the older rules is an hour off from April to October.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

AHEAD = timedelta(days=2 * 366)
STEP = timedelta(minutes=30)  # no zone changes at another minute than these


@dataclass(frozen=True, slots=True)
class Difference:
    """From `at` on the zone in use shows `used`, and the pinned one `pinned` (both local)."""

    at: datetime
    used: datetime
    pinned: datetime


def difference(zone: ZoneInfo, now: datetime) -> Difference | None:
    """The first moment of the two years from `now` (aware) at which the zone in use and the pinned
    one of the same name show another time; None if there is none, or no pinned one."""
    pinned = _pinned(zone.key)
    if pinned is None:
        return None
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = at + AHEAD
    while at < end:
        used, other = at.astimezone(zone), at.astimezone(pinned)
        if used.utcoffset() != other.utcoffset():
            return Difference(at, used, other)
        at += STEP
    return None


def _pinned(name: str) -> ZoneInfo | None:
    try:
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError, ModuleNotFoundError):
        return None
