"""The pages of visitors: the board, somebody new, and one visit."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.visitors import typed, view
from gateway.console.seconds import Candidate, candidates
from gateway.desk.act import parse
from gateway.desk.errors import DeskError, Held
from gateway.desk.visits import label, records, register, regulars
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import WORDS, Plan, Visit, VisitPolicy
from gateway.locale import GaritaError

pages = Pages()
_COMMAND = re.compile(r" \(garita [^)]*\)")  # what to type, which is not for a screen
TWICE = timedelta(minutes=2)
"""The same form within this time is a second tap, and not a second visitor."""
_one = asyncio.Lock()  # of two taps the second one finds what the first one wrote


def policy(page: Page) -> VisitPolicy:
    """The site's rules for visitors."""
    return visit_policy(page.site.settings)


@pages.get("/visitors", roles=WATCHERS)
async def board(page: Page) -> Response:
    """Today at the desk."""
    facts = await page.run(_board, page)
    return page.render("visitors/board.html", q="", found=view.Found(), **facts)


@pages.get("/visitors/board", roles=WATCHERS)
async def board_part(page: Page) -> Response:
    """The same without its frame, as it is now."""
    return page.render("visitors/board-part.html", **await page.run(_board, page))


def _board(page: Page) -> dict[str, Any]:
    with page.site.people() as db:
        return {
            "board": view.board(db, typed.now(), page.zone),
            "acts": page.may(*GUARDS),
            "reader": bool(page.site.settings.tables.console.desk_reader),
        }


@pages.post("/visitors/find", roles=WATCHERS)
async def find(page: Page) -> Response:
    """Whom three letters find.  A POST, so that no name stands in an address."""

    def found() -> view.Found:
        with page.site.people() as db:
            return view.find(db, page.field("q"), typed.now())

    q, result = page.field("q")[:200], await page.run(found)
    if page.fragment:
        return page.render("visitors/found.html", q=q, found=result, acts=page.may(*GUARDS))
    return page.render("visitors/board.html", q=q, found=result, **await page.run(_board, page))


@pages.get("/visitors/new", roles=GUARDS)
async def new(page: Page) -> Response:
    """The form for somebody whom nobody announced."""
    return await form(page, "walk-in", {})


@pages.post("/visitors/fill", roles=GUARDS)
async def fill(page: Page) -> Response:
    """The form, filled in with somebody who was here before."""
    way = "expect" if page.field("way") == "expect" else "walk-in"
    return await form(page, way, typed.kept(page))


@pages.get("/visitors/expect", roles=GUARDS)
async def expect(page: Page) -> Response:
    """The form to announce somebody."""
    return await form(page, "expect", {})


async def form(
    page: Page, way: str, filled: dict[str, str], wrong: GaritaError | None = None
) -> Response:
    """The form of a new visit, with what was typed and why it was not taken."""

    def facts() -> dict[str, Any]:
        with page.site.people() as db:
            found = {"choices": view.choices(db, policy(page), typed.now())}
        if isinstance(wrong, Held) or page.field("second"):
            plan = Plan(page.field("name"), "", typed.now(), typed.now())
            return {**found, "seconds": seconds(page, plan)}
        return {**found, "seconds": None}

    return page.render(
        "visitors/new.html",
        status=409 if wrong else 200,
        way=way,
        typed={name: filled.get(name, "") for name in typed.FIELDS},
        rules=policy(page),
        reader=bool(page.site.settings.tables.console.desk_reader),
        **why(page, wrong),
        **await page.run(facts),
    )


@pages.post("/visitors/new", roles=GUARDS)
async def walk_in(page: Page) -> Response:
    """Somebody whom nobody announced is here."""
    try:
        plan = typed.plan(page, typed.now())
        shown = await typed.document(page)
        release = await typed.release(page, "visit.arrived")
        async with _one:
            visit = await page.run(_again, page, plan, "on_site") or await act(
                page,
                lambda db: register.walk_in(
                    db,
                    plan,
                    shown,
                    policy(page),
                    by=page.operator,
                    now=typed.now(),
                    release=release,
                ),
            )
    except GaritaError as error:
        await page.nudge()  # that somebody was not let in is on record
        return await form(page, "walk-in", typed.kept(page), error)
    return page.back(f"/visitors/{visit.id}")


