"""The tables of seals."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.desk.freight.seals import CLASSES
from gateway.evidence import cells
from gateway.evidence.model import Column, Table
from gateway.evidence.trucks import in_words
from gateway.locale import N_, Message, in_context, worded

STATES: Mapping[str, Message] = {
    "stock": in_context("seal", "in stock"),
    "issued": in_context("seal", "handed out"),
    "used": in_context("seal", "used"),
    "void": in_context("seal", "void"),
    "ok": in_context("seal", "in the inventory"),
    "unknown": in_context("seal", "not in the inventory"),
}
_CLASSES: Mapping[str, Message] = {key: Message(text) for key, text in CLASSES.items()}

AFFIXED = Table(
    "seals_affixed",
    worded("Seals that were put on"),
    (
        Column("seal", N_("Seal")),
        Column("class", N_("Class"), in_words(_CLASSES), 0.8),
        Column("truck", N_("Truck"), width=0.5),
        Column("unit", N_("Unit")),
        Column("at", N_("Put on at"), width=1.2),
        Column("by", N_("Put on by"), width=1.2, personal=True),
        Column("vvtt", N_("VVTT"), width=0.5),
        Column("stock", N_("Inventory"), in_words(STATES)),
        Column("replaced", N_("Replaced"), width=0.6),
    ),
)
SEEN = Table(
    "seals_seen",
    worded("Seals that trucks came with"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("truck", N_("Truck"), width=0.5),
        Column("seal", N_("Seal")),
        Column("intact", N_("Intact"), width=0.6),
        Column("vvtt", N_("VVTT"), width=0.5),
        Column("by", N_("By"), width=1.2, personal=True),
    ),
)
VOIDED = Table(
    "seals_voided",
    worded("Seals that became void"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("seal", N_("Seal")),
        Column("was", N_("Before"), in_words(STATES)),
        Column("reason", N_("Reason"), width=2),
        Column("truck", N_("Truck"), width=0.5),
        Column("by", N_("By"), width=1.2, personal=True),
    ),
)
BATCHES = Table(
    "seal_batches",
    worded("Batches of seals received"),
    (
        Column("batch", N_("Batch"), width=0.5),
        Column("at", N_("Received at"), width=1.2),
        Column("class", N_("Class"), in_words(_CLASSES), 0.8),
        Column("certificate", N_("Certificate")),
        Column("file", N_("SHA-256 of the certificate's file"), width=1.6),
        Column("supplier", N_("Supplier")),
        Column("count", N_("Seals"), width=0.6),
        Column("seals", N_("Numbers"), cells.listed, 1.6),
        Column("by", N_("By"), personal=True),
    ),
)
ISSUED = Table(
    "seals_issued",
    worded("Seals that were handed out"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("to", N_("Handed to"), width=1.2, personal=True),
        Column("count", N_("Seals"), width=0.6),
        Column("seals", N_("Numbers"), cells.listed, 2),
        Column("by", N_("By"), width=1.2, personal=True),
    ),
)
RECONCILED = Table(
    "reconciliations",
    worded("Reconciliations of seals"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("by", N_("By"), width=1.2, personal=True),
        Column("differences", N_("Differences"), width=0.6),
        Column("named", N_("Which"), cells.listed, 3),
    ),
)
STOCK = (VOIDED, BATCHES, ISSUED, RECONCILED)
