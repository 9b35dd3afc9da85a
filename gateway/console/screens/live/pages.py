"""GET /: what happens at the doors now, and who waits for a guard's word.

The page is whole without JavaScript; with it, its parts are kept fresh through the stream.
"""

from __future__ import annotations

import time

from starlette.responses import PlainTextResponse, Response

from gateway.console.follow.board import DOOR
from gateway.console.follow.screens import ROWS
from gateway.console.follow.view import portraits, waiting_of
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, GUARDS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.live.seen import view_of
from gateway.locale import _

pages = Pages()


@pages.get("/", roles=EVERYBODY)
async def live(page: Page) -> Response:
    """The live page; HR, who does not watch doors, goes on to the people."""
    if not page.may(*WATCHERS):
        return page.back("/people")
    site, view = page.site, view_of(page)
    parts = {name: shown.html for name, shown in site.screens.parts(view).items()}
    return page.render(
        "live/page.html",
        parts=parts,
        waiting=waiting_of(site.board, view),
        doors=site.screens.doors(view),
        extras=list(site.board.extras),
        rows=site.screens.rows(view, 0),
        most=ROWS,
        wall=page.query("wall") == "1",
    )


@pages.get("/live/clock", roles=WATCHERS)
async def clock(page: Page) -> Response:
    """The console's time (Unix, ms), so that a browser can say how long a record took to it."""
    return PlainTextResponse(str(round(time.time() * 1000, 1)))


@pages.post("/live/answer", roles=GUARDS)
async def answer(page: Page) -> Response:
    """A guard's word for one who waits.  The daemon takes it once, for that request alone; what
    comes late, twice or for nobody opens nothing, and the page says so."""
    door, word = page.field("door"), page.field("word")
    if word not in ("yes", "no"):
        return page.refused(_("let pass, or do not: choose one of the two"))
    if DOOR + door not in page.site.screens.doors(view_of(page)):
        return page.refused(_("there is no such door"))
    told = await page.ask("door_confirm", id=page.field("id"), door=door, yes=word == "yes")
    if not page.fragment:
        return page.back("/")
    name = told.get("name") or told.get("person", "")
    said = _("{name} may pass.") if word == "yes" else _("{name} does not pass.")
    kind = "good" if word == "yes" else "info"
    return page.render("live/answered.html", kind=kind, text=said.format(name=name))


@pages.post("/live/more-time", roles=GUARDS)
async def more_time(page: Page) -> Response:
    """A guard needs longer for their word: once for each who waits, and nothing opens by it."""
    door = page.field("door")
    if DOOR + door not in page.site.screens.doors(view_of(page)):
        return page.refused(_("there is no such door"))
    await page.ask("door_confirm_extend", id=page.field("id"), door=door)
    return Response(status_code=204) if page.fragment else page.back("/")


@pages.get("/live/pictures/{door}/{seq}", roles=WATCHERS)
async def pictures(page: Page) -> Response:
    """The enrolled photograph of the person of a record beside what the door's camera sees now."""
    settings, seq = page.site.settings, page.path("seq")
    table = settings.tables.doors.get(page.path("door"))
    known = page.site.board.doors.all.get(page.path("door"))
    seen = known.passage if known is not None else None
    if table is None or seen is None or str(seen.seq) != seq or not seen.person:
        return page.refused(_("somebody else has come since: look at the door's tile"), 404)
    return page.render(
        "live/pictures.html" if page.fragment else "live/pictures-page.html",
        person=seen.person,
        name=seen.who,
        portrait=portraits(settings),
        camera=table.camera or "",
    )
