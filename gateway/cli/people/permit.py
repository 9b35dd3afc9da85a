"""`garita grant ...` and `garita requirement ...`: doors for a while, and what people and companies
have to have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.personnel import PersonArgument, open_list
from gateway.config import Settings
from gateway.decide.policy import RequirementKind
from gateway.locale import _, language
from gateway.locale.text import name_key
from gateway.people import permits, requirements
from gateway.people.requirements import Row
from gateway.wording import words

grant_app = App()
requirement_app = App()

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
        common.fail(_("the list could not be written: {error}").format(error=error), common.REFUSED)
    finally:
        db.close()
    common.nudge(settings)


@grant_app.command("add")
def add(
    ctx: Context,
    person: PersonArgument,
    until: Annotated[str, typer.Option(help="When it ends: 2026-11-30T18:00, site time.")],
    reason: common.ReasonOption,
    door: Annotated[str, typer.Option(help="The door.")] = "",
    area: Annotated[str, typer.Option(help="Or the area.")] = "",
    since: Annotated[str, typer.Option("--from", help="When it begins; now if left out.")] = "",
) -> None:
    """Let a person pass by a door, or into an area, for a while."""
    settings = ctx.settings
    if bool(door) == bool(area):
        common.fail(_("say either --door or --area"), common.USAGE)
    known = settings.tables.doors if door else settings.tables.areas
    kind, target = ("door", door) if door else ("area", area)
    if target not in known:
        common.fail(
            _("there is no [{kind}s.{target}]").format(kind=kind, target=target), common.REFUSED
        )
    begins = moment(settings, since) if since else datetime.now(settings.site.zone)
    ends = moment(settings, until)
    if ends <= begins:
        common.fail(_("it ends before it begins"), common.USAGE)
    with writing(settings) as db:
        number = permits.add_grant(
            db, person, kind, target, begins, ends, why=reason, by=common.operator(settings)
        )
        if not number:
            common.fail(
                _("nobody on the list has the id {person}").format(person=person), common.REFUSED
            )
    common.out.print(
        _("grant {number}: {person}, {kind} {target}, until {until}").format(
            number=number, person=person, kind=words.word(kind), target=target, until=until
        ),
        markup=False,
    )


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
    table = Table(
        _("number"), _("person"), _("for"), _("from"), _("until"), _("by"), _("why"), box=None
    )
    for grant in found:
        times = [
            f"{t.astimezone(settings.site.zone):%Y-%m-%d %H:%M}" for t in (grant.since, grant.until)
        ]
        what = f"{words.word(grant.kind)} {grant.target}"
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
        if not permits.end_grant(db, number, by=ctx.operator):
            common.fail(_("there is no grant {number}").format(number=number), common.REFUSED)
    common.out.print(_("grant {number}: ended").format(number=number), markup=False)


@requirement_app.command("set")
def set_(
    ctx: Context,
    subject: SubjectArgument,
    kind: Annotated[str, typer.Argument(help="Its kind: one of [requirements].")],
    until: Annotated[
        str, typer.Option(help="The last good day; without it, it never lapses.")
    ] = "",
    number: Annotated[
        str, typer.Option(callback=common.typed, help="Of the certificate or file that shows it.")
    ] = "",
    issued: Annotated[str, typer.Option(help="The day on which it was issued.")] = "",
    note: Annotated[
        str, typer.Option(callback=common.typed, help="Anything else; it goes into the log.")
    ] = "",
    company: CompanyOption = False,
) -> None:
    """Put on record what a person or a company has shown, in place of what was there."""
    settings = ctx.settings
    of = _whose(settings, kind, company)
    _not_the_registers(settings, kind)
    if company:
        subject = common.typed(subject)
        if not name_key(subject):
            common.fail(_("the name has no letters"), common.USAGE)
    row = Row(of, subject, kind, _day(until), number, _day(issued), note)
    with writing(settings) as db:
        if not requirements.set_requirement(db, row, by=common.operator(settings)):
            common.fail(
                _("nobody on the list has the id {subject}").format(subject=subject), common.REFUSED
            )
    common.out.print(
        _("{subject}: {kind} until {until}").format(
            subject=subject, kind=kind, until=words.day(until) if until else _("further notice")
        ),
        markup=False,
    )


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
        if not requirements.remove(db, of, subject, kind, by=ctx.operator):
            common.fail(
                _("{subject} has no {kind}").format(subject=subject, kind=kind), common.REFUSED
            )
    common.out.print(
        _("{subject}: {kind} removed").format(subject=subject, kind=kind), markup=False
    )


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
    """What has lapsed, who never showed what an area requires, and what lapses soon."""
    settings = ctx.settings
    known = settings.site.requirements.values()
    kinds = [(kind.name, kind.of, days or kind.warn_days) for kind in known]
    today = datetime.now(settings.site.zone).date()
    db = open_list(settings)
    found = [
        *requirements.lapsed(db, kinds, today),
        *(row for kind in known for row in _missing(settings, db, kind, today)),
        *requirements.due(db, kinds, today),
    ]
    _show(settings, found, json, missing=True)
    db.close()


def _missing(
    settings: Settings, db: sqlite3.Connection, kind: RequirementKind, today: date
) -> Iterator[Row]:
    """Who may enter an area that requires `kind`, and has none."""
    site = settings.site
    areas = {area.name for area in site.areas.values() if kind.name in area.requires}
    doors = {name for name, door in site.doors.items() if door.area in areas}
    levels = [
        name
        for name, level in site.access_levels.items()
        if areas.intersection(level.areas) or doors.intersection(level.grants)
    ]
    exempt = set(map(name_key, kind.exempt))
    for row in requirements.missing(db, kind.name, kind.of, levels, today):
        if kind.of == "person" or name_key(row.subject) not in exempt:
            yield row


def _show(settings: Settings, found: Iterable[Row], json: bool, *, missing: bool = False) -> None:
    """The rows as a table or JSON; `missing`: a row without a day says that there is none."""
    today = datetime.now(settings.site.zone).date()

    def state(row: Row) -> str:
        if row.valid_until is None:
            return "none" if missing else "good"
        return "lapsed" if row.valid_until < today else "good"

    if json:
        names = ("subject_kind", "subject", "kind", "valid_until", "number", "issued_at", "note")
        common.print_json(
            [{**{name: getattr(row, name) for name in names}, "state": state(row)} for row in found]
        )
        return
    said = {"lapsed": _("[red]lapsed[/red]"), "none": _("[red]never shown[/red]"), "good": ""}
    table = Table(_("of"), _("subject"), _("requirement"), _("until"), "", _("number"), box=None)
    for row in found:
        known = settings.tables.requirements.get(row.kind)
        title = known.title.said(language()) if known else "?"
        until = words.day(row.valid_until) if row.valid_until else "…"
        cells = (words.word(row.subject_kind), row.subject, f"{row.kind} ({title})", until)
        table.add_row(*map(escape, cells), said[state(row)], escape(row.number))
    common.out.print(table)


def _not_the_registers(settings: Settings, kind: str) -> None:
    """The register of partners keeps this kind; set by hand, it would open what that closes."""
    if kind == settings.tables.partners.requirement:
        common.fail(
            _("the register of partners keeps {kind}: garita partner add").format(kind=kind),
            common.REFUSED,
        )


def _whose(settings: Settings, kind: str, company: bool) -> str:
    known = settings.site.requirements.get(kind)
    if known is None:
        there = ", ".join(settings.site.requirements) or _("none")
        common.fail(
            _("there is no [requirements.{kind}] (there are: {there})").format(
                kind=kind, there=there
            ),
            common.REFUSED,
        )
    if (known.of == "company") != company:
        said = (
            _("{kind} is of a company: say --company")
            if known.of == "company"
            else _("{kind} is of a person: leave --company out")
        )
        common.fail(said.format(kind=kind), common.USAGE)
    return known.of


def moment(settings: Settings, text: str) -> datetime:
    """A time as it is typed: RFC 3339, in the site's zone where it names none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        common.fail(
            _("{text}: expected a time such as 2026-11-30T18:00").format(text=text), common.USAGE
        )
    return found if found.tzinfo else found.replace(tzinfo=settings.site.zone)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        common.fail(_("{text}: expected a date such as 2026-11-30").format(text=text), common.USAGE)
