"""The second person at the desk: chosen by name, and proven by their account or their PIN.

The running gateway verifies a PIN: it has the site key, which guards may not read, and counts wrong
ones.  While it is stopped, only somebody who may read the key can have a PIN verified.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import Annotated

import typer

from gateway.cli import common, personnel
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.config import Settings
from gateway.daemon import control
from gateway.decide.model import PinOutcome
from gateway.desk.act import writing
from gateway.desk.second import Second, choose, looked, proven
from gateway.doors.pinpad import PinLimits
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.locale import _
from gateway.people.pins import Pins, outcome
from gateway.people.schema import put_event
from gateway.state.restore import wrong_pins
from gateway.vault.sitekey import KeyFileError, SiteKey

ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        help="The second person: operator, id or name on the list (you, if left out); asks for "
        "their PIN unless this is their own account.",
    ),
]
InspectorOption = Annotated[
    str, typer.Option("--inspector", help="Who looked: operator, id or name on the list (you).")
]


def second(ctx: Context, named: str, act: str) -> Second:
    """The second person whom `named` means, proven.  `act` says in the log what it is for.

    Ends the command if nobody may be meant, or if the PIN is not right.
    """
    settings = ctx.settings
    today = desk.now().astimezone(settings.site.zone).date()
    names = settings.tables.freight.supervisors
    with desk.saying(settings):
        chosen = choose(named, ctx.operator, ctx.operators, today, names)
        if chosen.proof == "pin":
            chosen = _by_pin(ctx, chosen, act)
    return chosen


def inspector(ctx: Context, named: str) -> tuple[str, str]:
    """(name, id on the list) of whoever inspected; ends the command for nobody of this site."""
    with desk.saying(ctx.settings):
        return looked(named, ctx.operator, ctx.operators)
    return "", ""


def _by_pin(ctx: Context, chosen: Second, act: str) -> Second:
    """Ask for the PIN and have it verified.  Raises DeskError."""
    typed = _asked(_("PIN of {person}").format(person=chosen.name))
    try:
        answer = control.ask(
            ctx.settings.socket_path,
            "operator_pin",
            timeout_s=control.LONGEST_S,
            person=chosen.person,
            pin=typed,
            act=act,
        )
        result, record = str(answer["outcome"]), str(answer["id"])
    except control.Unreachable:
        result, record = _verified_here(ctx, chosen, typed, act)
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)
    return proven(chosen, result, record)


def _asked(what: str) -> str:
    """A PIN that is typed and not shown, or a line from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    typed: str = typer.prompt(what, hide_input=True, err=True)
    return typed.strip()


def _verified_here(ctx: Context, chosen: Second, typed: str, act: str) -> tuple[str, str]:
    """Verify the PIN without the gateway; returns the outcome and the id of its record."""
    settings = ctx.settings
    try:
        pins = Pins(SiteKey.load(settings.tables.site.key_file))
    except KeyFileError:
        common.fail(
            _("a PIN is verified by the running gateway, and it is not running"),
            common.UNREACHABLE,
        )
    locked = _limits(settings).locked(chosen.person, time.monotonic())
    found = PinOutcome.WRONG
    if not locked:
        found = outcome(settings.people_path, pins, chosen.person, typed)
    good = not locked and found in (PinOutcome.CORRECT, PinOutcome.DURESS)
    kind = EventType.OPERATOR_PIN_ACCEPTED if good else EventType.OPERATOR_PIN_REFUSED
    result = "locked" if locked else found.value
    data = {"person": chosen.person, "name": chosen.name, "act": act, "by": ctx.operator}
    with closing(personnel.open_list(settings)) as db, writing(db):
        record = put_event(db, kind, chosen.person, {**data, "pin": "" if good else result})
        if found is PinOutcome.DURESS:
            put_event(db, EventType.ALARM_DURESS, chosen.person, data)
    common.nudge(settings)
    return result, record


def _limits(settings: Settings) -> PinLimits:
    """Wrong PINs of late, as the log has them."""
    table = settings.tables.pin
    limits = PinLimits(table.attempts, table.lock_s)
    try:
        with closing(LedgerReader(settings.ledger_path)) as reader:
            limits.remember(wrong_pins(reader, table.lock_s))
    except LedgerUnavailable:
        pass  # no log yet: nobody has typed a PIN
    return limits
