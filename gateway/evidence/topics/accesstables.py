"""The tables of accesses: all of them, those refused, and counts by door and reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.evidence import cells
from gateway.evidence.model import Column, Table
from gateway.locale import N_, Message, worded
from gateway.wording import text
from gateway.wording.words import CODES

LOG, DENIED = "access_log", "access_denied"
DOORS, REASONS = "access_by_door", "access_denied_by_reason"
_RESULTS: Mapping[str, str] = {"granted": N_("let in"), "denied": N_("refused")}
_WAYS: Mapping[str, str] = {"in": N_("going in"), "out": N_("going out")}


def log(zone: ZoneInfo) -> Table:
    """The access log: a row for each decision."""
    result = Column("result", N_("Result"), cells.coded(_RESULTS), width=0.7)
    columns = _columns(zone)
    return Table(LOG, worded("Access log"), (*columns[:-2], result, *columns[-2:]))


def denied(zone: ZoneInfo) -> Table:
    """Those who were refused, with the reason."""
    return Table(DENIED, worded("Refused at doors"), _columns(zone))


def part(code: str) -> Message:
    """A part of the gate, or what the policy does if it fails, as a sentence's fact."""
    return Message(CODES.get(code, code.replace("{", "(").replace("}", ")")))


def _columns(zone: ZoneInfo) -> tuple[Column, ...]:
    return (
        Column("at", N_("Time"), cells.at(zone)),
        Column("door", N_("Door")),
        Column("way", N_("Direction"), cells.coded(_WAYS), width=0.7),
        Column("person", N_("Person's id"), personal=True),
        Column("name", N_("Name"), personal=True, width=2),
        Column("company", N_("Company"), width=1.5),
        Column("badge", N_("Badge"), personal=True),
        Column("reason", N_("Reason"), _reason, width=2),
        Column("rule", N_("What decided"), width=1.5),
    )


def _reason(cell: Any) -> str:
    return text.reason(str(cell))


DOORS_TABLE = Table(
    DOORS,
    worded("Accesses by door"),
    (
        Column("door", N_("Door"), width=2),
        Column("granted", N_("Let in")),
        Column("denied", N_("Refused")),
        Column("entered", N_("Somebody entered")),
        Column("nobody", N_("Nobody entered")),
    ),
)
REASONS_TABLE = Table(
    REASONS,
    worded("Refusals by reason"),
    (
        Column("reason", N_("Reason"), _reason, width=3),
        Column("count", N_("Refused")),
        Column("share", N_("Share"), cells.share),
    ),
)
