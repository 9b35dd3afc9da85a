"""`garita people pin`: give a cardholder a PIN, or take it away.

The PIN is typed twice and not shown, read from stdin in a pipe, or made here; it is never an
argument, which the list of processes and the shell's history would show.
"""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, Any

import typer

from gateway.cli import common, personnel
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.decide.model import PinOutcome
from gateway.locale import _
from gateway.people import Roster, RosterUnavailable, SealedPin
from gateway.people.pins import Pins, check_new
from gateway.people.sync import apply as sync
from gateway.vault.sitekey import KeyFileError, SiteKey

GENERATED_DIGITS = 6


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
    try:
        pins = Pins(SiteKey.load(settings.tables.site.key_file))
    except KeyFileError as error:
        common.fail(str(error), common.UNREACHABLE)
    taken = stored if duress else None
    if generate:
        new = _generated(pins, person, taken)
    else:
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
        if _is_taken(pins, person, new, taken):
            common.fail(_("the duress PIN must not be the PIN itself"), common.REFUSED)
    db = personnel.open_list(settings)
    try:
        hashed = pins.hash(person, new)
        done = sync.set_pin(db, person, hashed=hashed, duress=duress, by=common.operator(settings))
    except sync.SyncError as error:
        common.fail(str(error), common.REFUSED)
    if not done:
        common.fail(
            _("{person} was changed in the meantime; try again").format(person=person),
            common.REFUSED,
        )
    db.close()
    lost = not duress and stored is not None and stored.duress_hash is not None
    # Said before anything else can fail: a generated PIN is in force, and nowhere else to read.
    _report(person, new if generate else "", duress=duress, lost=lost, json=json)
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


def _generated(pins: Pins, person: str, taken: SealedPin | None) -> str:
    while True:
        new = f"{secrets.randbelow(10**GENERATED_DIGITS):0{GENERATED_DIGITS}d}"
        try:
            check_new(new)
        except ValueError:
            continue
        if not _is_taken(pins, person, new, taken):
            return new


def _is_taken(pins: Pins, person: str, new: str, taken: SealedPin | None) -> bool:
    """Whether a new duress PIN is the PIN; the duress PIN before it may come again."""
    if taken is None:
        return False
    return pins.verify(person, new, SealedPin(taken.hash)) is not PinOutcome.WRONG


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
