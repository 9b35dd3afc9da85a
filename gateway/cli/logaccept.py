"""`garita log accept`: differences between people.db and the log that somebody can explain."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Annotated

import typer

from gateway.cli import common, logexport
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import _
from gateway.people import RosterUnavailable, audit
from gateway.people.schema import open_admin, put_marks

MAY = frozenset({"administrator", "supervisor"})
_SHOWN = 50


def accept(
    ctx: Context,
    reason: common.ReasonOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Accept that people.db differs from the log, for a reason that goes on record."""
    settings = ctx.settings
    if not reason:
        common.fail(_("say why: --reason"), common.USAGE)
    by = common.operator(settings)
    if settings.tables.operators and not by.roles & MAY:
        common.fail(
            _("only an administrator or a supervisor of [operators] may accept differences"),
            common.REFUSED,
        )
    if not settings.people_path.exists():
        common.fail(_("there is no people.db; put one there first"), common.REFUSED)
    common.nudge(settings)
    try:
        with (
            logexport.reading(settings.ledger_path) as ledger,
            closing(open_admin(settings.people_path)) as db,
        ):
            _accept(settings, ledger, db, reason=reason, by=by, yes=yes)
    except (RosterUnavailable, sqlite3.Error, ValueError) as error:
        common.fail(str(error), common.UNREACHABLE)
    common.nudge(settings)


def _accept(
    settings: Settings,
    ledger: LedgerReader,
    db: sqlite3.Connection,
    *,
    reason: str,
    by: Operator,
    yes: bool,
) -> None:
    trail = audit.Trail()
    report = ledger.verify(look=trail.follow)
    if not report.ok:
        common.fail(
            _("the log itself is broken, which nobody can accept: see garita log verify"),
            common.CHECK_FAILED,
        )
    found = audit.compare(settings.people_path, trail)
    if not found:
        common.say(_("people.db and the log do not differ"))
        return
    for item in found[:_SHOWN]:
        common.say(audit.sentence(item))
    common.say_more(min(len(found), _SHOWN) if len(found) > _SHOWN else 0)
    if not yes and not common.confirm(_("Accept these {n} differences?").format(n=len(found))):
        common.fail(_("nothing was accepted"), common.REFUSED)
    seq = report.head_seq
    with db:
        db.execute("BEGIN IMMEDIATE")
        # From here on nothing leaves the outbox: what is not in it is in the log.
        while more := ledger.after(seq, 500):
            for event in more:
                trail.follow(event)
                seq = event.seq
        known = trail.with_waiting(db)
        now = audit.differences(db, known)
        if {(item.row, item.what) for item in now} != {(item.row, item.what) for item in found}:
            common.fail(_("something changed meanwhile; look again"), common.REFUSED)
        rows, first = audit.as_they_are(db, known, now)
        put_marks(
            db,
            EventType.TABLES_ACCEPTED,
            {"reason": reason, "by": by},
            rows,
            first,
            audit.told(now),
        )
    common.say(_("accepted: {n} differences are on record").format(n=len(now)))
