"""``/people``: somebody is found by name; ``/people/ID``: one person's page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from gateway.console.follow.view import door_in_scope
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, GUARDS, PEOPLE
from gateway.console.routes import Pages
from gateway.console.screens.explain.status import status_of
from gateway.console.screens.live.seen import view_of
from gateway.console.screens.people import view
from gateway.desk.auditor import look
from gateway.desk.auditor.filters import Wanted
from gateway.locale import _
from gateway.people import card, search

pages = Pages()
RECORDS = 20  # of one person, on one page
REVOKERS = GUARDS | PEOPLE
"""Who may take access away: everybody at the gate."""
GRANTERS = PEOPLE
"""Who may give access: a supervisor, HR, an administrator."""


@pages.get("/people", roles=EVERYBODY)
async def people(page: Page) -> Response:
    """Search; with ``id``, the page of a person whose id can't stand in a path."""
    if person := page.query("id"):
        return await show(page, person)
    return page.render("people/page.html", q="", hits=None)


@pages.post("/people/-/find", roles=EVERYBODY)
async def find(page: Page) -> Response:
    """Whom some letters find.  A POST, so that no name stands in an address or a log."""
    q = page.field("q")[:200]
    path = page.site.settings.people_path
    hits = await page.run(search.find, path, q, datetime.now(page.zone).date())
    template = "people/found.html" if page.fragment else "people/page.html"
    return page.render(template, q=q, hits=hits)


@pages.get("/people/{person}", roles=EVERYBODY)
async def person(page: Page) -> Response:
    """One person."""
    return await show(page, page.path("person"))


@pages.get("/people/-/live", roles=EVERYBODY)
async def live(page: Page) -> Response:
    """What changes by itself on a person's page; forms in which somebody types stay."""
    return await show(page, page.query("id"), template="people/live.html")


@pages.get("/people/-/doors", roles=EVERYBODY)
async def doors(page: Page) -> Response:
    """Which doors would open to a person now."""
    settings, view_ = page.site.settings, view_of(page)
    names = [name for name in settings.site.doors if door_in_scope(page.site.board, view_, name)]
    status = await status_of(page)
    found = await page.run(view.doors, settings, page.query("id"), names, status)
    return page.render("people/doors.html", person=page.query("id"), doors=found)


@pages.get("/people/-/records", roles=EVERYBODY)
async def records(page: Page) -> Response:
    """The newest records of a person, and from which number on to look further."""
    who, before = page.query("id"), page.query("before")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 0

    def looked() -> look.Page:
        with page.site.ledger() as ledger:
            return look.page(ledger, Wanted(person=who), before=number, count=RECORDS)

    found, view_ = await page.run(looked), view_of(page)
    shown = [
        row
        for event in found.events
        if (row := view.row(event, page.site.settings, page.site.board, view_)) is not None
    ]
    return page.render("people/records.html", person=who, rows=shown, before=found.before)


def address(person: str) -> str:
    """The address of a person's page; an id that can't stand in a path stands in the query."""
    quoted = quote(person, safe="")
    return f"/people?id={quoted}" if "/" in person or set(person) <= {"."} else f"/people/{quoted}"


async def show(
    page: Page,
    person: str,
    *,
    status: int = 200,
    wrong: str = "",
    act: str = "",
    typed: dict[str, str] | None = None,
    template: str = "people/person.html",
) -> Response:
    """A person's page; `wrong` says why `act` was not done, and `typed` is what stays in its
    form."""
    facts = await page.run(_facts, page, person)
    if facts["who"] is None:
        gone = facts["gone"] or _("nobody on the list has the id {person}").format(person=person)
        return page.refused(gone, 404)
    return page.render(
        template,
        status=status,
        wrong=wrong,
        act=act,
        typed=typed or {},
        grant_door=page.query("grant"),
        may_revoke=page.may(*REVOKERS),
        may_grant=page.may(*GRANTERS) and page.operator.person != person,
        may_look=page.may(*GUARDS, *PEOPLE),
        portraits=page.site.settings.tables.face.portraits,
        **facts,
    )


def _facts(page: Page, person: str) -> dict[str, Any]:
    settings, now = page.site.settings, datetime.now(page.zone)
    with page.site.people() as db:
        who = card.read(db, person, settings.site, now.date())
        return {
            "who": who,
            "gone": view.gone(db, person, page.zone) if who is None else "",
            "changes": view.changes(db, person, settings),
            "targets": view.targets(page.site.board, view_of(page)),
            "titles": view.titles(settings),
            "now": now.astimezone(UTC),
            "local": now,
        }
