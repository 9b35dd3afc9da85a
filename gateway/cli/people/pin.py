"""`garita people pin`: give a cardholder a PIN, or take it away.

The PIN is typed twice and not shown, read from stdin in a pipe, or made here; it is never an
argument, which the list of processes and the shell's history would show.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gateway.cli import common, personnel
from gateway.cli.context import Context
from gateway.cli.keyed import Keyed
from gateway.config import Settings
from gateway.locale import _
from gateway.people import Roster, RosterUnavailable, SealedPin
from gateway.people.pins import check_new
from gateway.people.sync import apply as sync


def pin(
    ctx: Context,
    person: personnel.PersonArgument,
    duress: Annotated[
        bool, typer.Option("--duress", help="The one to type under threat: it raises an alarm.")
    ] = False,
    clear: Annotated[
        bool, typer.Option("--clear", help="Take the PIN away, and the duress PIN.")
    ] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make one at random, and show it once.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """Give a person a PIN (4 to 8 digits); it is asked for, or read from stdin in a pipe."""
    settings = ctx.settings
    if clear and (duress or generate):
        common.fail(_("--clear takes both PINs away and goes with no other option"), common.USAGE)
    stored = _stored(settings, person)
    if clear:
        _clear(settings, person, json)
        return
    if duress and stored is None:
        common.fail(
            _("{person} has no PIN yet; set that one first").format(person=person), common.REFUSED
        )
    keyed = Keyed(settings)
    new = None  # have one made
    if not generate:
        try:
            new = _asked(
                (_("duress PIN of {person}") if duress else _("PIN of {person}")).format(
                    person=person
                )
            )
            check_new(new)
        except UnicodeDecodeError:  # itself a ValueError, whose text is no help here
            common.fail(_("stdin: not UTF-8 text"), common.REFUSED)
        except ValueError as error:
            common.fail(str(error), common.REFUSED)
    done = keyed.do("pin", person=person, pin=new, duress=duress)
    # Said before anything else can fail: a generated PIN is in force, and nowhere else to read.
    _report(person, done["pin"], duress=duress, lost=done["lost"], json=json)
    common.nudge(settings)


def _stored(settings: Settings, person: str) -> SealedPin | None:
    """What the person has now; ends with exit code 1 if nobody has that id."""
    db = personnel.open_list(settings)
    known = db.execute("SELECT 1 FROM person WHERE id = ?", (person,)).fetchone()
    db.close()
    if not known:
        common.fail(
            _("nobody on the list has the id {person}").format(person=person), common.REFUSED
        )
    roster = Roster(settings.people_path)
    try:
        return roster.pin(person)
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        roster.close()


def _clear(settings: Settings, person: str, json: bool) -> None:
    db = personnel.open_list(settings)
    try:
        done = sync.clear_pin(db, person, by=common.operator(settings))
    except sync.SyncError as error:
        common.fail(str(error), common.REFUSED)
    if not done:
        common.fail(_("{person} has no PIN").format(person=person), common.REFUSED)
    db.close()
    common.nudge(settings)
    if json:
        common.print_json({"person": person, "act": "cleared"})
    else:
        common.out.print(_("{person}: PIN removed").format(person=person), markup=False)


def _asked(what: str) -> str:
    """The PIN from whoever sits here, typed twice and not shown, or a line from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    # On stderr, so that --json prints nothing but JSON on stdout.
    text: str = typer.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
    return text.strip()


def _report(person: str, shown: str, *, duress: bool, lost: bool, json: bool) -> None:
    if json:
        answer: dict[str, Any] = {
            "person": person,
            "act": "set",
            "duress": duress,
            "duress_cleared": lost,
        }
        common.print_json({**answer, "pin": shown} if shown else answer)
        return
    what = _("duress PIN") if duress else _("PIN")
    common.out.print(_("{person}: {what} set").format(person=person, what=what), markup=False)
    if shown:
        common.out.print(
            _("{what}: {shown}  (shown this once)").format(what=what, shown=shown), markup=False
        )
    if lost:
        common.out.print(
            _("the duress PIN before is gone; set it again with --duress"), markup=False
        )
