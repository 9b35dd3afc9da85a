"""The tables of business partners."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.desk.partners import WORDS
from gateway.evidence.model import Column, Table
from gateway.evidence.trucks import in_words
from gateway.locale import N_, Message, in_context, worded

STANDINGS: Mapping[str, Message] = {code: Message(told) for code, told in WORDS.items()}
STATUSES: Mapping[str, Message] = {
    "active": in_context("partner", "active"),
    "suspended": in_context("partner", "suspended"),
}
TABLE = Table(
    "partners",
    worded("Business partners"),
    (
        Column("name", N_("Company"), width=2),
        Column("kind", N_("Kind"), width=0.8),
        Column("programme", N_("Programme"), width=0.8),
        Column("number", N_("SVI or certificate")),
        Column("questionnaire", N_("Questionnaire of")),
        Column("valid_until", N_("Good until")),
        Column("standing", N_("At the end of the span"), in_words(STANDINGS), 2),
        Column("set_at", N_("Entered at"), width=1.2),
        Column("by", N_("Entered by"), personal=True),
    ),
)
CHANGES = Table(
    "partner_changes",
    worded("Changes in the register of partners"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("name", N_("Company"), width=2),
        Column("programme", N_("Programme"), width=0.8),
        Column("valid_until", N_("Good until")),
        Column("status", N_("Status"), in_words(STATUSES)),
        Column("note", N_("Note"), width=2),
        Column("by", N_("By"), personal=True, width=1.2),
    ),
)
CARRIERS = Table(
    "carriers",
    worded("Carriers whose trucks came"),
    (
        Column("name", N_("Carrier"), width=2),
        Column("trucks", N_("Trucks"), width=0.6),
        Column("cleared", N_("Cleared on that day"), width=0.8),
        Column("standing", N_("Otherwise"), in_words(STANDINGS), 2),
    ),
)
