"""`garita report ...`: standard reports, one at a time or those of the week."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.evidence.model import Span
from gateway.evidence.reports import REPORTS, NoRecords, files, make, week
from gateway.evidence.spool import Spool
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.locale import _, speaking, system
from gateway.people.schema import put_event

app = App()


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """The reports that there are."""
    if json:
        common.print_json({key: str(report.title) for key, report in REPORTS.items()})
        return
    for key, report in REPORTS.items():
        common.say(f"{key:14}{report.title}")


@app.command("make")
def make_(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="Its name, as `garita report list` has it.")],
    first: desk.FromDay = "",
    last: desk.ToDay = "",
    format: Annotated[str, typer.Option("--format", help="pdf or csv.")] = "pdf",
    lang: Annotated[str, typer.Option("--lang", help="en or es; left out: the site's.")] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for its files.")
    ] = Path(),
) -> None:
    """One report of some days, as PDF or CSV."""
    settings = ctx.settings
    if name not in REPORTS:
        known = ", ".join(REPORTS)
        said = _("there is no report {name}; there are: {known}").format(name=name, known=known)
        common.fail(said, common.USAGE)
    if format not in files.FORMS:
        common.fail(_("--format is pdf or csv"), common.USAGE)
    if lang not in ("", "en", "es"):
        common.fail(_("--lang is en or es"), common.USAGE)
    span = Span(*desk.days(settings, first, last), settings.site.zone)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="garita-report-") as work,
            closing(Spool(Path(work) / "rows.db")) as spool,
            common.progress() as bars,
        ):
            bar = bars.add_task(_("reading the log"), total=None)
            made = make(settings, [name], span, spool, lambda at: bars.update(bar, completed=at))
            with speaking(lang or settings.tables.site.language):
                written = files.write(settings, made[0], spool, format, output)
            rows = made[0].rows(spool)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    except NoRecords as error:
        common.fail(str(error), common.REFUSED)
    except OSError as error:
        common.fail(f"{error.filename or output}: {system(error.strerror)}", common.REFUSED)
    _record(ctx, name, span, rows)
    for path in written:
        common.say(str(path))


@app.command("week")
def week_(
    ctx: Context,
    first: Annotated[
        str, typer.Option("--from", help="The week's first day; left out: the last whole week.")
    ] = "",
) -> None:
    """Make the reports of the last week and send them, as [reports] says.

    Does nothing if they were sent: a timer may call it often.
    """
    settings = ctx.settings
    table = settings.tables.reports
    if not table.wanted:
        common.fail(
            _("[reports] names neither a folder nor a mail server: they would go nowhere"),
            common.REFUSED,
        )
    now = desk.now().astimezone(settings.site.zone)
    begins = desk.day(first, "--from")
    span = week.week_of(settings, begins) if begins else week.last_week(settings, now.date())
    try:
        sent = week.deliver(settings, span, now)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    except NoRecords as error:
        common.fail(str(error), common.REFUSED)
    except week.NotSent as error:
        common.fail(str(error), common.UNREACHABLE)
    except OSError as error:
        common.fail(f"{error.filename or ''}: {system(error.strerror)}", common.REFUSED)
    if sent is None:
        common.say(_("the reports of {first} were sent before").format(first=span.first))
        return
    _record(ctx, "week", span, sent.rows)
    if sent.folder:
        common.say(
            _("{count} file(s) in {folder}").format(count=len(sent.files), folder=table.folder)
        )
    if sent.mail and table.mail is not None:
        common.say(_("sent to {who}").format(who=", ".join(table.mail.to)))
    for name in sent.left_out:
        common.say(_("too large for mail: {name}").format(name=name))


def _record(ctx: Context, name: str, span: Span, rows: int) -> None:
    """A report names people, so taking one is on record like any other export."""
    data = {
        "format": "report",
        "asked": f"{name} {span.first} {span.last}",
        "n": rows,
        "seq": 0,
        "by": ctx.operator,
    }
    with desk.opened(ctx.settings) as db, db:
        put_event(db, EventType.RECORDS_EXPORTED, ctx.settings.site.gateway, data)
