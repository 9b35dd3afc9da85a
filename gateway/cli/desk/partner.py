"""`garita partner ...`: the companies that visitors and trucks come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.desk import partners
from gateway.desk.partners import Partner, clearance
from gateway.desk.visits.settings import partner_policy
from gateway.locale import N_, _
from gateway.wording import words

app = App()

Name = Annotated[str, typer.Argument(help="The company's name.")]


@app.command()
def add(
    ctx: Context,
    name: Name,
    until: Annotated[str, typer.Option("--until", help="Last good day of the status.")],
    kind: Annotated[str, typer.Option(help=", ".join(partners.KINDS))] = "carrier",
    programme: Annotated[str, typer.Option(help=", ".join(partners.PROGRAMMES))] = "none",
    number: Annotated[str, typer.Option(help="SVI number, or that of the certificate.")] = "",
    questionnaire: Annotated[str, typer.Option(help="Day of the last questionnaire.")] = "",
    note: Annotated[str, typer.Option()] = "",
    json: common.JsonOption = False,
) -> None:
    """Register a partner, or what is new of one."""
    settings = ctx.settings
    last = desk.day(until, "--until")
    if last is None:
        common.fail(_("--until: a day such as 2027-05-31"), common.USAGE)
    asked = desk.day(questionnaire, "--questionnaire")
    with desk.opened(settings) as db:
        old = partners.find(db, name)
        status = old.status if old else "active"
        new = Partner(name, kind, programme, number, asked, last, status, note)
        done = partners.put(
            db, new, partner_policy(settings), by=common.operator(settings), now=desk.now()
        )
    if json:
        common.print_json(asdict(done))
    else:
        desk.say(
            _("{name}: version {version}, until {valid_until}").format(
                name=done.name, version=done.version, valid_until=done.valid_until
            )
        )


@app.command()
def status(
    ctx: Context,
    name: Name,
    to: Annotated[str, typer.Argument(help="active or suspended")],
    reason: desk.Reason,
) -> None:
    """Suspend a partner, or take that back."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        old = partners.get(db, name)
        new = replace(old, status=to, note=reason)
        done = partners.put(
            db, new, partner_policy(settings), by=common.operator(settings), now=desk.now()
        )
    desk.say(_("{name}: {status}").format(name=done.name, status=_shown(done.status)))


@app.command("list")
def list_(
    ctx: Context,
    due: Annotated[
        bool, typer.Option("--due", help="Only those not cleared, or not for long.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """All partners, and whether each is cleared today."""
    settings = ctx.settings
    policy = partner_policy(settings)
    today = desk.now().astimezone(settings.site.zone).date()
    with desk.opened(settings, act=False) as db:
        found = [(p, clearance(p, today, policy)) for p in partners.every(db)]
    if due:
        found = [
            (p, c)
            for p, c in found
            if c.verdict != "pass" or (p.valid_until - today).days <= policy.warn_days
        ]
    if json:
        common.print_json([{**asdict(p), "verdict": c.verdict, "code": c.code} for p, c in found])
        return
    rows = desk.table(
        _("name"),
        _("kind"),
        _("programme"),
        _("number"),
        _("until"),
        _("today"),
    )
    for partner, clear in found:
        desk.add(
            rows,
            partner.name,
            _shown(partner.kind),
            _shown(partner.programme),
            partner.number,
            words.day(partner.valid_until),
            clear.message.say(),
        )
    common.out.print(rows)


@app.command()
def show(
    ctx: Context,
    name: Name,
    json: common.JsonOption = False,
) -> None:
    """One partner, and what it was before."""
    settings = ctx.settings
    today = desk.now().astimezone(settings.site.zone).date()
    with desk.opened(settings, act=False) as db:
        found = partners.get(db, name)
        past = partners.history(db, name)
    clear = clearance(found, today, partner_policy(settings))
    if json:
        common.print_json({**asdict(found), "verdict": clear.verdict, "history": past})
        return
    rows = desk.table("", "")
    rows.show_header = False
    for key, value in asdict(found).items():
        desk.add(rows, _(LABELS[key]), _shown(value))
    desk.add(rows, _("today"), clear.message.say())
    for item in past:
        desk.add(
            rows,
            f"v{item['version']}",
            "{at} {by}: {programme} {number} {status}, {until} {note}".format(
                at=words.moment(str(item["at"]), settings.site.zone),
                by=item["by"],
                programme=_shown(item["programme"]),
                number=item["number"],
                status=_shown(item["status"]),
                until=words.day(str(item["valid_until"])),
                note=item["note"],
            ),
        )
    common.out.print(rows)


LABELS: Mapping[str, str] = {
    "name": N_("name"),
    "kind": N_("kind"),
    "programme": N_("programme"),
    "number": N_("number"),
    "questionnaire": N_("questionnaire"),
    "valid_until": N_("valid until"),
    "status": N_("status"),
    "note": N_("note"),
    "version": N_("version"),
}
WORDS: Mapping[str, str] = {
    "carrier": N_("carrier"),
    "supplier": N_("supplier"),
    "customer": N_("customer"),
    "contractor": N_("contractor"),
    "broker": N_("customs broker"),
    "other": N_("other"),
    "none": N_("none"),
    "active": N_("active"),
    "suspended": N_("suspended"),
}


def _shown(value: object) -> object:
    """A code of the register as a word; anything else as it is."""
    return _(WORDS[value]) if isinstance(value, str) and value in WORDS else value
