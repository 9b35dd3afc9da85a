"""`garita evidence attach`, `documents`, `retire` and `review`: what people add to the evidence."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common, logexport
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.config import Settings
from gateway.desk import documentfile, documents, reviews
from gateway.desk.documentlist import Registered, register_of
from gateway.locale import _, choose


def attach(
    ctx: Context,
    criteria: Annotated[str, typer.Argument(help="For which criteria: 10.1, or 10.1,10.2")],
    file: Annotated[Path, typer.Argument(help="A PDF of at most 50 MB.")],
    title: Annotated[str, typer.Option("--title", help="Left out: the file's name.")] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", help="Who approved it.")] = "",
    approved_on: Annotated[str, typer.Option("--approved-on", help="On which day.")] = "",
    review_due: Annotated[
        str, typer.Option("--review-due", help="The day on which its review is due.")
    ] = "",
    replaces: Annotated[
        str, typer.Option("--replaces", help="The id of the document whose place it takes.")
    ] = "",
    any_kind: Annotated[bool, typer.Option("--any", help="Take a file that is not a PDF.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Register a document of the site (a procedure, a policy) for criteria; its file is kept."""
    settings = ctx.settings
    with desk.saying(settings):
        content = documentfile.read(file, any_kind=any_kind)
    about = documents.About(
        title or file.stem,
        tuple(one.strip() for one in criteria.split(",") if one.strip()),
        approved_by,
        desk.day(approved_on, "--approved-on"),
        desk.day(review_due, "--review-due"),
        replaces,
    )
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        made = documents.attach(
            settings, db, ledger, content, about, by=ctx.operator, today=_today(settings)
        )
    if json:
        common.print_json(_public(made))
    else:
        said = _("document {id}: “{title}”, for {criteria}")
        common.say(said.format(id=made.id, title=made.title, criteria=", ".join(made.criteria)))


def list_documents(
    ctx: Context,
    criterion: Annotated[
        str, typer.Option("--criterion", help="Only those for this criterion.")
    ] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Also those that are no longer in force.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """The documents that are registered."""
    settings = ctx.settings
    with (
        desk.opened(settings, act=False) as db,
        logexport.reading(settings.ledger_path) as ledger,
    ):
        register = register_of(ledger, db)
    found = [
        one
        for one in (register.documents if every else register.in_force())
        if not criterion or criterion in one.criteria
    ]
    if json:
        common.print_json([_public(one) for one in found])
        return
    today = _today(settings)
    rows = desk.table(
        _("document"), _("title"), _("criteria"), _("approved by"), _("review due"), _("state")
    )
    for one in found:
        rest = (one.approved_by, one.review_due, _state(settings, one, today))
        desk.add(rows, one.id, one.title, ", ".join(one.criteria), *rest)
    common.out.print(rows)


def retire(
    ctx: Context,
    document: Annotated[str, typer.Argument(help="Its id, or how it begins.")],
    reason: common.ReasonOption = "",
) -> None:
    """Withdraw a document; its file stays for packets of its time."""
    settings = ctx.settings
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        found = documents.retire(db, ledger, document, reason, by=ctx.operator)
    common.say(_("“{title}” is no longer in force").format(title=found.title))


def review(
    ctx: Context,
    kind: Annotated[str, typer.Argument(help="The kind; left out: which kinds are due.")] = "",
    first: Annotated[str, typer.Option("--from", help="The first day looked at (today).")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day (the first).")] = "",
    found: Annotated[str, typer.Option("--found", help="What was found.")] = "",
    action: Annotated[str, typer.Option("--action", help="What was done about it.")] = "",
    again: Annotated[
        str, typer.Option("--next", help="When it is due again; left out: by its kind.")
    ] = "",
    record: Annotated[
        list[int] | None, typer.Option("--record", help="A record that it is about.")
    ] = None,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="KEY=TEXT, for a kind with steps.")
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """Record a review that somebody did: of the log, of footage, of access rights and others."""
    settings = ctx.settings
    if not kind:
        _say_due(ctx, json=json)
        return
    begin, end = desk.days(settings, first, last)
    told = reviews.Told(
        kind,
        begin,
        end,
        found,
        action,
        desk.day(again, "--next"),
        tuple(record or ()),
        dict(_step(one) for one in step or ()),
    )
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        made = reviews.record(db, ledger, told, by=ctx.operator, today=_today(settings))
    if json:
        common.print_json({"kind": made.kind, "first": made.first, "last": made.last,
                           "next_due": made.next_due})  # fmt: skip
    elif made.next_due:
        common.say(_("recorded; it is due again on {day}").format(day=made.next_due))
    else:
        common.say(_("recorded"))


def _say_due(ctx: Context, *, json: bool) -> None:
    settings = ctx.settings
    with (
        desk.opened(settings, act=False) as db,
        logexport.reading(settings.ledger_path) as ledger,
    ):
        found = reviews.due(reviews.all_of(ledger, db), _today(settings))
    if json:
        common.print_json(
            [
                {
                    "kind": one.kind.key,
                    "stand": one.stand,
                    "due": one.due,
                    "last": one.newest.last if one.newest else None,
                    "steps": list(one.kind.steps),
                }
                for one in found
            ]
        )
        return
    rows = desk.table(_("kind"), _("review"), _("last"), _("due"), _("state"))
    for one in found:
        title = choose((one.kind.title["en"], one.kind.title["es"]))
        newest = one.newest.last if one.newest else "-"
        desk.add(rows, one.kind.key, title, newest, one.due or "-", reviews.STANDS[one.stand].say())
    common.out.print(rows)


def _state(settings: Settings, one: Registered, today: date) -> str:
    if one.replaced_by:
        return _("replaced by {id}").format(id=one.replaced_by)
    if one.ended_at:
        return _("withdrawn: {reason}").format(reason=one.why_ended)
    if documentfile.stored(settings, one.sha256) is None:
        return _("its file is gone, or is another one")
    return _("its review is late") if one.overdue(today) else _("in force")


def _public(one: Registered) -> dict[str, object]:
    return {
        "document": one.id,
        "title": one.title,
        "criteria": list(one.criteria),
        "sha256": one.sha256,
        "bytes": one.bytes,
        "approved_by": one.approved_by,
        "approved_on": one.approved_on,
        "review_due": one.review_due,
        "at": one.at,
        "by": one.by,
        "in_force": one.in_force,
    }


def _step(text: str) -> tuple[str, str]:
    key, mark, said = text.partition("=")
    if not mark:
        common.fail(_("--step is KEY=TEXT"), common.USAGE)
    return key.strip(), said


def _today(settings: Settings) -> date:
    return desk.now().astimezone(settings.site.zone).date()
