"""The second person of an act at the desk: who may be it, and the proof that it is them.

A supervisor at their own session needs no more proof.  At somebody else's session they choose their
name and type their PIN, or hold their badge to the desk's reader and type their PIN.  The gateway
verifies both, and each try is on record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.console.page import Page
from gateway.daemon.control import ControlError
from gateway.desk.errors import DeskError
from gateway.desk.second import SUPERVISOR, Second, choose, proven
from gateway.ledger.operator import Operator
from gateway.locale import _

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
    return judged(page, active(page), check)


def active(page: Page) -> list[Second]:
    """The supervisors of the site who are active on the list today.  Reads people.db."""
    today, found = _today(page), []
    for item in page.site.operators.all():
        if SUPERVISOR not in item.roles:
            continue
        try:
            found.append(_chosen(page, item.person, today))
        except DeskError:
            continue  # not active on the list
    return found


def judged(page: Page, supervisors: Sequence[Second], check: Check) -> list[Candidate]:
    """`supervisors` for an act that `check` guards, those first who may do it."""
    found = [_candidate(page.operator, second, check) for second in supervisors]
    return sorted(found, key=lambda item: (bool(item.why_not), not item.own, item.name))


def _candidate(me: Operator, second: Second, check: Check) -> Candidate:
    why = ""
    try:
        check(second)
    except DeskError as error:
        why = error.say()
    return Candidate(second.person, second.name, second.person == me.person, why)


def _chosen(page: Page, named: str, today: date) -> Second:
    me = page.operator
    return choose("" if named == me.person else named, me, page.site.operators, today)


def _today(page: Page) -> date:
    return datetime.now(page.zone).date()


def names(found: list[Candidate]) -> str:
    """The names of those who may; words for nobody."""
    may = [item.name for item in found if not item.why_not]
    return ", ".join(may) or _("none of the supervisors of this site: call another one")


async def second(page: Page, act: str) -> Second:
    """The second person whom the form names, proven: in `badge` by a badge that the desk's reader
    read, else in `second`.

    `act` says in the log what it is for.  Raises DeskError for anybody who may not be one here, and
    if the PIN is not right.
    """
    if token := page.field("badge"):
        return await _by_badge(page, token, act)
    named = page.field("second")
    if not named:
        raise DeskError("missing", "choose who does this")
    chosen = await page.run(_chosen, page, named, _today(page))
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


async def _by_badge(page: Page, token: str, act: str) -> Second:
    """Whoever held the badge of `token` to the desk's reader and typed their PIN."""
    if not page.field("pin"):
        raise DeskError("missing", "whose badge it is types their PIN here")
    try:
        answer = await page.ask("desk_proof", token=token, pin=page.field("pin"), act=act)
    except ControlError as error:
        raise DeskError("unreachable", str(error)) from error
    person, name = str(answer.get("person", "")), str(answer.get("name", ""))
    if str(answer["outcome"]) not in ("correct", "duress"):
        # The person is not known yet for sure: say what was wrong with the proof.
        return proven(Second("", person, name, "badge"), str(answer["outcome"]), "")
    chosen = await page.run(_chosen, page, person, _today(page))
    return replace(chosen, proof="badge", confirmed=str(answer["id"]))


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the desk's reader said.  `after` is where to go on, `left` how often to ask again,
    `token` and `name` the badge of a person, `wrong` why a badge does not count here."""

    after: int = 0
    left: int = 0
    token: str = ""
    name: str = ""
    wrong: str = ""


TRIES = 20
WAIT_S = 2.0


async def badge(page: Page) -> Waiting:
    """Wait for a badge at the desk's reader for a moment.  The page asks again, `TRIES` times."""
    after, left = page.query("after"), page.query("left")
    try:
        if not after.isdecimal():
            answer = await page.ask("desk_read")
            return Waiting(int(answer["next"]), TRIES)
        answer = await page.ask("desk_read", after=int(after), wait_s=WAIT_S)
    except ControlError as error:
        return Waiting(wrong=str(error))
    found, goes_on = answer["badge"], int(answer["next"])
    again = max(0, int(left) - 1) if left.isdecimal() else 0
    if found is None:
        return Waiting(goes_on, min(again, TRIES))
    if found["kind"] != "person" or not found["login"]:
        return Waiting(goes_on, min(again, TRIES), wrong=_("this is not a supervisor's badge"))
    return Waiting(goes_on, 0, str(found["token"]), str(found["name"]))
