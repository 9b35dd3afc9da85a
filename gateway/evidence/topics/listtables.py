"""The tables and sentences of lists of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from gateway.evidence import cells
from gateway.evidence.model import Column, Figure, Place, Table, Unit
from gateway.ledger.event import EventType
from gateway.locale import N_, Message, worded
from gateway.wording import lists as wording
from gateway.wording import words

LISTS, PEOPLE, ACTS = "lists", "list_people", "people_acts"
_ACTS: Mapping[str, str] = {
    EventType.PEOPLE_ENROLLED: N_("face enrolled"),
    EventType.PEOPLE_PIN_SET: N_("PIN set"),
    EventType.PEOPLE_PIN_CLEARED: N_("PIN taken away"),
    EventType.PEOPLE_REVOKED: N_("access revoked"),
    EventType.PEOPLE_REINSTATED: N_("access given back"),
    EventType.GRANT_GIVEN: N_("temporary grant given"),
    EventType.GRANT_ENDED: N_("temporary grant ended"),
    EventType.ESCORT_SET: N_("passes with an escort only"),
    EventType.ESCORT_CLEARED: N_("needs no escort any more"),
}
_OPS = frozenset({"added", "changed", "removed"})
_TROUBLES: Mapping[str, str] = {
    "list_source_failed": N_("{source} gave no list: {detail}"),
    "list_waited": N_("a list of {source} was held back: {detail}"),
    "list_late": N_("a list was late at these gates: {detail}"),
}
_ENDED: Mapping[str, str] = {
    "recovered": N_("it gives lists again since {at}"),
    "in_force": N_("a list of it was put in force at {at}"),
    "dropped": N_("it was thrown away at {at}"),
    "everywhere": N_("in force at all gates at {at}"),
}


def all_of(place: Place) -> tuple[Table, Table, Table]:
    """Lists put in force; the people whom they touched; acts on single people."""
    at = cells.at(place.span.zone)
    by = Column("by", N_("By"), personal=True)
    person = Column("person", N_("Person's id"), personal=True)
    return (
        Table(
            LISTS,
            worded("Lists put in force"),
            (
                Column("version", N_("List"), width=0.5),
                Column("at", N_("In force since"), at),
                Column("what", N_("What happened"), lambda cell: wording.kind(str(cell), None)),
                Column("source", N_("Source"), width=1.5),
                by,
                Column("added", N_("Added"), width=0.6),
                Column("changed", N_("Changed"), width=0.6),
                Column("removed", N_("Removed"), width=0.6),
                Column("total", N_("Total"), width=0.6),
                Column("confirmed", N_("Let pass by name"), _tripwires, width=1.5),
                Column("sha256", N_("SHA-256 of the list"), width=1.5),
            ),
        ),
        Table(
            PEOPLE,
            worded("People whom lists added, changed and removed"),
            (
                Column("at", N_("In force since"), at),
                Column("version", N_("List"), width=0.5),
                Column("what", N_("What happened"), _op),
                person,
                Column("name", N_("Name"), personal=True, width=2),
                Column("fields", N_("What changed"), _fields, width=2),
                by,
            ),
        ),
        Table(
            ACTS,
            worded("Acts on single people"),
            (
                Column("at", N_("Time"), at),
                person,
                Column("what", N_("What happened"), cells.coded(_ACTS), width=1.5),
                Column("detail", N_("Details"), personal=True, width=2),
                Column("until", N_("Until"), at),
                by,
            ),
        ),
    )


def trouble(rule: str, source: str, detail: str) -> Message:
    """What went wrong with a source."""
    return Message(_TROUBLES[rule], {"source": source, "detail": detail})


def ended(how: str, at: str) -> Message:
    """How that ended."""
    return Message(_ENDED[how], {"at": at})


def counted(counts: Counter[str], slowest: float | None) -> list[Figure]:
    """The figures that count records of one type each."""
    return [
        Figure("list_failures", worded("sources that failed"), counts["people.sync_failed"]),
        Figure("list_waits", worded("lists held back"), counts["people.sync_waiting"]),
        Figure("list_dropped", worded("lists thrown away"), counts["people.sync_dropped"]),
        Figure("list_refused", worded("signed lists refused"), counts["people.bundle_refused"]),
        Figure("lists_late", worded("lists late at other gates"), counts["alarm.list_late"]),
        Figure(
            "list_slowest", worded("until a list was in force at all gates: slowest"),
            slowest, Unit.SECONDS,
        ),
        Figure("grants_given", worded("temporary grants given"), counts["grant.given"]),
        Figure("faces_enrolled", worded("faces enrolled"), counts["people.enrolled"]),
        Figure("pins_set", worded("PINs set"), counts["people.pin_set"]),
    ]  # fmt: skip


def _tripwires(cell: Any) -> str:
    return ", ".join(map(wording.tripwire, cell)) if isinstance(cell, list) else ""


def _fields(cell: Any) -> str:
    return ", ".join(map(words.word, cell)) if isinstance(cell, list) else ""


def _op(cell: Any) -> str:
    return wording.op(cell) if cell in _OPS else str(cell)
