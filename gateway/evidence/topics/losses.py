"""One loss of access, as its records tell it, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.evidence import cells
from gateway.evidence.model import Column, Personal, Place, Table
from gateway.evidence.taking import NOBODY
from gateway.locale import N_, worded
from gateway.wording import words
from gateway.wording.text import SHUT_OUT

TABLE = "revocations"
HERE = "revoked_here"


@dataclass(slots=True)
class Loss:
    """`inside`: it took effect in the span; `passed_before` and `passed_after` are the records of
    the passes between decision and effect, and after it."""

    person: str
    name: Personal
    how: tuple[str, ...]
    detail: str
    decided_at: str
    known_by: str
    effective_at: str
    seconds: float | None
    version: int | None
    by: Personal
    reason: str
    inside: bool
    record: int
    passed_before: list[int] = field(default_factory=list)
    passed_after: list[int] = field(default_factory=list)
    refused_after: int = 0
    refused_at: str = ""
    ended: str = ""

    @property
    def shut_out(self) -> bool:
        """Whether the whole person lost access, and not one of their badges."""
        return HERE in self.how or bool(SHUT_OUT.intersection(self.how))


def cells_of(loss: Loss) -> dict[str, object]:
    """Its row."""
    return {
        "person": loss.person,
        "name": loss.name or NOBODY,
        "how": ",".join(loss.how),
        "detail": loss.detail,
        "reason": loss.reason,
        "decided_at": loss.decided_at,
        "known_by": loss.known_by,
        "effective_at": loss.effective_at,
        "seconds": loss.seconds,
        "version": loss.version,
        "by": loss.by,
        "refused_at": loss.refused_at,
        "passed_after": len(loss.passed_after),
    }


def table_of(place: Place) -> Table:
    """A row for each loss in the span."""
    at = cells.at(place.span.zone)
    return Table(
        TABLE,
        worded("Access that ended, and when the gate denied"),
        (
            Column("person", N_("Person's id"), personal=True),
            Column("name", N_("Name"), personal=True, width=2),
            Column("how", N_("What ended"), _how, width=1.5),
            Column("detail", N_("Which"), personal=True, width=1.5),
            Column("reason", N_("Reason"), personal=True, width=1.5),
            Column("decided_at", N_("Decided"), at),
            Column("known_by", N_("Known by"), lambda cell: words.loss(str(cell))),
            Column("effective_at", N_("In force here"), at),
            Column("seconds", N_("Took"), cells.lasting),
            Column("version", N_("List"), cells.optional, width=0.5),
            Column("by", N_("By"), personal=True),
            Column("refused_at", N_("First refused after it"), at),
            Column("passed_after", N_("Passes after it"), width=0.6),
        ),
    )


def _how(cell: object) -> str:
    return ", ".join(words.loss(one) for one in str(cell).split(","))
