"""`garita visit list`, `show`, `log` and `regular`: who is expected, here and known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.cli import common, logexport
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.desk import logs
from gateway.desk.act import local
from gateway.desk.visits import records, regulars, visitlog
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import STATES, WORDS, Visit
from gateway.locale import N_, _, pgettext
from gateway.wording.words import yes

app = App()
regular_app = App(help="Known regular visitors.")
app.add_typer(regular_app, name="regular")
VisitId = Annotated[int, typer.Argument(help="The visit's number.")]
Name = Annotated[str, typer.Argument(help="The visitor's name, as on the ID.")]
Company = Annotated[str, typer.Option("--company", help="Where they come from.")]


@app.command("list")
def list_(
    ctx: Context,
    state: Annotated[str, typer.Option(help="expected, on_site, departed, ...")] = "",
    search: Annotated[str, typer.Option(help="Part of a name, company or host.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Should have left.")] = False,
    badges_out: Annotated[bool, typer.Option("--badges-out", help="Badges not back.")] = False,
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """Visits expected and on site, or those of a state."""
    settings = ctx.settings
    if state and state not in STATES:
        common.fail(_("--state: one of {names}").format(names=", ".join(STATES)), common.USAGE)
    most, more = common.most(limit, json), False
    with desk.opened(settings, act=False) as db:
        if overdue:
            found = records.overdue(db, desk.now())
        elif badges_out:
            found = records.badges_out(db)
        else:
            states = (state,) if state else ("expected", "on_site")
            found = records.find(db, states=states, search=search, limit=most + 1)
            more, found = len(found) > most, found[-most:]
    if json:
        common.print_json([public(visit) for visit in found])
        return
    rows = desk.table(
        _("no."),
        _("name"),
        _("company"),
        _("host"),
        pgettext("column", "expected"),
        _("state"),
        _("badge"),
        "",
    )
    for visit in found:
        zone = settings.site.zone
        span = f"{local(visit.expected_from, zone)} – {local(visit.expected_until, zone, '%H:%M')}"
        late = _("OVERDUE") if visit.overdue(desk.now()) else ""
        out = visit.badge if visit.badge_out else ""
        words = WORDS[visit.state].say()
        desk.add(rows, visit.id, visit.name, visit.company, visit.host, span, words, out, late)
    common.out.print(rows)
    common.say_more(most if more else 0)


@app.command()
def show(
    ctx: Context,
    visit: VisitId,
    json: common.JsonOption = False,
) -> None:
    """Everything that is known of one visit."""
    settings = ctx.settings
    with desk.opened(settings, act=False) as db:
        found = records.get(db, visit)
    if json:
        common.print_json(public(found))
        return
    rows = desk.table("", "")
    rows.show_header = False
    for key, value in public(found).items():
        if value in (None, ""):
            continue
        text = local(str(value), settings.site.zone) if _is_time(key) else _shown(key, value)
        if key == "id_kind":
            text = desk.id_kind(settings, str(value))
        desk.add(rows, _(LABELS[key]), text)
    common.out.print(rows)


@app.command()
def log(
    ctx: Context,
    first: desk.FromDay = "",
    last: desk.ToDay = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """The visitor log with the fields of CTPAT 10.2, from the records, by day of arrival."""
    settings = ctx.settings
    policy = visit_policy(settings)
    begin, end = desk.days(settings, first, last)
    with desk.opened(settings, act=False) as db, logexport.reading(settings.ledger_path) as ledger:
        found = visitlog.read(ledger, db, begin, end, policy)
    logs.show(found, csv=csv, json=json)


@regular_app.command("add")
def regular_add(
    ctx: Context,
    name: Name,
    company: Company = "",
) -> None:
    """Call somebody a known regular visitor; they are logged in and out all the same."""
    _regular(ctx, name, company, regular=True)


@regular_app.command("remove")
def regular_remove(
    ctx: Context,
    name: Name,
    company: Company = "",
) -> None:
    """No longer."""
    _regular(ctx, name, company, regular=False)


@regular_app.command("list")
def regular_list(
    ctx: Context,
    json: common.JsonOption = False,
) -> None:
    """Known regular visitors."""
    settings = ctx.settings
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


def _regular(
    ctx: Context,
    name: str,
    company: str,
    *,
    regular: bool,
) -> None:
    settings = ctx.settings
    with desk.opened(settings) as db:
        done = regulars.set_regular(
            db,
            name,
            company,
            regular=regular,
            by=common.operator(settings),
            now=desk.now(),
            criteria=settings.criteria,
        )
    if not done:
        common.fail(_("nothing to do"), common.REFUSED)
    desk.say(_("{name}: done").format(name=name))


def public(visit: Visit) -> dict[str, object]:
    """A visit as the commands print it; with the document's number only if the site keeps it."""
    data = {**asdict(visit), "badge_out": visit.badge_out}
    if not visit.id_number:
        del data["id_number"]
    return data


def _shown(key: str, value: object) -> object:
    if key == "state":
        return WORDS[str(value)].say()
    if key == "kind":
        kinds = {"visitor": _("visitor"), "vendor": _("vendor"), "service": _("service")}
        return kinds.get(str(value), value)
    return yes(value) if isinstance(value, bool) else value


LABELS: Mapping[str, str] = {
    "id": N_("visit"),
    "version": N_("version"),
    "state": N_("state"),
    "name": N_("name"),
    "company": N_("company"),
    "kind": N_("kind"),
    "host": N_("host"),
    "purpose": N_("purpose"),
    "escort": N_("with an escort"),
    "regular": N_("known regular visitor"),
    "expected_from": N_("expected from"),
    "expected_until": N_("expected until"),
    "created_at": N_("announced at"),
    "created_by": N_("announced by"),
    "arrived_at": N_("arrived at"),
    "arrived_by": N_("let in by"),
    "id_kind": N_("kind of photo ID"),
    "id_fingerprint": N_("fingerprint of the ID number"),
    "id_number": N_("ID number"),
    "arrived_person": N_("id of who let it in"),
    "departed_person": N_("id of who saw it out"),
    "released_by": N_("released by"),
    "released_account": N_("account that released"),
    "released_person": N_("id of who released"),
    "held_by": N_("held back, tried by"),
    "held_person": N_("id of who tried"),
    "release_reason": N_("reason for the release"),
    "host_contacted_at": N_("host told at"),
    "escort_name": N_("escort"),
    "badge": N_("badge"),
    "badge_fingerprint": N_("fingerprint of the badge"),
    "badge_issued_at": N_("badge given at"),
    "badge_returned_at": N_("badge back at"),
    "departed_at": N_("left at"),
    "departed_by": N_("seen out by"),
    "note": N_("note"),
    "badge_out": N_("badge not back"),
}


def _is_time(key: str) -> bool:
    return key.endswith("_at") or key in ("expected_from", "expected_until")
