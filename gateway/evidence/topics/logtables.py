"""The tables of the log and the gateway itself, and what its troubles are called."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.evidence import cells
from gateway.evidence.model import Column, Place, Table
from gateway.ledger.event import EventType
from gateway.locale import N_, worded

FORCE, TAKEN, TROUBLE = "in_force", "records_taken", "gateway_troubles"
TROUBLES: Mapping[str, tuple[str, str, str, str]] = {
    EventType.ALARM_LOG_LOST: (
        "log_lost", N_("records were lost; known by: {detail}"), "known_by", "",
    ),
    EventType.LEDGER_RECOVERED: (
        "log_recovered", N_("the log could not be written; events refused: {detail}"), "refused",
        N_("it is written again, and nobody passed without a record"),
    ),
    EventType.LEDGER_LATE: (
        "log_late", N_("records came too late to count: {detail}"), "seqs",
        N_("they count for nothing, and no door opened by them"),
    ),
    EventType.LEDGER_ARCHIVE_DELETED: (
        "archive_deleted", N_("old records were deleted: {detail}"), "file",
        N_("the site keeps records for so long"),
    ),
    EventType.COMMAND_REFUSED: (
        "command_refused", N_("a command was refused: {detail}"), "why", N_("the gate refused"),
    ),
    EventType.STATE_DAMAGED: (
        "state_damaged", N_("{subject} was damaged: {detail}"), "detail",
        N_("the gateway went on as it does without the file"),
    ),
    EventType.GATEWAY_TASK_FAILED: (
        "gateway_task_failed", N_("{subject} failed: {detail}"), "detail", N_("it started again"),
    ),
    EventType.LEDGER_KEY_CHANGED: (
        "log_key_changed", N_("the log has a new key"), "", N_("both keys signed the change"),
    ),
}  # fmt: skip
"""By type of record: the rule, its sentence, the key of the detail, and how it was handled."""
_WHAT: Mapping[str, str] = {
    EventType.ALARM_LOG_LOST: N_("records lost"),
    EventType.LEDGER_RECOVERED: N_("log written again"),
    EventType.LEDGER_LATE: N_("records too late"),
    EventType.LEDGER_ARCHIVE_DELETED: N_("archive deleted"),
    EventType.COMMAND_REFUSED: N_("command refused"),
    EventType.STATE_DAMAGED: N_("file damaged"),
    EventType.GATEWAY_TASK_FAILED: N_("part failed"),
    EventType.LEDGER_KEY_CHANGED: N_("log's key changed"),
    EventType.RECORDS_EXPORTED: N_("records exported"),
    EventType.RECORDS_VERIFIED: N_("log verified"),
    EventType.EVIDENCE_MADE: N_("packet made"),
    EventType.LEDGER_REDACTED: N_("records redacted"),
}
_FORCE: Mapping[str, str] = {
    "policy_version": N_("policy"),
    "list_version": N_("list of people"),
    "version": N_("program"),
}


def all_of(place: Place) -> tuple[Table, Table, Table]:
    """What was in force; who took records along or checked them; troubles of the gateway."""
    at = cells.at(place.span.zone)
    what = Column("what", N_("What happened"), cells.coded(_WHAT), width=1.5)
    by = Column("by", N_("By"), personal=True)
    return (
        Table(
            FORCE,
            worded("What was in force, and since when"),
            (
                Column("what", N_("What"), cells.coded(_FORCE)),
                Column("value", N_("Version"), width=1.5),
                Column("since", N_("In force since"), at),
                Column("until", N_("In force until"), at),
                by,
                Column("keys", N_("Changed keys"), width=2),
            ),
        ),
        Table(
            TAKEN,
            worded("Records taken along, verified or redacted"),
            (
                Column("at", N_("Time"), at),
                by,
                what,
                Column("count", N_("Number"), cells.optional, width=0.7),
                Column("result", N_("Result")),
                Column("detail", N_("Details"), personal=True, width=2),
            ),
        ),
        Table(
            TROUBLE,
            worded("Troubles of the gateway"),
            (
                Column("at", N_("Time"), at),
                what,
                Column("subject", N_("About what"), width=1.2),
                Column("detail", N_("Details"), width=2.5),
                by,
                Column("count", N_("Number"), width=0.6),
            ),
        ),
    )