@pages.post("/visitors/expect", roles=GUARDS)
async def announce(page: Page) -> Response:
    """Announce somebody."""
    try:
        plan = typed.plan(page, typed.now())
        async with _one:
            await page.run(_again, page, plan, "expected") or await act(
                page,
                lambda db: register.expect(
                    db, plan, policy(page), by=page.operator, now=typed.now()
                ),
            )
    except GaritaError as error:
        return await form(page, "expect", typed.kept(page), error)
    return page.back("/visitors")


def _again(page: Page, plan: Plan, state: str) -> Visit | None:
    """The visit that this operator wrote a moment ago from the same form."""
    with page.site.people() as db:
        for visit in records.find(db, states=(state,), search=plan.name):
            age = typed.now() - parse(visit.created_at)
            if age < TWICE and visit.created_by == str(page.operator) and typed.same(visit, plan):
                return visit
    return None


@pages.get("/visitors/{number:int}", roles=WATCHERS)
async def one(page: Page) -> Response:
    """One visit, from its arrival to its departure."""
    return await visit_page(page, int(page.path("number")))


async def visit_page(
    page: Page, number: int, wrong: GaritaError | None = None, step: str = ""
) -> Response:
    """A visit's page; `wrong` is why an act was not done, and `step` the act."""

    def facts() -> dict[str, Any]:
        with page.site.people() as db:
            visit = records.get(db, number)
            return {
                "visit": visit,
                "is_regular": regulars.is_regular(db, visit),
                "choices": view.choices(db, policy(page), typed.now()),
                "ends": list(view.ends(max(typed.now(), parse(visit.expected_until)), page.zone)),
                "seconds": seconds(page, visit)
                if visit.held_by or isinstance(wrong, Held)
                else None,
            }

    found = await page.run(facts)
    visit: Visit = found["visit"]
    return page.render(
        "visitors/visit.html",
        status=409 if wrong else 200,
        typed=typed.kept(page),
        step=step,
        acts=page.may(*GUARDS),
        state=WORDS[visit.state].say(),
        overdue=visit.overdue(typed.now()),
        late_min=int((typed.now() - parse(visit.expected_until)).total_seconds() // 60),
        kind=view.id_kind(page.site.settings, visit.id_kind),
        levels=policy(page).levels(escort=visit.escort),
        papers=label.SIZES,
        reader=bool(page.site.settings.tables.console.desk_reader),
        **why(page, wrong),
        **found,
    )


def seconds(page: Page, who: Visit | Plan) -> list[Candidate]:
    """Who may let in whom the desk holds.  Reads people.db: call it in a thread."""
    return candidates(page, lambda second: register.check_second(who, second, page.operator))


def why(page: Page, wrong: GaritaError | None) -> dict[str, Any]:
    """Why something was not done, as a page says it: the sentence, the code and the criteria of a
    refusal of the desk, and whether a second person can let it pass."""
    code, criteria = "", tuple[str, ...]()
    if isinstance(wrong, DeskError):
        code, criteria = wrong.code, page.site.settings.criteria.of(*wrong.serves)
    return {
        "wrong": _COMMAND.sub("", str(wrong)) if wrong else "",
        "code": code,
        "criteria": ", ".join(criteria),
        "held": isinstance(wrong, Held),
    }


async def act(page: Page, work: Callable[[sqlite3.Connection], Visit]) -> Visit:
    """Do one act of the desk and have it recorded."""

    def done() -> Visit:
        with page.site.people() as db:
            return work(db)

    visit = await page.run(done)
    await page.nudge()
    return visit


@pages.get("/visitors/{number:int}/label", roles=WATCHERS)
async def label_(page: Page) -> Response:
    """The visitor's label as PDF, on the paper that is asked for."""
    settings = page.site.settings

    def drawn() -> bytes:
        with page.site.people() as db:
            visit = records.get(db, int(page.path("number")))
        made = label.of(visit, site=settings.site.gateway, zone=page.zone)
        return label.pdf(made, page.query("paper") or "62")

    name = f"visit-{int(page.path('number'))}.pdf"
    headers = {"content-disposition": f'inline; filename="{name}"'}
    return Response(await page.run(drawn), media_type="application/pdf", headers=headers)
