"""`garita visit ...`: visitors and vendors at the guard's desk.

Thin: options in, one function of gateway/desk/visits/register.py, its answer out.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.desk import common as desk
from gateway.config import Settings
from gateway.decide.model import Credential
from gateway.desk.act import local, moment
from gateway.desk.visits import badges, records, register, regulars, visitlog
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import STATES, WORDS, Plan, Release, Visit
from gateway.locale import _

app = App()
regular_app = App(help="Known regular visitors.")
app.add_typer(regular_app, name="regular")

VisitId = Annotated[int, typer.Argument(help="The visit's number.")]
Name = Annotated[str, typer.Argument(help="The visitor's name, as on the ID.")]
Host = Annotated[str, typer.Option("--host", help="Company contact: whom they visit.")]
Until = Annotated[str, typer.Option("--until", help="End: 17:00, or 2026-11-25T17:00.")]
Company = Annotated[str, typer.Option("--company", help="Where they come from.")]
Purpose = Annotated[str, typer.Option("--purpose", help="What for.")]
Kind = Annotated[str, typer.Option("--kind", help="visitor, vendor or service.")]
NoEscort = Annotated[bool, typer.Option("--no-escort", help="May walk alone.")]
CONFIG = common.DEFAULT_CONFIG


@app.command()
def expect(
    name: Name,
    host: Host,
    until: Until,
    since: Annotated[str, typer.Option("--from", help="Begin (now).")] = "",
    company: Company = "",
    purpose: Purpose = "",
    kind: Kind = "visitor",
    no_escort: NoEscort = False,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Announce a visit."""
    settings = common.settings(config)
    plan = _plan(settings, name, host, since, until, company, purpose, kind, no_escort)
    with desk.opened(settings) as db:
        visit = register.expect(
            db, plan, visit_policy(settings), by=common.operator(), now=desk.now()
        )
    _done(settings, visit, json, _("visit {id}: expected").format(id=visit.id))


