"""`garita people pull`, `sources`, `confirm`: lists that come by themselves."""

from __future__ import annotations

import os
import sqlite3
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.people import show
from gateway.cli.people import sync as lists
from gateway.cli.personnel import open_list
from gateway.config import Settings, SourceTable
from gateway.daemon.control import ControlError
from gateway.daemon.keyed import ask_gateway
from gateway.locale import _, system
from gateway.people.sources import Asked, Pulled, SourceError
from gateway.people.sources import pull as puller
from gateway.people.sync import apply as sync
from gateway.people.sync import review
from gateway.wording import words

MQTT = "mqtt"  # the source that a broker's bundles come from


def sources_of(settings: Settings) -> dict[str, SourceTable]:
    """The sources by name; bundles that come over MQTT are one too."""
    found = dict(settings.tables.sync.sources)
    bundles = settings.tables.sync.bundles
    if bundles is not None and bundles.mqtt:
        found[MQTT] = SourceTable(kind="bundle", path=settings.bundle_path)
    return found


def pull(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="The source, as the configuration names it.")],
    apply: lists.ApplyOption = False,
    confirm: lists.ConfirmOption = "",
    scheduled: Annotated[bool, typer.Option("--scheduled", hidden=True)] = False,
    json: common.JsonOption = False,
) -> None:
    """Fetch a list from a source and show what it would change; with --apply, put it in force.

    A list that trips is put aside for `garita people confirm`.  Exit code 5: there is no list.
    """
    if scheduled:
        os.nice(10)  # doors come first
    settings = ctx.settings
    sources = sources_of(settings)
    if name not in sources:
        common.fail(_("there is no [sync.sources.{name}]").format(name=name), common.REFUSED)
    bundles = settings.tables.sync.bundles
    trusted = tuple(bundles.trusted) if bundles else ()
    asked = Asked(
        levels=settings.site.access_levels,
        gateway=settings.site.gateway,
        zone=settings.site.zone,
        trusted=trusted,
    )
    db = open_list(settings)
    try:
        found = puller.pull(db, name, sources, asked)
    except SourceError as error:
        common.nudge(settings)
        common.fail(f"{name}: {error}", common.UNREACHABLE)
    if found.source is None:
        puller.good(db, name, found)
        common.nudge(settings)
        _unchanged(name, json)
        return
    plan = review.looked_at(settings, db, sync.plan(db, found.source))
    version = plan.base
    waits = apply and bool({item.name for item in plan.tripped} - lists.confirmed(confirm))
    if waits:
        note = _("the list is put aside: garita people confirm {name} shows it").format(name=name)
        try:
            puller.put_aside(db, settings.pending_path, name, found, plan)
        except PermissionError:
            note = _("the list is not put aside: the gateway's account alone does that")
        common.err.print(note, markup=False, soft_wrap=True)
        common.nudge(settings)
    if apply:
        if not (plan.empty and plan.base):
            by = f"schedule ({name})" if scheduled else common.operator(settings)
            version = lists.put_in_force(
                settings, db, plan, lists.confirmed(confirm), by=by, json=json
            )
        _forget(settings, db, name)
        puller.good(db, name, found)
        common.nudge(settings)
    tried = None if apply else lists.rehearsed(settings, db, plan)
    db.close()
    show.show_plan(plan, version, apply, json, [], tried, settings)


def _forget(settings: Settings, db: sqlite3.Connection, name: str, *, dropped_by: str = "") -> None:
    """`puller.forget`; the running gateway removes the file for an account that may not."""
    try:
        puller.forget(db, settings.pending_path, name, dropped_by=dropped_by)
    except PermissionError as error:
        try:
            ask_gateway(settings, system(error.strerror), "forget", source=name)
        except ControlError as stays:  # the next pull that is put aside or in force ends it
            note = _("note: the file of the list that waited is still there: {why}")
            common.err.print(note.format(why=stays), markup=False, soft_wrap=True)


def _unchanged(name: str, json: bool) -> None:
    if json:
        common.print_json({"applied": False, "unchanged": True})
    else:
        common.out.print(
            _("{name}: nothing has changed since the last time").format(name=name), markup=False
        )


def sources(ctx: Context, json: common.JsonOption = False) -> None:
    """The sources: when they were last pulled, which fail and why, which lists wait."""
    settings = ctx.settings
    db = open_list(settings)
    found = [puller.state(db, name) for name in sources_of(settings)]
    if json:
        common.print_json([item.as_json() for item in found])
        return
    table = Table(_("source"), _("last pulled"), _("last good"), "", box=None)
    zone = settings.site.zone
    for item in found:
        note = (
            _("[yellow]waits: {names}[/yellow]").format(names=escape(item.waiting))
            if item.waiting
            else ""
        )
        if item.failing_since:
            note = _("[red]since {since}: {reason}[/red]").format(
                since=words.moment(item.failing_since, zone), reason=escape(item.reason)
            )
        pulled, good = (
            words.moment(at, zone) if at else _("never") for at in (item.pulled_at, item.good_at)
        )
        table.add_row(item.name, pulled, good, note)
    common.out.print(table)


def confirm(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="The source whose list waits.")],
    names: Annotated[
        str, typer.Argument(help="The tripwires that you let pass, parted by commas.")
    ] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Throw the list away.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Show a list that was pulled and waits; naming all its tripwires puts it in force."""
    settings = ctx.settings
    db = open_list(settings)
    # The state first: a file may be left of a list that was overtaken (a process that was killed
    # between forgetting a list and deleting its file), and that list must not come back.
    if not puller.state(db, name).waiting:
        common.fail(_("no list of {name} waits to be confirmed").format(name=name), common.REFUSED)
    try:
        held = puller.waiting(
            settings.pending_path, name, settings.site.access_levels, settings.site.zone
        )
    except SourceError as error:
        if not drop:
            common.fail(str(error), common.REFUSED)
    if drop:
        _forget(settings, db, name, dropped_by=common.operator(settings))
        common.nudge(settings)
        common.out.print(
            _("{name}: the list that waited was dropped").format(name=name), markup=False
        )
        return
    # Looked at again: the list in force may have changed since, and who is inside.
    plan = review.looked_at(settings, db, sync.plan(db, held.source))
    version = plan.base
    if names:
        agreed = lists.confirmed(names)
        if not plan.empty:
            version = lists.put_in_force(settings, db, plan, agreed, json=json)
        _forget(settings, db, name)
        puller.good(db, name, Pulled(held.source, held.etag))
        common.nudge(settings)
    tried = None if names else lists.rehearsed(settings, db, plan)
    db.close()
    show.show_plan(plan, version, bool(names), json, [], tried, settings)
