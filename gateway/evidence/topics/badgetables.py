"""Badges as the log tells them, and their tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.evidence import cells
from gateway.evidence.model import Column, Personal, Place, Table
from gateway.evidence.taking import NOBODY
from gateway.locale import N_, worded

SEEN, LOST, OUT = "badges_seen", "badges_lost", "visitor_badges"


@dataclass(slots=True)
class Seen:
    """A badge that was read in the span; `holders` are the ids of those whose it was."""

    badge: str
    person: str
    name: Personal
    first: str
    last: str
    granted: int = 0
    denied: int = 0
    holders: set[str] = field(default_factory=set)
    records: list[int] = field(default_factory=list)  # its first and its last


@dataclass(slots=True)
class Lost:
    """A badge that was reported lost; `granted` and `refused` are readings after it."""

    person: str
    badge: str
    reason: str
    by: Personal
    at: str
    inside: bool
    records: list[int]
    name: Personal = NOBODY
    found_at: str = ""
    found_by: Personal = NOBODY
    granted: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


def seen_cells(mark: str, seen: Seen) -> dict[str, Any]:
    """Its row; `mark` is its fingerprint."""
    return {
        "mark": mark,
        "badge": seen.badge,
        "person": seen.person,
        "name": seen.name,
        "first": seen.first,
        "last": seen.last,
        "granted": seen.granted,
        "denied": seen.denied,
    }


def lost_cells(lost: Lost) -> dict[str, Any]:
    """Its row."""
    return {
        "at": lost.at,
        "person": lost.person,
        "name": lost.name,
        "badge": lost.badge,
        "reason": lost.reason,
        "by": lost.by,
        "found_at": lost.found_at,
        "found_by": lost.found_by,
        "shown": len(lost.refused),
        "passed": len(lost.granted),
    }


def tables_of(place: Place) -> tuple[Table, Table, Table]:
    """Badges seen at doors; badges reported lost; visitors' badges."""
    at = cells.at(place.span.zone)
    badge = Column("badge", N_("Badge"), personal=True)
    person = Column("person", N_("Person's id"), personal=True)
    name = Column("name", N_("Name"), personal=True, width=2)
    by = Column("by", N_("By"), personal=True)
    return (
        Table(
            SEEN,
            worded("Badges seen at doors"),
            (
                Column("mark", N_("Fingerprint"), width=1.2),
                badge,
                person,
                name,
                Column("first", N_("First seen"), at),
                Column("last", N_("Last seen"), at),
                Column("granted", N_("Let in"), width=0.6),
                Column("denied", N_("Refused"), width=0.6),
            ),
        ),
        Table(
            LOST,
            worded("Badges reported lost"),
            (
                Column("at", N_("Reported"), at),
                person,
                name,
                badge,
                Column("reason", N_("Reason"), personal=True, width=1.5),
                by,
                Column("found_at", N_("Found again"), at),
                Column("found_by", N_("Taken back by"), personal=True),
                Column("shown", N_("Shown after it"), width=0.6),
                Column("passed", N_("Passes after it"), width=0.6),
            ),
        ),
        Table(
            OUT,
            worded("Visitors' badges"),
            (
                Column("visit", N_("Visit"), width=0.5),
                name,
                badge,
                Column("issued_at", N_("Given"), at),
                Column("until", N_("Good until"), at),
                by,
                Column("returned_at", N_("Badge returned"), at),
            ),
        ),
    )
