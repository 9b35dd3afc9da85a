"""Requirements that were due, as the log tells them, and the tables of requirements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.evidence import cells
from gateway.evidence.model import Column, Personal, Place, Table
from gateway.evidence.taking import NOBODY
from gateway.ledger.event import EventType
from gateway.locale import N_, worded

DUE, ACTS = "requirements_due", "requirement_acts"
Key = tuple[str, str, str]
"""Of whom (``person`` or ``company``), who, which kind."""
_OF: Mapping[str, str] = {"person": N_("person"), "company": N_("company")}
_WHAT: Mapping[str, str] = {
    EventType.REQUIREMENT_SET: N_("requirement set"),
    EventType.REQUIREMENT_REMOVED: N_("requirement removed"),
}


@dataclass(slots=True)
class Due:
    """One requirement that the gate warned of, by its last good day `until`; `record` is the newest
    warning, `passed` are passes after it had lapsed."""

    subject: str
    until: str
    first_at: str
    last_at: str
    record: int
    warnings: int = 0
    renewed_at: str = ""
    renewed_by: Personal = NOBODY
    renewed_until: str = ""
    passed: list[int] = field(default_factory=list)
    passed_count: int = 0


_STATES: Mapping[str, str] = {
    "renewed": N_("renewed"),
    "due": N_("will lapse"),
    "lapsed": N_("lapsed"),
    "answered": N_("not warned of any more"),
}


def cells_of(key: Key, due: Due, state: str) -> dict[str, Any]:
    """Its row."""
    return {
        "of": key[0],
        "subject": due.subject,
        "kind": key[2],
        "valid_until": due.until,
        "first_at": due.first_at,
        "last_at": due.last_at,
        "warnings": due.warnings,
        "state": state,
        "renewed_until": due.renewed_until,
        "renewed_by": due.renewed_by,
        "passed": due.passed_count,
    }


def tables_of(place: Place) -> tuple[Table, Table]:
    """What was due; what was set and removed."""
    at = cells.at(place.span.zone)
    of = Column("of", N_("Of whom or what"), cells.coded(_OF), width=0.7)
    who = Column("subject", N_("Person or company"), personal=True, width=1.5)
    kind = Column("kind", N_("Requirement"), width=1.2)
    until = Column("valid_until", N_("Valid until"), cells.day)
    return (
        Table(
            DUE,
            worded("Requirements that were about to lapse"),
            (
                of,
                who,
                kind,
                until,
                Column("first_at", N_("First warned"), at),
                Column("last_at", N_("Last warned"), at),
                Column("warnings", N_("Warnings"), width=0.6),
                Column("state", N_("State"), cells.coded(_STATES)),
                Column("renewed_until", N_("Renewed until"), cells.day),
                Column("renewed_by", N_("Renewed by"), personal=True),
                Column("passed", N_("Passes after it"), width=0.6),
            ),
        ),
        Table(
            ACTS,
            worded("Requirements set and removed"),
            (
                Column("at", N_("Time"), at),
                Column("what", N_("What happened"), cells.coded(_WHAT)),
                of,
                who,
                kind,
                until,
                Column("number", N_("Number"), personal=True),
                Column("note", N_("Note"), personal=True, width=1.5),
                Column("by", N_("By"), personal=True),
            ),
        ),
    )
