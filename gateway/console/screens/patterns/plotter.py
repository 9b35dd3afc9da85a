"""Draws the pictures of a finding, in a process of its own (gateway/console/work.py has the frame):
matplotlib takes memory and time that the pages have no need of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.console import work
from gateway.ledger import LedgerReader
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.patterns import plots

MOST = 600_000
"""So many of the newest records are looked over at most."""
_DOOR = (
    EventType.ACCESS_GRANTED,
    EventType.ACCESS_DENIED,
    EventType.DOOR_HELD,
    EventType.DOOR_FORCED,
)
_PERSON = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
_FREIGHT = (EventType.FREIGHT_EXPECTED, EventType.FREIGHT_ARRIVED, EventType.FREIGHT_DEPARTED)


def _draw(settings: Settings, order: Mapping[str, Any]) -> dict[str, Any]:
    """The pictures that are asked for: SVG by name."""
    with closing(LedgerReader(settings.ledger_path)) as ledger:
        found = {
            str(name): _one(settings, ledger, str(name), str(about), str(order["day"]))
            for name, about in order["pictures"].items()
        }
    return {name: made.svg.decode() for name, made in found.items()}


def _one(settings: Settings, ledger: LedgerReader, name: str, about: str, on: str) -> plots.Picture:
    day, zone = date.fromisoformat(on), settings.site.zone
    monday = day - timedelta(days=day.weekday())
    last = monday + timedelta(days=6)
    if name == "door":
        return plots.door_week(_since(ledger, _DOOR, monday, zone), about, monday, zone)
    if name == "person":
        begin = last - timedelta(days=55)
        return plots.rhythm(_since(ledger, _PERSON, begin, zone), about, last, zone)
    begin = last - timedelta(days=62)  # announcements come some days before
    draw = plots.dwell if name == "dwell" else plots.carrier_times
    return draw(_since(ledger, _FREIGHT, begin, zone), about, last, zone)


def _since(
    ledger: LedgerReader, kinds: tuple[EventType, ...], begin: date, zone: ZoneInfo
) -> list[Event]:
    """The records of these kinds from the local day `begin` on, oldest first."""
    since = utc_text(datetime.combine(begin, time(), zone))
    return list(ledger.back(*kinds, since=since, most=MOST))[::-1]


if __name__ == "__main__":
    raise SystemExit(work.main({"draw": _draw}))
