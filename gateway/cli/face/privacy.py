"""`garita face consent`, `forget`, `purge`, `keys`, `picture`: what is kept of faces, and its end.

Each act and its event are one transaction in people.db.
"""

from __future__ import annotations

import base64
import errno
import os
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common, personnel
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.keyed import KeyedActs
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.marks import Marks
from gateway.locale import GaritaError, _, ngettext, system
from gateway.people import faces
from gateway.state.clock import Clock
from gateway.state.health import synchronised
from gateway.vault.files import write_whole
from gateway.wording import words

NOTE_LIMIT = 200
PersonOption = Annotated[str, typer.Argument(help="The person's id; not with --list.")]


def attach(app: typer.Typer) -> None:
    """Put these commands on `garita face`."""
    for command in (consent, forget, purge, keys, picture):
        app.command(command.__name__)(command)


def today(settings: Settings) -> date:
    """The site's day."""
    return datetime.now(settings.site.zone).date()


def consent(
    ctx: Context,
    person: PersonOption = "",
    given: Annotated[str, typer.Option("--date", help="The day it was given, 2026-11-25.")] = "",
    until: Annotated[str, typer.Option(help="The last day the face may be used.")] = "",
    note: Annotated[
        str, typer.Option(callback=common.typed, help="Where the signed paper is.")
    ] = "",
    list_: Annotated[bool, typer.Option("--list", help="Whose consent ends soon.")] = False,
    days: Annotated[int, typer.Option(help="How soon, with --list.", min=0, max=3650)] = 30,
    json: common.JsonOption = False,
) -> None:
    """Write down that a person agreed to the face match, and until when; or list what ends."""
    settings = ctx.settings
    if list_ == bool(person):
        common.fail(_("give ID and --date, or --list"), common.USAGE)
    if list_:
        _ending(settings, days, json)
        return
    first, last = _day("--date", given), _day("--until", until) if until else None
    if first > today(settings):
        common.fail(_("--date: not in the future"), common.USAGE)
    if last is not None and last < first:
        common.fail(_("--until comes after --date"), common.USAGE)
    if len(note) > NOTE_LIMIT:
        common.fail(
            _("--note: at most {note_limit} characters").format(note_limit=NOTE_LIMIT), common.USAGE
        )
    db = personnel.open_list(settings)
    by = common.operator(settings)
    if not faces.set_consent(db, person, given_at=first, until=last, note=note, by=by):
        common.fail(
            _("nobody on the list has the id {person}").format(person=person), common.REFUSED
        )
    db.close()
    common.nudge(settings)
    if json:
        common.print_json({"person": person, "given_at": first, "until": last})
    else:
        said = (
            _("{person}: agreed on {first}, until {last}")
            if last
            else _("{person}: agreed on {first}, without an end")
        )
        shown = {"first": words.day(first), "last": words.day(last) if last else ""}
        common.out.print(said.format(person=person, **shown), markup=False)


def forget(
    ctx: Context,
    person: personnel.PersonArgument,
    reason: common.ReasonOption,
    json: common.JsonOption = False,
) -> None:
    """Destroy a person's face templates, key and consent; they stay on the list."""
    settings = ctx.settings
    db = personnel.open_list(settings)
    lost = faces.forget(db, person, why=reason, by=common.operator(settings))
    db.close()
    if lost is None:
        common.fail(
            _("nothing is kept of the face of {person}").format(person=person), common.REFUSED
        )
    common.nudge(settings)
    if json:
        common.print_json({"person": person, "templates": lost})
    else:
        common.out.print(
            _("{person}: {lost} template(s), key and consent destroyed").format(
                person=person, lost=lost
            ),
            markup=False,
        )
        common.out.print(_("backups of people.db made before still hold them: docs/privacy.md"))


def purge(
    ctx: Context,
    day: Annotated[
        str, typer.Option("--today", help="Say what day it is, while the clock is in doubt.")
    ] = "",
    json: common.JsonOption = False,
) -> None:
    """Destroy the faces whose last day is past; the running gateway does so by itself."""
    settings = ctx.settings
    shown = today(settings)
    if day and _day("--today", day) != shown:
        common.fail(
            _("--today: the clock shows {day}; set it first").format(day=shown), common.REFUSED
        )
    if not day and not _clock_is_sure(settings):
        common.fail(
            _(
                "the clock is in doubt, and what is destroyed can't be brought back. If today is "
                "{day}, say so: garita face purge --today {day}"
            ).format(day=shown),
            common.REFUSED,
        )
    db = personnel.open_list(settings)
    gone = faces.purge(db, shown, by=common.operator(settings))
    db.close()
    if gone:
        common.nudge(settings)
    if json:
        common.print_json({"purged": gone})
    else:
        said = ngettext("{n} person", "{n} people", len(gone))
        common.out.print(f"{said.format(n=len(gone))}: {' '.join(gone)}".rstrip(": "), markup=False)


