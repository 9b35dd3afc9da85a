"""The second person of an act on a truck: who may be it, and the proof that it is them.

A supervisor at their own session needs no more proof.  At somebody else's session they choose their
name and type their PIN, which the gateway verifies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.console.page import Page
from gateway.daemon.control import ControlError
from gateway.desk.errors import DeskError
from gateway.desk.second import SUPERVISOR, Second, choose, proven
from gateway.locale import _
from gateway.people.operators import Operators

Check = Callable[[Second], None]
"""Raises DeskError if that person took part and so may not do this."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A supervisor of this site.  `key` is the id on the list of people; `own` says that they use
    this session; `why_not` is why they may not do it, "" if they may."""

    key: str
    name: str
    own: bool
    why_not: str = ""


def candidates(page: Page, check: Check) -> list[Candidate]:
    """The supervisors of the site for an act that `check` guards, those first who may do it.
    Reads people.db: call it in a thread."""
    operators, me = page.site.operators, page.operator
    today = datetime.now(page.zone).date()
    found = [
        _candidate(operators, me.person, choose(item.person, me, operators, today), check)
        for item in operators
        if SUPERVISOR in item.roles and _active(operators, item.person, today)
    ]
    return sorted(found, key=lambda item: (bool(item.why_not), not item.own, item.name))


def _active(operators: Operators, person: str, today: object) -> bool:
    listed = operators.listed(person, today)  # type: ignore[arg-type]
    return listed is not None and listed.active


def _candidate(operators: Operators, me: str, second: Second, check: Check) -> Candidate:
    why = ""
    try:
        check(second)
    except DeskError as error:
        why = error.say()
    return Candidate(second.person, second.name, second.person == me, why)


async def second(page: Page, act: str) -> Second:
    """The second person whom the form names in `second`, proven.

    `act` says in the log what it is for.  Raises DeskError for anybody who may not be one here, and
    if the PIN is not right.
    """
    named = page.field("second")
    if not named:
        raise DeskError("missing", "choose who does this")
    today = datetime.now(UTC).astimezone(page.zone).date()
    chosen = await page.run(choose, named, page.operator, page.site.operators, today)
    if chosen.proof != "pin":
        return chosen
    pin = page.field("pin")
    if not pin:
        raise DeskError("missing", "{name} types their PIN here", name=chosen.name)
    try:
        answer = await page.ask("operator_pin", person=chosen.person, pin=pin, act=act)
    except ControlError as error:
        raise DeskError("unreachable", str(error)) from error
    return proven(chosen, str(answer["outcome"]), str(answer["id"]))


def names(found: list[Candidate]) -> str:
    """The names of those who may; words for nobody."""
    may = [item.name for item in found if not item.why_not]
    return ", ".join(may) or _("none of the supervisors of this site: call another one")
