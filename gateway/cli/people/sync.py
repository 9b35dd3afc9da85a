"""`garita people sync` and what belongs to it: a list as one operation, looked at before it
counts, told afterwards, and undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.keyed import Keyed
from gateway.cli.people.show import show_errors, show_plan, show_tripped
from gateway.cli.personnel import open_list
from gateway.config import Settings
from gateway.daemon.control import ControlError
from gateway.ledger import LedgerUnavailable
from gateway.locale import _
from gateway.people.cardnumbers import impossible
from gateway.people.sync import apply as sync
from gateway.people.sync import file as source
from gateway.people.sync import history, review, tripwires
from gateway.people.sync import profile as profiles
from gateway.people.sync.profile import Profile, ProfileError
from gateway.people.sync.rehearsal import Rehearsal
from gateway.vault.sitekey import KeyFileError
from gateway.wording import lists as said
from gateway.wording import words

ConfirmOption = Annotated[
    str, typer.Option("--confirm", help="Tripwires that you let pass, by name, parted by commas.")
]
ProfileOption = Annotated[
    str,
    typer.Option("--profile", help="How to read it: a name or file made by `garita people map`."),
]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Put the list in force.")]


def sync_(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="The list: CSV, Excel (.xlsx) or JSON.")],
    apply: ApplyOption = False,
    delta: Annotated[
        bool, typer.Option("--delta", help="The file holds changes only (column op).")
    ] = False,
    profile: ProfileOption = "",
    confirm: ConfirmOption = "",
    allow_empty: Annotated[
        bool, typer.Option(help="Accept a list without people: the same as --confirm empty.")
    ] = False,
    rehearsal: Annotated[
        bool, typer.Option(help="Try the list on the badges of the past days.")
    ] = True,
    days: Annotated[
        int, typer.Option("--days", min=0, help="So many past days; 0: as configured.")
    ] = 0,
    json: common.JsonOption = False,
) -> None:
    """Show what a list would change and whom it would newly refuse or let in; with --apply, put
    it in force, whole or not at all."""
    settings = ctx.settings
    names = confirmed(confirm) | ({"empty"} if allow_empty else set())
    with common.progress() as bars:
        reading = bars.add_task(_("reading"), total=None)
        found = source.read_people(
            file,
            levels=settings.site.access_levels,
            zone=settings.site.zone,
            progress=lambda count: bars.update(reading, completed=count),
            delta=delta,
            profile=profile_of(ctx, profile),
        )
        if found.errors:
            show_errors(file.name, found.errors, json)
        db = open_list(settings)
        bars.update(reading, description="comparing")
        plan = review.looked_at(settings, db, sync.plan(db, found))
        if plan.errors:
            show_errors(file.name, plan.errors, json)
        version = plan.base
        if apply and not (plan.empty and plan.base):
            writing = bars.add_task(_("applying"), total=len(plan.added))
            version = put_in_force(
                settings,
                db,
                plan,
                names,
                json=json,
                progress=lambda count: bars.update(writing, completed=count),
            )
        tried = None
        if rehearsal and not apply:
            bars.update(reading, description="rehearsing", completed=0)
            tried = rehearsed(
                settings, db, plan, days, lambda count: bars.update(reading, completed=count)
            )
    notes = impossible(
        (person.id, badge) for person in found.people for badge in person.credentials
    )
    if version == plan.base:
        notes += tripwires.warnings(db, plan, datetime.now(UTC))
    db.close()
    if version != plan.base:
        common.nudge(settings)
    show_plan(plan, version, apply, json, notes, tried, settings)


def rollback(
    ctx: Context,
    version: Annotated[
        int | None, typer.Argument(help="The version to go back to; without: the one before.")
    ] = None,
    apply: ApplyOption = False,
    confirm: ConfirmOption = "",
    json: common.JsonOption = False,
) -> None:
    """Show what going back to an earlier list would change; with --apply, do it.

    The old content becomes a new version: nothing that happened is rewritten.  Revocations made
    here stay.
    """
    settings = ctx.settings
    db = open_list(settings)
    try:
        to = version or sync.version(db) - 1
        plan = review.looked_at(settings, db, history.rollback(db, to, settings.site.access_levels))
    except history.HistoryError as error:
        common.fail(str(error), common.REFUSED)
    if plan.errors:
        show_errors(plan.source, plan.errors, json)
    number = plan.base
    if apply and not plan.empty:
        number = put_in_force(settings, db, plan, confirmed(confirm), json=json)
    tried = None if apply else rehearsed(settings, db, plan)
    db.close()
    if number != plan.base:
        common.nudge(settings)
    show_plan(plan, number, apply, json, [], tried, settings)


def versions(ctx: Context, json: common.JsonOption = False) -> None:
    """Every list that was applied: when, by whom, from what, how much it changed."""
    with open_list(ctx.settings) as connection:
        rows = history.versions(connection)
    if json:
        common.print_json(rows)
        return
    table = Table(
        _("version"),
        _("applied"),
        _("by"),
        _("kind"),
        _("from"),
        "+",
        "~",
        "-",
        _("total"),
        "",
        box=None,
    )
    zone = ctx.settings.site.zone
    for row in rows:
        kind = said.kind(row["kind"], row["to_version"])
        note = (
            _("confirmed: {names}").format(names=", ".join(row["confirmed"]))
            if row["confirmed"]
            else ""
        )
        cells = (words.moment(row["applied_at"], zone), row["by"] or "", kind, row["source"] or "")
        counts = (str(row[name]) for name in ("added", "changed", "removed", "total"))
        note = note if row["kept"] else _("changes no longer kept")
        table.add_row(str(row["number"]), *map(escape, cells), *counts, note)
    common.out.print(table)


def history_(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="The person's id; without: everybody.")] = "",
    reveal: Annotated[bool, typer.Option(help="Show badge numbers in full.")] = False,
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """Who was changed by which list, from what to what, and who applied it."""
    with open_list(ctx.settings) as connection:
        most = common.most(limit, json)
        found = history.changes(connection, person=person, limit=most, reveal=reveal)
    if json:
        common.print_json([asdict(change) for change in found])
        return
    zone = ctx.settings.site.zone
    for change in found:
        head = _("{at}  version {version}  {by}  {source}").format(
            at=words.moment(change.at, zone),
            version=change.version,
            by=change.by,
            source=change.source,
        )
        common.out.print(
            f"{head}\n  {change.person} {said.op(change.op)}", markup=False, soft_wrap=True
        )
        for name in change.fields:
            before, after = (said.cell(side, name) for side in (change.before, change.after))
            common.out.print(
                f"    {words.word(name)}: {before} -> {after}", markup=False, soft_wrap=True
            )
    if len(found) == most:
        common.out.print(_("(the newest {limit}; --limit 0 shows all)").format(limit=most))


def profile_of(ctx: Context, name: str) -> Profile | None:
    """The import profile that an option names, or a sentence and exit code 1."""
    if not name:
        return None
    try:
        path = profiles.path_of(name, ctx.settings.profile_folders)
        return profiles.load(path, ctx.settings.site.access_levels)
    except ProfileError as error:
        common.fail(str(error), common.REFUSED)


def confirmed(text: str) -> set[str]:
    """The names of tripwires in ``--confirm``, or a sentence and exit code 2."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := names - set(tripwires.NAMES):
        known = ", ".join(tripwires.NAMES)
        common.fail(
            _("no such tripwire: {unknown}; there are {known}").format(
                unknown=", ".join(sorted(unknown)), known=known
            ),
            2,
        )
    return names


def put_in_force(
    settings: Settings,
    db: sqlite3.Connection,
    plan: sync.Plan,
    names: set[str],
    *,
    by: str = "",
    json: bool = False,
    progress: Callable[[int], None] | None = None,
) -> int:
    """The new version's number; or what holds it back, and exit code 3."""
    waiting = [item for item in plan.tripped if item.name not in names]
    if waiting:
        show_tripped(waiting, json)
    try:
        return sync.apply(
            db,
            plan,
            by=by or common.operator(settings),
            confirmed=names,
            keep=review.kept(settings),
            progress=progress,
        )
    except sync.SyncError as error:
        common.fail(str(error), common.REFUSED)


def rehearsed(
    settings: Settings,
    db: sqlite3.Connection,
    plan: sync.Plan,
    days: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Rehearsal | str:
    """What the list would have done in the past; or why that can't be told."""
    try:
        return review.rehearsed(settings, db, plan, Keyed(settings), days, progress)
    except (ControlError, KeyFileError, LedgerUnavailable, OverflowError) as error:
        return _("not rehearsed: {error}").format(error=error)
