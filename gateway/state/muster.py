"""Who is inside, for people: a list for an evacuation, and how old each part of it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.state.presence import Presence


def muster(presence: Presence, area: str = "") -> list[dict[str, Any]]:
    """Who is inside, for a list: longest first within each area."""
    presence.settle(datetime.now(UTC))
    return [
        {
            "area": seen.area,
            "person": key,
            "name": seen.name,
            "company": seen.company,
            "since": seen.since.isoformat(timespec="seconds"),
            "forgiven": seen.free,
            **({"gate": seen.gate} if seen.gate else {}),
        }
        for key, seen in presence.inside(area)
    ]