def _clock_is_sure(settings: Settings) -> bool:
    """What the running gateway says of the clock; if none runs, what the log and the kernel say."""
    try:
        return bool(control.ask(settings.socket_path, "status")["clock_sure"])
    except control.ControlError:
        pass
    try:
        with closing(LedgerReader(settings.ledger_path)) as reader:
            marks = reader.marks()
    except LedgerUnavailable:
        marks = Marks()
    clock = Clock(
        marks.newest,
        settings.tables.site.clock_back_tolerance_s,
        sure=marks.proven,
        synchronised=synchronised,
    )
    return clock.sure or clock.word() is not None


def keys(ctx: Context, json: common.JsonOption = False) -> None:
    """Who has a face key, and whether it opens; takes over templates from before the keys."""
    settings = ctx.settings
    rows: list[dict[str, Any]] = _by_key(settings, "keys")["keys"]
    if json:
        common.print_json(rows)
    else:
        table = Table(_("person"), _("key"), _("made"), _("opens"), box=None)
        for row in rows:
            table.add_row(
                row["person"],
                row["key_id"],
                row["created_at"],
                (_("yes") if row["opens"] else _("NO")),
            )
        common.out.print(table)
    if not all(row["opens"] for row in rows):
        raise typer.Exit(common.CHECK_FAILED)


def picture(
    ctx: Context,
    seq: Annotated[int, typer.Argument(help="The event's number in the log.", min=1)],
    out: Annotated[Path, typer.Option("--out", help="The JPEG to write; a new file.")],
) -> None:
    """Take the sealed picture of one event out.  Who did it goes into the log first."""
    settings = ctx.settings
    if out.exists():
        common.fail(f"{out}: {system(os.strerror(errno.EEXIST))}", common.REFUSED)
    jpeg = base64.b64decode(_by_key(settings, "picture", seq=seq)["jpeg"])
    try:
        write_whole(out, jpeg, mode=0o600, replace=False)
    except OSError as error:
        common.fail(f"{out}: {system(error.strerror)}", common.REFUSED)
    common.nudge(settings)
    common.out.print(_("{out}: written; that you did is in the log").format(out=out), markup=False)


def _by_key(settings: Settings, act: str, **params: Any) -> dict[str, Any]:
    """An act of gateway/daemon/errand.py: done by the running gateway, or else here; ends the
    command with a sentence if neither can."""
    try:
        return control.ask(
            settings.socket_path, "errand", timeout_s=control.LONGEST_S, act=act, **params
        )
    except control.Unreachable:
        pass
    except control.Refused as refusal:
        common.fail(str(refusal), common.REFUSED)
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)
    try:
        return KeyedActs(settings, common.operator(settings), here=True).do(act, **params)
    except control.Refused as refusal:
        common.fail(str(refusal), common.REFUSED)
    except (GaritaError, sqlite3.Error) as error:
        common.fail(str(error), common.UNREACHABLE)


def _ending(settings: Settings, days: int, json: bool) -> None:
    db = personnel.open_list(settings)
    last = (today(settings) + timedelta(days=days)).isoformat()
    found = db.execute(
        "SELECT person_id, given_at, until, note FROM face_consent WHERE until <= ? "
        "ORDER BY until, person_id",
        (last,),
    ).fetchall()
    db.close()
    rows = [dict(zip(("person", "given_at", "until", "note"), row, strict=True)) for row in found]
    if json:
        common.print_json(rows)
        return
    table = Table(_("person"), _("agreed"), _("until"), _("note"), box=None)
    for row in rows:
        table.add_row(*(escape(str(value or "")) for value in row.values()))
    common.out.print(
        table if rows else _("nobody's consent ends within {days} days").format(days=days)
    )


def _day(option: str, given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        common.fail(
            _("{option}: expected a day such as 2026-11-25").format(option=option), common.USAGE
        )
