"""The tables of visitors: those who came in, and those who did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.desk.partners import WORDS as CLEARANCES
from gateway.evidence import cells, taking
from gateway.evidence.model import Column, Place, Table
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.wording.text import VISIT_REASONS

VISITORS, NOT_LET_IN = "visitors", "visitors_not_let_in"
REGULARS = "regular_visitors"
_WHAT: Mapping[str, str] = {
    "held": N_("held back"),
    "refused": N_("sent away"),
    "cancelled": N_("called off"),
}
_REGULARS: Mapping[str, str] = {
    EventType.VISIT_REGULAR_ADDED: N_("became one"),
    EventType.VISIT_REGULAR_REMOVED: N_("no longer one"),
}


def visitors(place: Place) -> Table:
    """The visitor log: a row for each visit that began in the span."""
    at = cells.at(place.span.zone)
    shown = cells.photo_id(place.settings.tables.visits.id_kinds)
    return Table(
        VISITORS,
        worded("Visitor log"),
        (
            Column("visit", N_("Visit"), width=0.5),
            Column("name", N_("Visitor's name"), personal=True, width=2),
            Column("company", N_("Company"), width=1.5),
            Column("host", N_("Company contact"), personal=True, width=1.5),
            Column("id_kind", N_("Photo ID verified"), shown),
            Column("arrived_at", N_("Time of arrival"), at),
            Column("received_by", N_("Received by"), personal=True),
            Column("escort", N_("Escort"), personal=True, width=1.5),
            Column("badge", N_("Temporary badge"), personal=True),
            Column("badge_returned_at", N_("Badge returned"), at),
            Column("departed_at", N_("Time of departure"), at),
        ),
    )


def not_let_in(place: Place) -> Table:
    """Arrivals that the desk held, visitors whom a guard sent away, visits that were called off."""
    return Table(
        NOT_LET_IN,
        worded("Visitors held, sent away or called off"),
        (
            Column("at", N_("Time"), cells.at(place.span.zone)),
            Column("visit", N_("Visit"), cells.optional, width=0.5),
            Column("name", N_("Visitor's name"), personal=True, width=2),
            Column("company", N_("Company"), width=1.5),
            Column("host", N_("Company contact"), personal=True, width=1.5),
            Column("what", N_("What happened"), cells.coded(_WHAT)),
            Column("reason", N_("Reason"), _reason, width=2, personal=True),
            Column("by", N_("By"), personal=True),
        ),
    )


def regulars(place: Place) -> Table:
    """Who became a known regular visitor, and who is not one any more."""
    return Table(
        REGULARS,
        worded("Known regular visitors, added and removed"),
        (
            Column("at", N_("Time"), cells.at(place.span.zone)),
            Column("name", N_("Visitor's name"), personal=True, width=2),
            Column("company", N_("Company"), width=1.5),
            Column("what", N_("What happened"), cells.coded(_REGULARS)),
            Column("by", N_("By"), personal=True),
        ),
    )


def regular_cells(event: Event) -> dict[str, Any]:
    """Its row of them."""
    return {
        "at": event.time,
        "name": taking.text(event.data, "name"),
        "company": taking.text(event.data, "company"),
        "what": event.type,
        "by": taking.who(event.data),
    }


def _reason(cell: Any) -> str:
    text = {**VISIT_REASONS, **CLEARANCES}.get(str(cell))
    return Message(text).say() if text else str(cell)
