"""/patterns: what is worth a look this week, one finding, and what people say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import AUDITORS, SUPERVISORS
from gateway.console.routes import Pages
from gateway.console.screens.patterns import pictures, view
from gateway.desk import findings
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.findings import Known
from gateway.locale import GaritaError
from gateway.patterns import book

pages = Pages()
WAITING = 30


@pages.get("/patterns", roles=AUDITORS)
async def week(page: Page) -> Response:
    """The findings of a week, those of other weeks that wait, and the record of the patterns."""
    monday = view.monday_of(page.query("week"), page.today)
    found = await page.run(view.all_of, page)
    shown = book.of_week(found.values(), monday)
    ids = {one.id for one in shown}
    waiting = [one for one in found.values() if one.state in view.OPEN and one.id not in ids][::-1]
    last = monday + timedelta(days=6)
    return page.render(
        "patterns/week.html",
        monday=monday,
        sunday=last,
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7) if last < page.today else None,
        shown=shown,
        waiting=waiting[:WAITING],
        more=max(0, len(waiting) - WAITING),
        tally=book.tally(found.values()),
        budget=page.site.settings.tables.patterns.budget,
        looked=await page.run(view.looked_at, page.site.settings),
        **_words(),
    )


@pages.get("/patterns/{finding}", roles=AUDITORS)
async def one(page: Page) -> Response:
    """One finding: why, by which shares and records, and its life."""
    return await _one(page)


@pages.post("/patterns/{finding}", roles=SUPERVISORS)
async def move(page: Page) -> Response:
    """Say what you make of it: its next state, with words where they are needed."""
    known = await _known(page)
    if view.is_about(known, page.operator):
        raise DeskError("same_person", "this is about you: somebody else deals with it")

    def act() -> None:
        with page.site.people() as db, page.site.ledger() as ledger:
            state, note = page.field("state"), page.field("note")
            findings.move(db, ledger, known.id, state, by=page.operator, note=note)

    try:
        await page.run(act)
    except GaritaError as error:
        return await _one(page, str(error))
    await page.nudge()
    return page.back(f"/patterns/{known.id}")


@pages.get("/patterns/{finding}/plot/{name}", roles=AUDITORS)
async def plot(page: Page) -> Response:
    """A picture beside a finding, drawn now."""
    known = await _known(page)
    wanted = [one for one in _pictures(page, known) if one.name == page.path("name")]
    svg = await pictures.drawn(page.site, known, wanted[0]) if wanted else None
    if svg is None:
        return Response(status_code=404)
    return Response(svg, media_type="image/svg+xml")


def _pictures(page: Page, known: Known) -> list[pictures.Picture]:
    """Those that the operator may see: a picture has the records of all doors."""
    return [] if page.operator.areas else pictures.pictures_of(known)


async def _one(page: Page, wrong: str = "") -> Response:
    known = await _known(page)
    lines = await page.run(view.lines, page, known)
    mine = view.is_about(known, page.operator)
    return page.render(
        "patterns/one.html",
        status=409 if wrong else 200,
        one=known,
        wrong=wrong,
        state=page.field("state"),
        note=page.field("note"),
        shares=view.shares(known),
        about=view.about(known, page.site.settings.tables.doors),
        lines=lines,
        hidden=len(known.records) - len(lines),
        acts=view.acts(known) if page.may(*SUPERVISORS) and not mine else [],
        mine=mine,
        pictures=_pictures(page, known),
        monday=view.monday_of(known.day, page.today),
        **_words(),
    )


async def _known(page: Page) -> Known:
    """The finding of the address.  Raises NotFound."""
    key = page.path("finding")
    found = (await page.run(view.all_of, page)).get(key)
    if found is None:
        raise NotFound("no_finding", "there is no finding {id}", id=key[:40])
    return found


def _words() -> dict[str, Any]:
    return {"pills": view.PILLS, "titles": findings.TITLES}
