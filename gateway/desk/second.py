"""The second person of an act: who it may be, and that it is somebody else.

A site with `[operators]` chooses from those with the role supervisor.  They act from their own
account, which the kernel names, or prove at the first person's terminal that they are there, by
their PIN.  At a site without operators only the account can tell two people apart: the second
person acts from another account, and a name that was typed is on record as typed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from gateway.desk.errors import DeskError
from gateway.desk.text import clean
from gateway.ledger.operator import Operator
from gateway.locale import N_
from gateway.locale.text import name_key
from gateway.people.operators import Operators

SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Second:
    """The second person of an act.

    `account` is "" for somebody without one, `person` "" at a site without operators.  `name` is
    the name on the list; at a site without operators the one that was typed, or the account.
    `proof` is ``account``, ``pin`` or ``badge`` (a badge and its PIN); `confirmed` is the id of the
    record that says that the PIN was right.
    """

    account: str
    person: str
    name: str
    proof: Literal["account", "pin", "badge"] = "account"
    confirmed: str = ""

    def record(self) -> dict[str, object]:
        """What a record holds of them, as its field `second`."""
        known = {"account": self.account, "person": self.person, "name": self.name}
        return {**known, "proof": self.proof, "confirmed": self.confirmed}


def choose(
    named: str, me: Operator, operators: Operators, today: date, names: Collection[str] = ()
) -> Second:
    """The second person whom `named` means; "" is the one who types.

    `me` is the operator who types.  If the answer's `proof` is ``pin``, the caller has that person
    prove it.  `names` are the names that a site without operators accepts (any if empty).  Raises
    DeskError for anybody who may not be a second person here.
    """
    text = clean(named, N_("supervisor"), most=120, needed=not operators and bool(names))
    if not operators:
        if names and name_key(text) not in {name_key(known) for known in names}:
            raise DeskError(
                "not_a_supervisor", "{number} is no supervisor of this site", number=text
            )
        return Second(str(me), "", text or str(me))
    found = operators.find(text) if text else me
    if found is None or SUPERVISOR not in found.roles:
        known = ", ".join(
            item.name or item.person for item in operators if SUPERVISOR in item.roles
        )
        raise DeskError(
            "not_a_supervisor",
            "{number} is no supervisor of this site; there are: {known}",
            number=text or me,
            known=known or "-",
        )
    listed = operators.listed(found.person, today)
    if listed is None or not listed.active:
        raise DeskError(
            "not_a_supervisor",
            "{number} is not active on the list of people today",
            number=found.name or found.person,
        )
    own = found.person == me.person
    return Second(str(found), found.person, listed.name, "account" if own else "pin")


def proven(chosen: Second, outcome: str, record: str) -> Second:
    """The second person after the gateway verified their PIN.

    `outcome` is its answer (correct, duress, wrong, locked, unavailable), `record` the id of the
    record that says so.  Raises DeskError unless the PIN was right.
    """
    if outcome == "locked":
        raise DeskError("pin_locked", "too many wrong PINs of {name}: wait", name=chosen.name)
    if outcome == "unavailable":
        raise DeskError(
            "no_pin",
            "{name} has no PIN that can be verified: act from their account, or give them one",
            name=chosen.name,
        )
    if outcome not in ("correct", "duress"):
        raise DeskError("wrong_pin", "this is not the PIN of {name}", name=chosen.name)
    return replace(chosen, confirmed=record)


def looked(named: str, me: Operator, operators: Operators) -> tuple[str, str]:
    """(name, id of the person) of whoever inspected; "" is the one who types.

    At a site with operators it is one of them; elsewhere any name.  Raises DeskError.
    """
    text = clean(named, N_("inspector"), most=120, needed=False)
    if not text:
        return me.name or str(me), me.person
    if not operators:
        return text, ""
    found = operators.find(text)
    if found is None:
        known = ", ".join(item.name or item.person for item in operators)
        raise DeskError(
            "no_operator",
            "{name} is no operator of this site; there are: {known}",
            name=text,
            known=known,
        )
    return found.name or found.person, found.person


def not_among(
    second: Second, accounts: Iterable[str], persons: Iterable[str], names: Iterable[str] = ()
) -> None:
    """Raise DeskError if the second person took part: by account, by person or by name."""
    took_part = set(accounts) - {""}
    if second.proof == "account" and second.account in took_part:
        raise DeskError(
            "same_person",
            "the account {account} took part; the second person does this from their own",
            account=second.account[:60],
        )
    same = second.account in took_part or (second.person and second.person in set(persons))
    if same or name_key(second.name) in {name_key(name) for name in names if name}:
        raise DeskError("same_person", "a second person must do this, not one who took part")
