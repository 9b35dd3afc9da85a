"""`garita grant ...` and `garita requirement ...`: doors for a while, and what people and companies
have to have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.people.list import open_list
from gateway.config import Settings
from gateway.people import permits, requirements
from gateway.people.requirements import Row

grant_app = App()
requirement_app = App()

PersonArgument = Annotated[str, typer.Argument(help="The person's id in the list.")]
CompanyOption = Annotated[
    bool, typer.Option("--company", help="SUBJECT is a company's name, not a person's id.")
]
SubjectArgument = Annotated[str, typer.Argument(help="A person's id, or a company's name.")]


@contextmanager
def writing(settings: Settings) -> Iterator[sqlite3.Connection]:
    """people.db for one act; what can't be written is a sentence and exit code 1."""
    db = open_list(settings)
    try:
        yield db
    except sqlite3.Error as error:
        common.fail(f"the list could not be written: {error}", common.REFUSED)
    finally:
        db.close()
    common.nudge(settings)


@grant_app.command("add")
def add(
    ctx: Context,
    person: PersonArgument,
    until: Annotated[str, typer.Option(help="When it ends: 2026-11-30T18:00, site time.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the log.")],
    door: Annotated[str, typer.Option(help="The door.")] = "",
    area: Annotated[str, typer.Option(help="Or the area.")] = "",
    since: Annotated[str, typer.Option("--from", help="When it begins; now if left out.")] = "",
) -> None:
    """Let a person pass by a door, or into an area, for a while."""
    settings = ctx.settings
    if bool(door) == bool(area):
        common.fail("say either --door or --area", common.USAGE)
    known = settings.tables.doors if door else settings.tables.areas
    kind, target = ("door", door) if door else ("area", area)
    if target not in known:
        common.fail(f"there is no [{kind}s.{target}]", common.REFUSED)
    begins = moment(settings, since) if since else datetime.now(settings.site.zone)
    ends = moment(settings, until)
    if ends <= begins:
        common.fail("it ends before it begins", common.USAGE)
    with writing(settings) as db:
        number = permits.add_grant(
            db, person, kind, target, begins, ends, why=reason, by=common.operator()
        )
        if not number:
            common.fail(f"nobody on the list has the id {person}", common.REFUSED)
    common.out.print(f"grant {number}: {person}, {kind} {target}, until {until}", markup=False)


@grant_app.command("list")
def list_grants(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="Of this person alone.")] = "",
    json: common.JsonOption = False,
) -> None:
    """Temporary grants, those that are over too."""
    settings = ctx.settings
    db = open_list(settings)
    found = permits.grants(db, person)
    db.close()
    if json:
        names = ("id", "person", "kind", "target", "since", "until", "why", "by")
        common.print_json([{name: getattr(grant, name) for name in names} for grant in found])
        return
    table = Table("number", "person", "for", "from", "until", "by", "why", box=None)
    for grant in found:
        times = [
            f"{t.astimezone(settings.site.zone):%Y-%m-%d %H:%M}" for t in (grant.since, grant.until)
        ]
        what = f"{grant.kind} {grant.target}"
        cells = (grant.person, what, *times, grant.by, grant.why)
        table.add_row(str(grant.id), *map(escape, cells))
    common.out.print(table)


@grant_app.command("end")
def end(
    ctx: Context,
    number: Annotated[int, typer.Argument(help="The grant's number.")],
) -> None:
    """End a grant now."""
    with writing(ctx.settings) as db:
        if not permits.end_grant(db, number, by=common.operator()):
            common.fail(f"there is no grant {number}", common.REFUSED)
    common.out.print(f"grant {number}: ended", markup=False)


