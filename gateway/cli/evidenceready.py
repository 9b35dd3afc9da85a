"""`garita evidence coverage` and `profile`: how ready the site is for a validation visit."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from typing import Annotated

import typer

from gateway import locale
from gateway.cli import common, logexport
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.desk import documentfile, reviews
from gateway.desk.documentlist import Register, register_of
from gateway.desk.text import write_csv
from gateway.evidence import profile as portal
from gateway.evidence.programmes import coverage as covered
from gateway.evidence.programmes.kin import programmes
from gateway.evidence.readiness import Lack, Row, readiness
from gateway.locale import N_, _, choose

HEADS = (
    N_("criterion"),
    N_("must or should"),
    N_("title"),
    N_("the gate enforces"),
    N_("the gate records"),
    N_("documents"),
    N_("reviews"),
    N_("missing"),
    N_("by"),
)


def coverage(
    ctx: Context,
    visit: Annotated[
        str, typer.Option("--visit", help="The day of the visit: what falls due before it, too.")
    ] = "",
    missing: Annotated[
        bool, typer.Option("--missing", help="Only criteria for which something is missing.")
    ] = False,
    programme: Annotated[
        str, typer.Option("--programme", help="By the numbers of another programme.")
    ] = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """What is enforced, recorded, attached or with people, by criterion, and what is missing.

    Nothing here says that a criterion is fulfilled: people judge that.
    """
    settings = ctx.settings
    if programme and programme not in programmes():
        known = ", ".join(programmes())
        common.fail(_("--programme is one of {known}").format(known=known), common.USAGE)
    day = desk.day(visit, "--visit")
    register, done = _registered(ctx)
    rows = readiness(
        settings.criteria,
        register,
        done,
        _today(ctx),
        visit=day,
        stored=lambda sha256: documentfile.stored(settings, sha256) is not None,
    )
    shown = [row for row in rows if row.missing or not missing]
    if json:
        common.print_json([_public(row) for row in shown])
    elif programme:
        _by_programme(programme, shown)
    elif csv:
        write_csv(sys.stdout, HEADS, (_cells(row) for row in shown))
    else:
        _say(shown, rows)


def profile(
    ctx: Context,
    lang: Annotated[str, typer.Option("--lang", help="es or en; left out: the site's.")] = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """A draft of the security profile of the programme's portal, by the number of the question."""
    settings = ctx.settings
    if lang and lang not in locale.LANGUAGES:
        common.fail(_("--lang is es or en"), common.USAGE)
    register, _done = _registered(ctx)
    by = {
        key: tuple(one.id for one in register.in_force() if key in one.criteria)
        for key in settings.criteria.criteria
    }
    known = covered(settings.criteria)
    found = portal.answers(settings.criteria.criteria.values(), known, by)
    with locale.speaking(lang or locale.language()):
        lines = [
            (
                one.question or "",
                one.criterion,
                choose(_title(ctx, one.criterion)),
                portal.STANDS[one.stand].say(),
                one.text.say(),
            )
            for one in found
        ]
        if json:
            keys = ("question", "criterion", "title", "stand", "text")
            common.print_json([dict(zip(keys, line, strict=True)) for line in lines])
        elif csv:
            heads = (N_("question"), N_("criterion"), N_("title"), N_("state"), N_("draft answer"))
            write_csv(sys.stdout, heads, lines)
        else:
            for line in lines:
                common.say(_("{question} ({criterion}) {title}: {stand}. {text}").format(
                    question=line[0] or "?", criterion=line[1], title=line[2],
                    stand=line[3], text=line[4]))  # fmt: skip
            common.say(_("a draft: compare it with the question in the portal before you file it"))


def _registered(ctx: Context) -> tuple[Register, list[reviews.Recorded]]:
    settings = ctx.settings
    with (
        desk.opened(settings, act=False) as db,
        logexport.reading(settings.ledger_path) as ledger,
    ):
        return register_of(ledger, db), reviews.all_of(ledger, db)


def _say(shown: Iterable[Row], rows: list[Row]) -> None:
    table = desk.table(*(_(head) for head in HEADS if head != "title"))
    for row in shown:
        cells = _cells(row)
        reviewed = ", ".join(one.kind.key for one in row.reviews) or "-"
        desk.add(table, *cells[:2], *cells[3:6], reviewed, _short(row), cells[8])
    common.out.print(table)
    counts = {
        "enforced": sum(row.enforced for row in rows),
        "recorded": sum(row.recorded for row in rows),
        "people": sum(row.people for row in rows),
        "missing": sum(bool(row.missing) for row in rows),
    }
    said = _(
        "of {all} criteria the gate enforces something of {enforced} and records something of "
        "{recorded}; {people} are with people alone; for {missing} something is missing"
    )
    common.say(said.format(all=len(rows), **counts))
    common.say(_("check the numbers and words against your own booklet"))


def _by_programme(name: str, rows: Iterable[Row]) -> None:
    known = programmes()[name]
    by = {row.criterion.id: row for row in rows}
    table = desk.table(_("number"), _("title"), _("criteria"), _("missing"))
    for one in known.requirements.values():
        lacks = {lack.words.say() for key in one.criteria if key in by for lack in by[key].missing}
        title = choose((one.title["en"], one.title["es"]))
        desk.add(table, one.id, title, ", ".join(one.criteria) or "-", "; ".join(sorted(lacks)))
    common.out.print(table)
    common.say(choose((known.note["en"], known.note["es"])))


def _cells(row: Row) -> tuple[str, ...]:
    yes, no = _("yes"), _("no")
    reviewed = [f"{one.kind.key} ({reviews.STANDS[one.stand].say()})" for one in row.reviews]
    days = [lack.by for lack in row.missing if lack.by]
    asked = row.coverage.document
    return (
        row.criterion.id,
        row.criterion.kind,
        choose((row.criterion.title["en"], row.criterion.title["es"])),
        yes if row.enforced else no,
        yes if row.recorded else no,
        ", ".join(one.title for one in row.documents) or ("-" if not asked else no),
        ", ".join(reviewed) or "-",
        "; ".join(lack.words.say() for lack in row.missing),
        min(days, default=""),
    )


def _short(row: Row) -> str:
    """What is missing, in few words: kinds of review by their keys."""
    said = {Lack.DOCUMENT: _("document")}
    return "; ".join(
        lack.about if lack.what is Lack.REVIEW else said.get(lack.what) or lack.words.say()
        for lack in row.missing
    )


def _public(row: Row) -> dict[str, object]:
    return {
        "criterion": row.criterion.id,
        "kind": row.criterion.kind,
        "enforced": row.enforced,
        "recorded": row.recorded,
        "people": row.people,
        "document_asked": row.coverage.document,
        "documents": [one.id for one in row.documents],
        "reviews": {one.kind.key: one.stand for one in row.reviews},
        "missing": [
            {"what": lack.what, "about": lack.about, "by": lack.by, "late": lack.late}
            for lack in row.missing
        ],
    }


def _title(ctx: Context, key: str) -> tuple[str, str]:
    title = ctx.settings.criteria.criteria[key].title
    return title["en"], title["es"]


def _today(ctx: Context) -> date:
    return desk.now().astimezone(ctx.settings.site.zone).date()
