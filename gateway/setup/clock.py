"""Whether this box's clock can be right: certificates and the log's times go by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import gateway
from gateway.locale import Message, worded

TOLERANCE = timedelta(days=1)


def now() -> datetime:
    """The time that the clock shows."""
    return datetime.now(UTC)


def impossible(shown: datetime) -> Message | None:
    """Why `shown` can't be the time: it is before this program was installed here.  None if it can.

    A box without a battery for its clock begins in 1970, or on the day of its image.
    """
    installed = datetime.fromtimestamp(Path(gateway.__file__).stat().st_mtime, UTC)
    if shown >= installed - TOLERANCE:
        return None
    return worded(
        "the clock shows {shown} UTC, and this program was installed on {installed}: set the clock"
        " first (timedatectl), because certificates and records go by it",
        shown=shown.strftime("%Y-%m-%d %H:%M"),
        installed=installed.strftime("%Y-%m-%d"),
    )
