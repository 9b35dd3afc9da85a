"""`garita upgrade --undo` and `--restart-in-window`: the acts of an upgrade."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime

from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.ledger import Ledger, LedgerBusy, LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.locale import _
from gateway.upgrade import undo as back
from gateway.upgrade.databases import version_of
from gateway.upgrade.restart import MARK, Restart, RestartError, waits_for
from gateway.upgrade.trees import Trees
from gateway.vault.copies import CopyError
from gateway.wording import words


def undo(ctx: Context, yes: bool) -> int:
    """Go back to the older tables and, with the package, to the version before."""
    settings, trees = ctx.settings, Trees()
    _stopped(settings)
    if _takes_over(trees, ctx):
        common.say(
            _("version {version} reads the tables of now, so they stay as they are").format(
                version=trees.previous
            )
        )
        if not yes and not common.confirm(_("Go back?")):
            return common.REFUSED
        return _lead_back(trees)
    try:
        found = back.plan(settings.people_path)
        _foretell(settings, found)
        if not yes and not common.confirm(_("Go back?")):
            return common.REFUSED
        back.undo(settings.people_path, ctx.operator)
    except (CopyError, sqlite3.Error, OSError) as error:
        common.fail(str(error), common.REFUSED)
    common.say(_("people.db has schema {schema} again").format(schema=found.copy.schema))
    if trees.previous:
        return _lead_back(trees)
    common.say(_("now put the older program in place, and start it"))
    return common.OK


def _takes_over(trees: Trees, ctx: Context) -> bool:
    """Whether the version before, asked itself, can do with everything as it is now."""
    if not trees.previous:
        return False
    command = trees.command(trees.previous, "upgrade", "--check", "-c", str(ctx.config))
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _lead_back(trees: Trees) -> int:
    try:
        trees.back()
    except OSError as error:
        common.fail(str(error), common.UNREACHABLE)
    common.say(
        _("version {version} is in force; start it: systemctl start garita").format(
            version=trees.current
        )
    )
    return common.OK


def _stopped(settings: Settings) -> None:
    """Ends the command if a gateway runs: it would write into the tables that go."""
    try:
        Ledger.open(settings.ledger_path, gateway=settings.site.gateway).close()
    except LedgerBusy:
        common.fail(_("the gateway runs: systemctl stop garita first"), common.REFUSED)
    except LedgerUnavailable as error:
        common.err.print(str(error), markup=False, soft_wrap=True)


def _foretell(settings: Settings, found: back.Plan) -> None:
    """What comes along and what is lost, before anything is done."""
    at = words.moment(found.copy.at, settings.site.zone, named=True)
    common.say(
        _("people.db goes from schema {now} back to {then}; the copy is of {time}").format(
            now=found.now, then=found.copy.schema, time=at
        )
    )
    common.say(
        _("{count} rows come along: people, badges and revocations are those of now").format(
            count=words.number(found.kept)
        )
    )
    for table, count in found.lost.items():
        common.say(
            _("  lost: {count} rows of {table}, which the older version does not have").format(
                count=words.number(count), table=table
            )
        )
    common.say(_("The list of now is kept as a copy; the log is not touched."))


def restart(ctx: Context) -> int:
    """Restart if it is due and the moment is right."""
    settings, trees = ctx.settings, Trees()
    mark = settings.tables.site.run_dir / MARK
    if not mark.exists() and not trees.next:
        common.say(_("nothing waits for a restart"))
        return common.OK
    try:
        status = control.ask(settings.socket_path, "status")
    except control.ControlError:
        status = {}  # it does not serve: a restart takes nothing away
    if status:
        why = waits_for(settings, status, _quiet_s(settings), datetime.now(UTC))
        if why is not None:
            common.say(_("the restart waits: {why}").format(why=why))
            return common.OK

    before = _schema(settings)

    def put_back() -> None:
        if _schema(settings) > before > 0:
            back.undo(settings.people_path, settings.site.gateway, before)

    begun = time.monotonic()
    try:
        version = Restart(ctx.config, trees, put_back).restart()
    except (RestartError, subprocess.CalledProcessError, OSError) as error:
        common.fail(str(error), common.CHECK_FAILED)
    mark.unlink(missing_ok=True)  # systemd took it away with the run folder, if the gateway ran
    common.say(
        _("restarted in {seconds} s {version}").format(
            seconds=words.number(time.monotonic() - begun, 1), version=version
        )
    )
    return common.OK


def _schema(settings: Settings) -> int:
    """The schema version of the list; 0 if there is none."""
    try:
        return version_of(settings.people_path)
    except sqlite3.Error:
        return 0


def _quiet_s(settings: Settings) -> float:
    """Seconds since the newest badge; a long time if the log can't say."""
    kinds = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
    try:
        with closing(LedgerReader(settings.ledger_path)) as records:
            newest = next(records.back(*kinds, most=2000), None)
    except LedgerUnavailable:
        newest = None
    if newest is None:
        return 1e9
    return (datetime.now(UTC) - datetime.fromisoformat(newest.time)).total_seconds()
