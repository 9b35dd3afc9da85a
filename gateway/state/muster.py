"""Who is inside, for people: a list for an evacuation, and how old each part of it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from gateway.config import Settings
from gateway.ledger import LedgerReader
from gateway.state.presence import Presence, new_presence

LONG_H = 16
"""Inside for longer (hours): somebody who left without a badge, or should be looked for."""


def kept_presence(settings: Settings) -> Presence:
    """Who is inside while the gateway is stopped, from the checkpoint and the log; reads only.
    Raises LedgerUnavailable."""
    found = new_presence(settings)
    with closing(LedgerReader(settings.ledger_path)) as reader:
        found.restore(settings.presence_path, reader)
    return found


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


def parts_kept(presence: Presence, shared: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """How old what other gates said is, while the gateway is stopped: nobody hears them then.
    `shared` says which gates lead into each area."""
    names = sorted({gate for gates in shared.values() for gate in gates})
    found = []
    for name in names:
        at = presence.peers.get(name, {}).get("time")
        known = datetime.fromtimestamp(at, UTC).isoformat() if isinstance(at, int) else None
        areas = sorted(area for area, gates in shared.items() if name in gates)
        away = "the gateway is stopped"
        found.append({"gate": name, "areas": areas, "as_of": known, "away": away, "missing": 0})
    return found
