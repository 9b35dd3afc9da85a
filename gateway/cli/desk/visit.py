"""`garita visit ...`: visitors and vendors at the guard's desk.

The acts are here; the views are in visitors.py.
"""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.desk.second import second
from gateway.cli.desk.visitors import Company, Name, VisitId, app, public
from gateway.cli.keyed import Keyed
from gateway.config import Settings
from gateway.decide.model import Credential
from gateway.desk.act import local, moment
from gateway.desk.visits import badges, register
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import WORDS, Plan, Release, Visit
from gateway.locale import _

Host = Annotated[str, typer.Option("--host", help="Company contact: whom they visit.")]
Until = Annotated[str, typer.Option("--until", help="End: 17:00, or 2026-11-25T17:00.")]
Purpose = Annotated[str, typer.Option("--purpose", help="What for.")]
Kind = Annotated[str, typer.Option("--kind", help="visitor, vendor or service.")]
NoEscort = Annotated[bool, typer.Option("--no-escort", help="May walk alone.")]


@app.command()
def expect(
    ctx: Context,
    name: Name,
    host: Host,
    until: Until,
    since: Annotated[str, typer.Option("--from", help="Begin (now).")] = "",
    company: Company = "",
    purpose: Purpose = "",
    kind: Kind = "visitor",
    no_escort: NoEscort = False,
    json: common.JsonOption = False,
) -> None:
    """Announce a visit."""
    settings = ctx.settings
    plan = _plan(settings, name, host, since, until, company, purpose, kind, no_escort)
    with desk.opened(settings) as db:
        visit = register.expect(
            db, plan, visit_policy(settings), by=common.operator(settings), now=desk.now()
        )
    _done(settings, visit, json, _("visit {id}: expected").format(id=visit.id))


@app.command()
def arrive(
    ctx: Context,
    visit: VisitId,
    id_kind: desk.IdKind = "",
    id_number: desk.IdNumber = False,
    supervisor: desk.Supervisor = "",
    reason: desk.Reason = "",
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """Somebody announced is here; you have looked at their photo ID."""
    settings = ctx.settings
    document = desk.looked_at(settings, id_kind, number=id_number)
    let_in = _release(ctx, supervisor, reason, f"visit.arrived {visit}")
    with desk.opened(settings) as db:
        done = register.arrive(
            db,
            visit,
            document,
            visit_policy(settings),
            by=common.operator(settings),
            now=desk.now(),
            release=let_in,
            version=version,
        )
    _arrived(settings, done, json)


@app.command("walk-in")
def walk_in(
    ctx: Context,
    name: Name,
    host: Host,
    until: Until,
    company: Company = "",
    purpose: Purpose = "",
    kind: Kind = "visitor",
    no_escort: NoEscort = False,
    id_kind: desk.IdKind = "",
    id_number: desk.IdNumber = False,
    supervisor: desk.Supervisor = "",
    reason: desk.Reason = "",
    json: common.JsonOption = False,
) -> None:
    """Somebody whom nobody announced is here."""
    settings = ctx.settings
    plan = _plan(settings, name, host, "", until, company, purpose, kind, no_escort)
    document = desk.looked_at(settings, id_kind, number=id_number)
    let_in = _release(ctx, supervisor, reason, "visit.arrived")
    with desk.opened(settings) as db:
        done = register.walk_in(
            db,
            plan,
            document,
            visit_policy(settings),
            by=common.operator(settings),
            now=desk.now(),
            release=let_in,
        )
    _arrived(settings, done, json)


@app.command()
def contact(
    ctx: Context,
    visit: VisitId,
    escort: Annotated[str, typer.Option(help="Id of who comes for the visitor.")] = "",
    json: common.JsonOption = False,
) -> None:
    """The host was told."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        done = register.contact_host(
            db,
            visit,
            by=common.operator(settings),
            now=desk.now(),
            escort=escort,
            criteria=settings.criteria,
        )
    _done(settings, done, json, _("{host} was told").format(host=done.host))


@app.command()
def badge(
    ctx: Context,
    visit: VisitId,
    credential: Annotated[str, typer.Argument(help="format:facility:number of the badge.")],
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """Hand out a temporary badge."""
    settings = ctx.settings
    try:
        card = Credential.parse(credential)
    except ValueError as error:
        common.fail(str(error), common.USAGE)
    with desk.opened(settings) as db:
        done = badges.issue_badge(
            db,
            visit,
            card,
            visit_policy(settings),
            key=Keyed(settings),
            by=common.operator(settings),
            now=desk.now(),
            version=version,
        )
    _done(settings, done, json, _("badge {badge} is good").format(badge=done.badge))


@app.command("return")
def return_(
    ctx: Context,
    visit: VisitId,
    json: common.JsonOption = False,
) -> None:
    """The badge is back."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        done = badges.return_badge(
            db, visit, by=common.operator(settings), now=desk.now(), criteria=settings.criteria
        )
    _done(settings, done, json, _("badge {badge} is back").format(badge=done.badge))


