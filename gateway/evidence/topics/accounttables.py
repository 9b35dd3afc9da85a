"""The tables of accounts: operators, what changed about them, and sign-ins."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.operators import ROLES
from gateway.evidence import cells
from gateway.evidence.model import Column, Place, Table
from gateway.ledger.event import EventType
from gateway.locale import N_, worded
from gateway.wording.text import CONSOLE

OPERATORS, CHANGES, SIGN_INS = "operators", "operator_changes", "sign_ins"
_WHAT: Mapping[str, str] = {
    EventType.OPERATOR_ADDED: N_("operator added"),
    EventType.OPERATOR_CHANGED: N_("operator changed"),
    EventType.OPERATOR_ENDED: N_("operator ended"),
    EventType.CONSOLE_ACCOUNT_CHANGED: N_("account changed"),
    EventType.CONSOLE_SESSION_ENDED: N_("session ended"),
    EventType.CONSOLE_SIGNED_IN: N_("signed in"),
    EventType.CONSOLE_SIGNED_OUT: N_("signed out"),
    EventType.CONSOLE_SIGN_IN_REFUSED: N_("sign-in refused"),
}


def all_of(place: Place) -> tuple[Table, Table, Table]:
    """Operators as they were at the end; changes of operators and accounts; sign-ins."""
    at, console = cells.at(place.span.zone), cells.coded(CONSOLE)
    name = Column("name", N_("Name to sign in with"), personal=True, width=1.5)
    by = Column("by", N_("By"), personal=True)
    what = Column("what", N_("What happened"), cells.coded(_WHAT), width=1.5)
    address = Column("address", N_("Address"), personal=True)
    roles = Column("roles", N_("Roles"), cells.each(ROLES), width=1.5)
    return (
        Table(
            OPERATORS,
            worded("Operators"),
            (
                name,
                Column("person", N_("Person's id"), personal=True),
                roles,
                Column("areas", N_("Areas"), cells.listed),
                Column("since", N_("As it is since"), at),
                by,
                Column("ended_at", N_("Ended"), at),
                Column("signed_in", N_("Sign-ins"), width=0.6),
                Column("last_at", N_("Last sign-in"), at),
            ),
        ),
        Table(
            CHANGES,
            worded("Changes of operators and accounts"),
            (
                Column("at", N_("Time"), at),
                name,
                what,
                roles,
                Column("detail", N_("Details"), console, width=1.5),
                by,
                address,
            ),
        ),
        Table(
            SIGN_INS,
            worded("Sign-ins at the console"),
            (
                Column("at", N_("Time"), at),
                name,
                what,
                Column("how", N_("How, or why not"), console, width=1.5),
                address,
                Column("device", N_("Device"), width=1.5),
            ),
        ),
    )
