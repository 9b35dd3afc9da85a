"""`garita log redact`: a person's data leave the archived log, and its proofs stay good."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Annotated, Any

import typer

from gateway.cli import common, logexport
from gateway.cli.context import Context
from gateway.cli.logarchive import archive_all
from gateway.config import Settings
from gateway.ledger import LedgerReader, LedgerUnavailable, redact
from gateway.ledger.archives import Archives, is_pruned
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import _, system
from gateway.people import RosterUnavailable
from gateway.people.schema import open_admin, put_event

MAY = frozenset({"administrator"})
_WAITS_S = 60.0


def redact_person(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="The person's id, as in the records.")],
    name: Annotated[
        list[str] | None, typer.Option(help="Another name of theirs in records; may be repeated.")
    ] = None,
    reason: common.ReasonOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Take a person's data out of all archived events, for good; what is left stays provable."""
    settings = ctx.settings
    if not reason:
        common.fail(_("say why: --reason"), common.USAGE)
    by = common.operator(settings)
    if settings.tables.operators and not by.roles & MAY:
        common.fail(
            _("only an administrator of [operators] may take data out of the log"), common.REFUSED
        )
    archive_all(settings)
    with logexport.reading(settings.ledger_path) as ledger:
        _redact(settings, ledger, person, frozenset(name or ()), reason=reason, by=by, yes=yes)


def _redact(
    settings: Settings,
    ledger: LedgerReader,
    person_id: str,
    names: frozenset[str],
    *,
    reason: str,
    by: Operator,
    yes: bool,
) -> None:
    try:
        with closing(Archives(settings.ledger_path)) as archives:
            with closing(sqlite3.connect(settings.ledger_path, timeout=5)) as db:
                archives.refresh(db)
                if not _comes(lambda: is_pruned(db)):
                    common.fail(
                        _("archived events are still in ledger.db: try again in a minute"),
                        common.REFUSED,
                    )
            who = redact.Person(person_id, names | redact.names_of(archives, person_id))
            made = redact.plan(archives, who, f"redact-{uuid.uuid4()}")
            if not made.count:
                common.fail(
                    _("no archived event names {person}").format(person=person_id), common.REFUSED
                )
            common.say(
                _("{count} events name {person}, also as: {names}").format(
                    count=made.count, person=person_id, names=", ".join(sorted(who.names)) or "-"
                )
            )
            asked = _("What they say of this person can't be brought back. Go on?")
            if not yes and not common.confirm(asked):
                common.fail(_("nothing was changed"), common.REFUSED)
            _put_on_record(settings, made, reason=reason, by=by)
            count = redact.carry_out(archives, made)
    except (LedgerUnavailable, RosterUnavailable, sqlite3.Error) as error:
        common.fail(str(error), common.UNREACHABLE)
    except OSError as error:
        said = _("{path}: {error}; run it again as the gateway's account, or root")
        common.fail(said.format(path=error.filename, error=system(error.strerror)), common.REFUSED)
    common.say(_("the data are gone from {count} events").format(count=count))
    newer = [e.seq for e in ledger.after(archives.last, 100_000) if redact.mentions(e.data, who)]
    if newer:
        said = _("{count} newer events still name them: archive and redact again later")
        common.say(said.format(count=len(newer)))
    common.say(_("copies, exports, backups and headquarters are not reached: docs/privacy.md"))


def _put_on_record(settings: Settings, made: redact.Plan, *, reason: str, by: Operator) -> None:
    """Have the act recorded, as `common.nudge` does it: nothing is redacted that is not on record.

    Raises RosterUnavailable and sqlite3.Error.
    """
    about = {"act": made.act, "by": by, "reason": reason, "count": made.count}
    acts: list[Mapping[str, Any]] = [{**about, "records": part} for part in made.told()]
    with closing(open_admin(settings.people_path)) as db:
        with db:
            db.execute("BEGIN IMMEDIATE")
            subject = settings.site.gateway
            ids = {put_event(db, EventType.LEDGER_REDACTED, subject, data) for data in acts}
        common.nudge(settings)
        if not _comes(lambda: not ids & {key for (key,) in db.execute("SELECT id FROM outbox")}):
            common.fail(
                _("the gateway does not record it; nothing was redacted"), common.UNREACHABLE
            )


def _comes(true: Callable[[], bool]) -> bool:
    """Wait for it; False if it does not come."""
    until = time.monotonic() + _WAITS_S
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