@app.command()
def extend(
    ctx: Context,
    visit: VisitId,
    until: Until,
    json: common.JsonOption = False,
) -> None:
    """It takes longer, or less long."""
    settings = ctx.settings
    with desk.saying(settings):
        end = moment(until, settings.site.zone, desk.now())
    with desk.opened(settings) as db:
        done = register.extend(
            db, visit, end, visit_policy(settings), by=common.operator(settings), now=desk.now()
        )
    shown = local(done.expected_until, settings.site.zone)
    _done(settings, done, json, _("until {shown}").format(shown=shown))


@app.command()
def depart(
    ctx: Context,
    visit: VisitId,
    badge_returned: Annotated[bool, typer.Option(help="They gave the badge back.")] = False,
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """They left; their badge opens nothing any more."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        done = register.depart(
            db,
            visit,
            by=common.operator(settings),
            now=desk.now(),
            criteria=settings.criteria,
            badge_returned=badge_returned,
            version=version,
        )
    _done(settings, done, json, _("visit {id}: departed").format(id=done.id))
    if done.badge_out and not json:
        desk.say(
            _("! badge {badge} did not come back (garita visit return {id})").format(
                badge=done.badge, id=done.id
            )
        )


@app.command()
def cancel(
    ctx: Context,
    visit: VisitId,
    reason: desk.Reason,
    json: common.JsonOption = False,
) -> None:
    """A visit that was announced does not take place."""
    _cancel(ctx, visit, reason, json, refused=False)


@app.command()
def refuse(
    ctx: Context,
    visit: VisitId,
    reason: desk.Reason,
    json: common.JsonOption = False,
) -> None:
    """Send somebody away at the gate."""
    _cancel(ctx, visit, reason, json, refused=True)


def _cancel(
    ctx: Context,
    visit: int,
    reason: str,
    json: bool,
    *,
    refused: bool,
) -> None:
    settings = ctx.settings
    with desk.opened(settings) as db:
        done = register.cancel(
            db,
            visit,
            by=common.operator(settings),
            reason=reason,
            refused=refused,
            criteria=settings.criteria,
        )
    state = WORDS[done.state].say()
    _done(settings, done, json, _("visit {id}: {state}").format(id=done.id, state=state))


def _release(ctx: Context, supervisor: str, reason: str, act: str) -> Release | None:
    """The word of the second person, proven; None if the options name none."""
    return Release(second(ctx, supervisor, act), reason) if supervisor else None


def _plan(
    settings: Settings,
    name: str,
    host: str,
    since: str,
    until: str,
    company: str,
    purpose: str,
    kind: str,
    no_escort: bool,
) -> Plan:
    now, zone = desk.now(), settings.site.zone
    with desk.saying(settings):
        begin = moment(since, zone, now) if since else now
        end = moment(until, zone, now)
    return Plan(name, host, begin, end, company, kind, purpose, not no_escort)


def _arrived(settings: Settings, visit: Visit, json: bool) -> None:
    line = _("visit {id}: {name} is in; tell {host} (garita visit contact)")
    _done(settings, visit, json, line.format(id=visit.id, name=visit.name, host=visit.host))


def _done(settings: Settings, visit: Visit, json: bool, line: str) -> None:
    if json:
        common.print_json(public(visit))
    else:
        desk.say(line)
