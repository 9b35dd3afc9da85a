"""`garita patterns ...`: what is worth a look, why, and what people made of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli import common, logexport
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.desk import findings
from gateway.desk.findings import Known
from gateway.locale import _, ngettext
from gateway.wording import words

app = App()

Id = Annotated[str, typer.Argument(help="The finding, as `garita patterns list` shows it.")]
Note = Annotated[
    str, typer.Option("--note", callback=common.typed, help="What you saw; it goes into the log.")
]
Why = Annotated[
    str,
    typer.Option("--note", callback=common.typed, help="Why, or what was done; it is needed."),
]
_LAST = timedelta(days=120)


@app.command()
def look(ctx: Context) -> None:
    """Take in the days of the log that are new, and show what is worth a look."""
    # NumPy and the detectors are loaded here alone.
    from gateway.patterns import book, run  # noqa: PLC0415
    from gateway.patterns.engine import Engine  # noqa: PLC0415
    from gateway.patterns.state import PatternsUnavailable  # noqa: PLC0415

    settings = ctx.settings
    zone, budget = settings.site.zone, settings.tables.patterns.budget
    today = datetime.now(UTC).astimezone(zone).date()
    try:
        with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
            engine = Engine(zone, budget, settings.patterns_path)
            if engine.damage is not None:
                common.say(engine.damage.detail)
                findings.put_damage(db, engine.damage)
            engine.taught = book.taught(findings.known(db, ledger).values())
            first, last = int(engine.progress.get("seq", 0)), ledger.last_seq
            with common.progress() as bar:
                task = bar.add_task(_("reading the log"), total=max(0, last - first))
                done = run.look(
                    engine, ledger, zone, today, lambda seq: bar.update(task, completed=seq - first)
                )
            recent = today - timedelta(days=14)
            fresh = [book.as_record(one) for one in done.findings if one.day >= recent]
            made = findings.put_new(db, ledger, fresh, by=ctx.operator)
    except PatternsUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    common.say(
        _("{days} days and {records} records were taken in").format(
            days=done.days, records=done.records
        )
    )
    if done.unreadable:
        common.say(_("records of another form, passed over: {n}").format(n=done.unreadable))
    said = ngettext("{n} new finding", "{n} new findings", len(made))
    common.say(said.format(n=len(made)))


@app.command("list")
def list_(
    ctx: Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are dealt with.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Findings of the last 120 days that nobody has dealt with, the newest first."""
    found = list(reversed(_known(ctx).values()))
    if not every:
        found = [one for one in found if one.state in ("new", "looked_at")]
    if json:
        common.print_json([_public(one) for one in found])
        return
    table = desk.table(_("finding"), _("day"), _("bits"), _("what"), _("state"))
    for one in found:
        desk.add(table, one.id, one.day, round(one.bits), one.say(), _(findings.TITLES[one.state]))
    common.out.print(table)


@app.command()
def show(ctx: Context, finding: Id, json: common.JsonOption = False) -> None:
    """One finding: why, by which shares, which records, and what was made of it."""
    one = _known(ctx, ever=True).get(finding)
    if one is None:
        common.fail(_("there is no finding {id}").format(id=finding), common.REFUSED)
    if json:
        common.print_json(_public(one))
        return
    zone = ctx.settings.site.zone
    common.say(f"{one.id}  {one.day}  {one.say()}")
    for text, bits in one.shares:
        common.say(f"    {bits:5.1f}  {findings.said(text)}")
    common.say(_("    {bits} bits after what so many looks bring by chance").format(bits=one.bits))
    numbers = ", ".join(str(seq) for seq in one.records)
    common.say(_("    records: {numbers}").format(numbers=numbers))
    for step in one.steps:
        at, state = words.moment(step.at, zone), _(findings.TITLES[step.state])
        common.say(f"    {at}  {step.by_name}: {state}{f', {step.note}' if step.note else ''}")


@app.command()
def seen(ctx: Context, finding: Id, note: Note = "") -> None:
    """Say that you looked at a finding."""
    _move(ctx, finding, "looked_at", note)


@app.command()
def explain(ctx: Context, finding: Id, note: Why) -> None:
    """Say why a finding is in order; the patterns learn from it."""
    _move(ctx, finding, "explained", note)


@app.command()
def confirm(ctx: Context, finding: Id, note: Note = "") -> None:
    """Say that a finding is what it looks like."""
    _move(ctx, finding, "confirmed", note)


@app.command()
def act(ctx: Context, finding: Id, note: Why) -> None:
    """Say what was done about a finding."""
    _move(ctx, finding, "acted_upon", note)


@app.command()
def week(
    ctx: Context,
    of: Annotated[str, typer.Option("--of", help="A day of that week (this one).")] = "",
    json: common.JsonOption = False,
) -> None:
    """The weekly report: what was shown, and the record of the patterns themselves."""
    from gateway.patterns import book  # noqa: PLC0415

    day = desk.day(of, "--of") or datetime.now(UTC).astimezone(ctx.settings.site.zone).date()
    monday = day - timedelta(day.weekday())
    found = _known(ctx, ever=True).values()
    shown, before = book.of_week(found, monday), _until(found, monday + timedelta(6))
    tally = book.tally(before)
    if json:
        record = {
            "shown": tally.shown,
            "useful": tally.useful,
            "explained": tally.explained,
            "waiting": tally.waiting,
        }
        common.print_json(
            {"monday": str(monday), "findings": [_public(one) for one in shown], "record": record}
        )
        return
    common.say(_("week of {monday}").format(monday=monday))
    for one in shown:
        state = _(findings.TITLES[one.state])
        common.say(f"  {one.id}  {one.day}  {one.say()}: {state}")
    if not shown:
        common.say(_("  nothing was worth a look"))
    common.say(
        _(
            "of {shown} shown so far, {useful} were useful, {explained} were explained, "
            "{waiting} wait"
        ).format(
            shown=tally.shown,
            useful=tally.useful,
            explained=tally.explained,
            waiting=tally.waiting,
        )
    )


def _until(found: Iterable[Known], last: date) -> list[Known]:
    return [one for one in found if one.day <= last.isoformat()]


def _known(ctx: Context, *, ever: bool = False) -> dict[str, Known]:
    settings = ctx.settings
    since = "" if ever else (datetime.now(UTC) - _LAST).isoformat()
    with (
        desk.opened(settings, act=False) as db,
        logexport.reading(settings.ledger_path) as ledger,
    ):
        return findings.known(db, ledger, since=since)


def _move(ctx: Context, finding: str, state: str, note: str) -> None:
    settings = ctx.settings
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        one = findings.move(db, ledger, finding, state, by=ctx.operator, note=note)
    common.say(_("finding {id}: {state}").format(id=one.id, state=_(findings.TITLES[one.state])))


def _public(one: Known) -> dict[str, Any]:
    return {
        "finding": one.id,
        "detector": one.detector,
        "day": one.day,
        "bits": one.bits,
        "words": one.say(),
        "shares": [[findings.said(text), bits] for text, bits in one.shares],
        "about": dict(one.about),
        "records": list(one.records),
        "state": one.state,
        "steps": [
            {"state": step.state, "by": step.by, "at": step.at, "note": step.note}
            for step in one.steps
        ],
    }