@app.command()
def arrive(
    visit: VisitId,
    id_kind: desk.IdKind = "",
    id_number: desk.IdNumber = False,
    supervisor: desk.Supervisor = "",
    reason: desk.Reason = "",
    version: desk.Version = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Somebody announced is here; you have looked at their photo ID."""
    settings = common.settings(config)
    document = desk.looked_at(settings, id_kind, number=id_number)
    with desk.opened(settings) as db:
        done = register.arrive(
            db,
            visit,
            document,
            visit_policy(settings),
            by=common.operator(),
            now=desk.now(),
            release=Release(supervisor, reason) if supervisor else None,
            version=version,
        )
    _arrived(settings, done, json)


@app.command("walk-in")
def walk_in(
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
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Somebody whom nobody announced is here."""
    settings = common.settings(config)
    plan = _plan(settings, name, host, "", until, company, purpose, kind, no_escort)
    document = desk.looked_at(settings, id_kind, number=id_number)
    with desk.opened(settings) as db:
        done = register.walk_in(
            db,
            plan,
            document,
            visit_policy(settings),
            by=common.operator(),
            now=desk.now(),
            release=Release(supervisor, reason) if supervisor else None,
        )
    _arrived(settings, done, json)


@app.command()
def contact(
    visit: VisitId,
    escort: Annotated[str, typer.Option(help="Id of who comes for the visitor.")] = "",
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """The host was told."""
    settings = common.settings(config)
    with desk.opened(settings) as db:
        done = register.contact_host(
            db,
            visit,
            by=common.operator(),
            now=desk.now(),
            escort=escort,
            criteria=settings.criteria,
        )
    _done(settings, done, json, _("{host} was told").format(host=done.host))


@app.command()
def badge(
    visit: VisitId,
    credential: Annotated[str, typer.Argument(help="format:facility:number of the badge.")],
    version: desk.Version = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Hand out a temporary badge."""
    settings = common.settings(config)
    try:
        card = Credential.parse(credential)
    except ValueError as error:
        common.fail(str(error), common.USAGE)
    key = desk.site_key(settings)
    with desk.opened(settings) as db:
        done = badges.issue_badge(
            db,
            visit,
            card,
            visit_policy(settings),
            key=key,
            by=common.operator(),
            now=desk.now(),
            version=version,
        )
    _done(settings, done, json, _("badge {badge} is good").format(badge=done.badge))


@app.command("return")
def return_(
    visit: VisitId, config: common.ConfigOption = CONFIG, json: common.JsonOption = False
) -> None:
    """The badge is back."""
    settings = common.settings(config)
    with desk.opened(settings) as db:
        done = badges.return_badge(
            db, visit, by=common.operator(), now=desk.now(), criteria=settings.criteria
        )
    _done(settings, done, json, _("badge {badge} is back").format(badge=done.badge))


@app.command()
def extend(
    visit: VisitId,
    until: Until,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """It takes longer, or less long."""
    settings = common.settings(config)
    with desk.saying(settings):
        end = moment(until, settings.site.zone, desk.now())
    with desk.opened(settings) as db:
        done = register.extend(
            db, visit, end, visit_policy(settings), by=common.operator(), now=desk.now()
        )
    shown = local(done.expected_until, settings.site.zone)
    _done(settings, done, json, _("until {shown}").format(shown=shown))


@app.command()
def depart(
    visit: VisitId,
    badge_returned: Annotated[bool, typer.Option(help="They gave the badge back.")] = False,
    version: desk.Version = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """They left; their badge opens nothing any more."""
    settings = common.settings(config)
    with desk.opened(settings) as db:
        done = register.depart(
            db,
            visit,
            by=common.operator(),
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
    visit: VisitId,
    reason: desk.Reason,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A visit that was announced does not take place."""
    _cancel(visit, reason, config, json, refused=False)


@app.command()
def refuse(
    visit: VisitId,
    reason: desk.Reason,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Send somebody away at the gate."""
    _cancel(visit, reason, config, json, refused=True)


@app.command("list")
def list_(
    config: common.ConfigOption = CONFIG,
    state: Annotated[str, typer.Option(help="expected, on_site, departed, ...")] = "",
    search: Annotated[str, typer.Option(help="Part of a name, company or host.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Should have left.")] = False,
    badges_out: Annotated[bool, typer.Option("--badges-out", help="Badges not back.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
    json: common.JsonOption = False,
) -> None:
    """Visits expected and on site, or those of a state."""
    settings = common.settings(config)
    if state and state not in STATES:
        common.fail(f"--state: one of {', '.join(STATES)}", common.USAGE)
    with desk.opened(settings, act=False) as db:
        if overdue:
            found = records.overdue(db, desk.now())
        elif badges_out:
            found = records.badges_out(db)
        else:
            states = (state,) if state else ("expected", "on_site")
            found = records.find(db, states=states, search=search, limit=limit)
    if json:
        common.print_json([_public(visit) for visit in found])
        return
    rows = desk.table(
        _("no."),
        _("name"),
        _("company"),
        _("host"),
        _("expected"),
        _("state"),
        _("badge"),
        "",
    )
    for visit in found:
        zone = settings.site.zone
        span = f"{local(visit.expected_from, zone)} – {local(visit.expected_until, zone, '%H:%M')}"
        late = _("OVERDUE") if visit.overdue(desk.now()) else ""
        out = visit.badge if visit.badge_out else ""
        words = _(WORDS[visit.state])
        desk.add(rows, visit.id, visit.name, visit.company, visit.host, span, words, out, late)
    common.out.print(rows)


@app.command()
def show(
    visit: VisitId, config: common.ConfigOption = CONFIG, json: common.JsonOption = False
) -> None:
    """Everything that is known of one visit."""
    settings = common.settings(config)
    with desk.opened(settings, act=False) as db:
        found = records.get(db, visit)
    if json:
        common.print_json(_public(found))
        return
    rows = desk.table("", "")
    rows.show_header = False
    for key, value in _public(found).items():
        if value in (None, ""):
            continue
        text = local(str(value), settings.site.zone) if _is_time(key) else value
        desk.add(rows, key.replace("_", " "), text)
    common.out.print(rows)


@app.command()
def log(
    config: common.ConfigOption = CONFIG,
    first: desk.FromDay = "",
    last: desk.ToDay = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """The visitor log with the fields of CTPAT 10.2, by day of arrival."""
    settings = common.settings(config)
    policy = visit_policy(settings)
    begin, end = desk.days(settings, first, last)
    with desk.opened(settings, act=False) as db:
        visits = records.arrived_between(db, begin, end, policy)
    rows = visitlog.rows(visits, policy.zone, policy.id_kinds)
    if json:
        common.print_json(rows)
    elif csv:
        visitlog.write_csv(rows, sys.stdout)
    else:
        shown = desk.table(*map(_, visitlog.HEADS))
        for row in rows:
            desk.add(shown, *row.values())
        common.out.print(shown)


@regular_app.command("add")
def regular_add(
    name: Name,
    company: Company = "",
    config: common.ConfigOption = CONFIG,
) -> None:
    """Call somebody a known regular visitor; they are logged in and out all the same."""
    _regular(name, company, config, regular=True)


@regular_app.command("remove")
def regular_remove(
    name: Name,
    company: Company = "",
    config: common.ConfigOption = CONFIG,
) -> None:
    """No longer."""
    _regular(name, company, config, regular=False)


@regular_app.command("list")
def regular_list(config: common.ConfigOption = CONFIG, json: common.JsonOption = False) -> None:
    """Known regular visitors."""
    settings = common.settings(config)
    with desk.opened(settings, act=False) as db:
        found = regulars.regulars(db)
    if json:
        common.print_json(found)
        return
    rows = desk.table(_("name"), _("company"), _("since"))
    for item in found:
        since = local(item["added_at"], settings.site.zone, "%Y-%m-%d")
        desk.add(rows, item["name"], item["company"], since)
    common.out.print(rows)


def _regular(name: str, company: str, config: common.ConfigOption, *, regular: bool) -> None:
    settings = common.settings(config)
    with desk.opened(settings) as db:
        done = regulars.set_regular(
            db,
            name,
            company,
            regular=regular,
            by=common.operator(),
            now=desk.now(),
            criteria=settings.criteria,
        )
    if not done:
        common.fail(_("nothing to do"), common.REFUSED)
    desk.say(_("{name}: done").format(name=name))


def _cancel(
    visit: int, reason: str, config: common.ConfigOption, json: bool, *, refused: bool
) -> None:
    settings = common.settings(config)
    with desk.opened(settings) as db:
        done = register.cancel(
            db,
            visit,
            by=common.operator(),
            reason=reason,
            refused=refused,
            criteria=settings.criteria,
        )
    state = _(WORDS[done.state])
    _done(settings, done, json, _("visit {id}: {state}").format(id=done.id, state=state))


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
        common.print_json(_public(visit))
    else:
        desk.say(line)


def _public(visit: Visit) -> dict[str, object]:
    """A visit as it is printed; the number of a document only if the site keeps it."""
    data = {**asdict(visit), "badge_out": visit.badge_out}
    if not visit.id_number:
        del data["id_number"]
    return data


def _is_time(key: str) -> bool:
    return key.endswith("_at") or key in ("expected_from", "expected_until")
