"""Pictures for the last pages of a packet: the week of the busiest doors, and how long trucks stay.

They are drawn from the rows of the packet's tables, so they show nothing that the tables don't, and
the same packet has the same pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from gateway.evidence.model import Span
from gateway.evidence.packet import Packet
from gateway.evidence.pages.appendix import Plot
from gateway.evidence.spool import Spool
from gateway.evidence.taking import moment
from gateway.ledger.event import Event, EventType
from gateway.locale import Message, speaking, worded

DOORS, CARRIERS = 4, 2
"""So many pictures of each kind at most: those with the most passes or trucks."""
_KINDS = {
    "granted": EventType.ACCESS_GRANTED,
    "denied": EventType.ACCESS_DENIED,
    "forced": EventType.DOOR_FORCED,
    "held": EventType.DOOR_HELD,
}


class Pictures:
    """Reads the rows once; `draw` makes the pictures in a language."""

    def __init__(self, packet: Packet, spool: Spool) -> None:
        self._span = packet.span
        self.monday = last_week(packet.span)
        self._passes: dict[str, list[Event]] = {}
        counts: Counter[str] = Counter()
        for event in _passes(spool, self.monday, packet.span):
            self._passes.setdefault(event.subject, []).append(event)
            counts[event.subject] += event.type == EventType.ACCESS_GRANTED
        self.doors = [door for door, count in _most(counts, DOORS) if count]
        self._trucks = list(_trucks(spool))
        self.carriers = _most(Counter(str(one.data["carrier"]) for one in self._trucks), CARRIERS)

    def draw(self, language: str, folder: Path) -> list[Plot]:
        """The pictures, as SVG files in `folder`; [] where nothing passed."""
        if not (self.doors or self.carriers):
            return []
        from gateway.patterns import plots  # noqa: PLC0415 - matplotlib

        zone = self._span.zone
        made: list[Plot] = []
        with speaking(language):
            for door in self.doors:
                found = plots.door_week(self._passes[door], door, self.monday, zone)
                title = worded("Door {door}, the week from {day}", door=door, day=str(self.monday))
                made.append(_kept(found.svg, found.alt, title, folder, len(made)))
            for carrier, _count in self.carriers:
                found = plots.dwell(self._trucks, carrier, self._span.last, zone)
                title = worded("How long trucks of {carrier} stayed", carrier=carrier)
                made.append(_kept(found.svg, found.alt, title, folder, len(made)))
        return made


def last_week(span: Span) -> date:
    """The Monday of the last whole week of the span, or of its first week if it has none whole."""
    monday = span.last - timedelta(days=(span.last.weekday() + 1) % 7 + 6)
    return monday if monday >= span.first else span.first - timedelta(days=span.first.weekday())


def _passes(spool: Spool, monday: date, span: Span) -> Iterator[Event]:
    """The accesses of the week and what doors told, as far as pictures need them."""
    week = Span(monday, monday + timedelta(days=6), span.zone)
    for table, key in (("access_log", "result"), ("door_alarms", "what")):
        for row in spool.rows(table):
            at = str(row.cells.get("at") or "")
            kind = _KINDS.get(str(row.cells.get(key)))
            if kind is not None and week.begin <= at < week.end:
                yield _event(kind, str(row.cells.get("door") or ""), at, {})


def _trucks(spool: Spool) -> Iterator[Event]:
    for row in spool.rows("pickups"):
        came, left = (str(row.cells.get(key) or "") for key in ("arrived_at", "departed_at"))
        if moment(came) is not None and moment(left) is not None and row.cells.get("employer"):
            data = {"arrived_at": came, "carrier": str(row.cells["employer"])}
            yield _event(EventType.FREIGHT_DEPARTED, "", left, data)


def _event(kind: EventType, subject: str, at: str, data: dict[str, Any]) -> Event:
    return Event(0, "", at, kind, subject, data, "", "")


def _most(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """The names that count most; of equals the first by name, so that it is the same each time."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def _kept(svg: bytes, alt: str, title: Message, folder: Path, number: int) -> Plot:
    path = folder / f"{number}.svg"
    path.write_bytes(svg)
    return Plot(path, title, worded("{about}", about=alt))