@requirement_app.command("set")
def set_(
    ctx: Context,
    subject: SubjectArgument,
    kind: Annotated[str, typer.Argument(help="Its kind: one of [requirements].")],
    until: Annotated[
        str, typer.Option(help="The last good day; without it, it never lapses.")
    ] = "",
    number: Annotated[str, typer.Option(help="Of the certificate or file that shows it.")] = "",
    issued: Annotated[str, typer.Option(help="The day on which it was issued.")] = "",
    note: Annotated[str, typer.Option(help="Anything else; it goes into the log.")] = "",
    company: CompanyOption = False,
) -> None:
    """Put on record what a person or a company has shown, in place of what was there."""
    settings = ctx.settings
    of = _whose(settings, kind, company)
    _not_the_registers(settings, kind)
    row = Row(of, subject, kind, _day(until), number, _day(issued), note)
    with writing(settings) as db:
        if not requirements.set_requirement(db, row, by=common.operator()):
            common.fail(f"nobody on the list has the id {subject}", common.REFUSED)
    common.out.print(f"{subject}: {kind} until {until or 'further notice'}", markup=False)


@requirement_app.command()
def remove(
    ctx: Context,
    subject: SubjectArgument,
    kind: Annotated[str, typer.Argument(help="Its kind.")],
    company: CompanyOption = False,
) -> None:
    """Take it off the record: areas that require it are closed to them."""
    of = "company" if company else "person"
    with writing(ctx.settings) as db:
        if not requirements.remove(db, of, subject, kind, by=common.operator()):
            common.fail(f"{subject} has no {kind}", common.REFUSED)
    common.out.print(f"{subject}: {kind} removed", markup=False)


@requirement_app.command("list")
def list_(
    ctx: Context,
    subject: Annotated[str, typer.Argument(help="Of this person or company alone.")] = "",
    json: common.JsonOption = False,
) -> None:
    """What people and companies have shown."""
    settings = ctx.settings
    db = open_list(settings)
    _show(settings, requirements.rows(db, subject=subject), json)
    db.close()


@requirement_app.command()
def due(
    ctx: Context,
    days: Annotated[
        int, typer.Option(help="Within so many days; without it, each kind's own.")
    ] = 0,
    json: common.JsonOption = False,
) -> None:
    """What lapses soon."""
    settings = ctx.settings
    kinds = [(k.name, k.of, days or k.warn_days) for k in settings.site.requirements.values()]
    db = open_list(settings)
    _show(settings, requirements.due(db, kinds, datetime.now(settings.site.zone).date()), json)
    db.close()


def _show(settings: Settings, found: Iterator[Row], json: bool) -> None:
    if json:
        names = ("subject_kind", "subject", "kind", "valid_until", "number", "issued_at", "note")
        common.print_json([{name: getattr(row, name) for name in names} for row in found])
        return
    language = settings.tables.site.language
    today = datetime.now(settings.site.zone).date()
    table = Table("of", "subject", "requirement", "until", "", "number", box=None)
    for row in found:
        known = settings.tables.requirements.get(row.kind)
        title = getattr(known.title, language) if known else "?"
        lapsed = row.valid_until is not None and row.valid_until < today
        state = "[red]lapsed[/red]" if lapsed else ""
        until = str(row.valid_until or "…")
        cells = (row.subject_kind, row.subject, f"{row.kind} ({title})", until)
        table.add_row(*map(escape, cells), state, escape(row.number))
    common.out.print(table)


def _not_the_registers(settings: Settings, kind: str) -> None:
    """The register of partners keeps this kind; set by hand, it would open what that closes."""
    if kind == settings.tables.partners.requirement:
        common.fail(f"the register of partners keeps {kind}: garita partner add", common.REFUSED)


def _whose(settings: Settings, kind: str, company: bool) -> str:
    known = settings.site.requirements.get(kind)
    if known is None:
        there = ", ".join(settings.site.requirements) or "none"
        common.fail(f"there is no [requirements.{kind}] (there are: {there})", common.REFUSED)
    if (known.of == "company") != company:
        hint = "say --company" if known.of == "company" else "leave --company out"
        common.fail(f"{kind} is of a {known.of}: {hint}", common.USAGE)
    return known.of


def moment(settings: Settings, text: str) -> datetime:
    """A time as it is typed: RFC 3339, in the site's zone where it names none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        common.fail(f"{text}: expected a time such as 2026-11-30T18:00", common.USAGE)
    return found if found.tzinfo else found.replace(tzinfo=settings.site.zone)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        common.fail(f"{text}: expected a date such as 2026-11-30", common.USAGE)
