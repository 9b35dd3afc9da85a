"""`garita log archive`: the files into which old records went; and checking one by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerBusy, LedgerUnavailable, apart
from gateway.ledger.archiver import Wanted, next_archive
from gateway.ledger.archives import registered
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import _, ngettext, system
from gateway.proof.note import VerifierKey
from gateway.wording import words
from gateway.wording.details import detail

_LONGEST_S = 30.0


def archive(
    ctx: Context,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="Archive all records that are signed, whatever their age, and say so."
        ),
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """The files into which old records went."""
    settings = ctx.settings
    if now:
        archive_all(settings)
    try:
        held = registered(settings.ledger_path)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    if json:
        common.print_json(
            [
                {
                    "file": one.file,
                    "first": one.first,
                    "last": one.last,
                    "time": one.time,
                    "bytes": one.bytes,
                    "deleted": bool(one.deleted),
                }
                for one in held
            ]
        )
        return
    if not held:
        common.say(
            _("there are no archives: all events are in {path}").format(path=settings.ledger_path)
        )
        return
    table = Table(box=None)
    for name in (_("events"), _("up to"), "MB", _("file")):
        table.add_column(name)
    for one in held:
        table.add_row(
            f"{one.first} - {one.last}",
            words.moment(one.time, settings.site.zone, named=True),
            words.number(round(one.bytes / 1e6, 1)),
            _("deleted") if one.deleted else one.file,
        )
    common.out.print(table)


def verify(file: Path, keys: Sequence[VerifierKey] | None, json: bool) -> None:
    """One archive by itself; exit code 3 if anything is wrong with it."""
    try:
        with common.progress() as bars:
            bar = bars.add_task(_("verifying"), total=None)
            found = apart.check(file, keys or (), lambda seq: bars.update(bar, completed=seq))
    except OSError as error:
        common.fail(f"{file}: {system(error.strerror)}", common.UNREACHABLE)
    if json:
        problems = [{"seq": seq, "what": what} for seq, what in found.problems]
        common.print_json({"ok": not problems, **asdict(found), "problems": problems})
    else:
        for seq, what in found.problems:
            common.out.print(
                _("event {seq}: {what}").format(seq=seq, what=detail(what)), markup=False
            )
        said = _("events {first} to {last} of {origin}")
        origin = found.origin or "?"
        common.say(said.format(first=found.first, last=found.last, origin=origin))
        if found.redacted:
            said = ngettext(
                "{count} of them is redacted", "{count} of them are redacted", found.redacted
            )
            common.say(said.format(count=found.redacted))
        if found.signed:
            said = _("they are in the log as it was signed with {size} events")
            common.say(said.format(size=found.size))
        elif found.size:
            common.say(_("nothing shows who signed it: give the log's key (--key)"))
        else:
            common.say(_("nothing of it is signed"))
        good = _("[green]good[/green]") if not found.problems else _("[red]BROKEN[/red]")
        common.out.print(good)
    if found.problems:
        raise typer.Exit(common.CHECK_FAILED)


def archive_all(settings: Settings) -> None:
    """Archive all that can be signed: the gateway does it, or this process if it is stopped."""
    with contextlib.suppress(control.ControlError):
        control.ask(settings.socket_path, "checkpoint")
    while True:
        try:
            answer = control.ask(settings.socket_path, "archive", timeout_s=_LONGEST_S)
            if not answer["file"]:
                return
        except control.Unreachable:
            _archive_stopped(settings)
            return
        except control.ControlError as error:
            common.fail(str(error), common.REFUSED)


def _archive_stopped(settings: Settings) -> None:
    try:
        ledger = open_log(settings)
    except (LedgerBusy, LedgerUnavailable) as error:
        common.fail(str(error), common.REFUSED)
    try:
        while (made := next_archive(settings.ledger_path, Wanted(now=True))) is not None:
            asyncio.run(ledger.enter_archive(made))
            data = {"first": made.first, "last": made.last, "file": made.file, "bytes": made.bytes}
            ledger.append_sync(NewEvent(EventType.LEDGER_ARCHIVED, settings.site.gateway, data))
        asyncio.run(ledger.prune())
    except (LedgerUnavailable, OSError) as error:
        common.fail(str(error), common.REFUSED)
    finally:
        ledger.close()
