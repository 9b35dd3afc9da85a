"""One visit, as its records tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.evidence.model import Deviation, Personal
from gateway.evidence.taking import NOBODY
from gateway.locale import worded


@dataclass(slots=True)
class Visit:
    """`inside`: it began in the span; `badge_kept`: the visitor left with the badge."""

    number: int
    arrived_at: str
    inside: bool
    name: Personal
    host: Personal
    company: str
    id_kind: str
    received_by: Personal
    regular: bool = False
    held: list[str] = field(default_factory=list)
    released_by: Personal = NOBODY
    release_reason: str = ""
    announced: bool = False
    contacted_at: str = ""
    escort: Personal = NOBODY
    badge: str = ""
    badge_issued_at: str = ""
    badge_until: str = ""
    badge_returned_at: str = ""
    badge_kept: bool = False
    departed_at: str = ""
    departed_by: Personal = NOBODY
    overdue: list[tuple[str, int]] = field(default_factory=list)
    extended: list[tuple[str, Personal]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)


def released(visit: Visit) -> Deviation:
    """The exception of a visitor whom the desk held and a second person let in."""
    words = worded("the desk held {name}, and a second person let them in", name=visit.name)
    handled = worded("released: {reason}", reason=Personal(visit.release_reason))
    return Deviation(
        "visit_released",
        words,
        visit.arrived_at,
        tuple(visit.records),
        handled,
        visit.released_by,
        visit.arrived_at,
    )


def cells_of(visit: Visit) -> dict[str, Any]:
    """Its row of the visitor log."""
    return {
        "visit": visit.number,
        "name": visit.name,
        "company": visit.company,
        "host": visit.host,
        "id_kind": visit.id_kind,
        "arrived_at": visit.arrived_at,
        "received_by": visit.received_by,
        "escort": visit.escort,
        "badge": visit.badge,
        "badge_returned_at": visit.badge_returned_at,
        "departed_at": visit.departed_at,
    }
