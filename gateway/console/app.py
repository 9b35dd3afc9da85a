"""Puts the screens together into one Starlette application.

For every request: gateway/console/guard.py, then the screen's handler, then the headers of
gateway/console/security/headers.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console.guard import guarded, who
from gateway.console.measures import Counted, Measures
from gateway.console.page import Page
from gateway.console.routes import Screen
from gateway.console.screens.account import pages as account
from gateway.console.screens.alarms import figures
from gateway.console.screens.alarms import pages as alarms
from gateway.console.screens.devices import opening, threat
from gateway.console.screens.devices import pages as devices
from gateway.console.screens.enrol import pages as enrol
from gateway.console.screens.evidence import every as evidence
from gateway.console.screens.explain import pages as explained
from gateway.console.screens.lists import pages as lists
from gateway.console.screens.live import muster, stream
from gateway.console.screens.live import pages as live
from gateway.console.screens.patterns import pages as patterns
from gateway.console.screens.people import acts as people_acts
from gateway.console.screens.people import pages as people
from gateway.console.screens.pictures import pages as pictures
from gateway.console.screens.records import every as records
from gateway.console.screens.shift import pages as shift
from gateway.console.screens.trucks import pages as trucks
from gateway.console.screens.visitors import every as visitors
from gateway.console.security.headers import SafeHeaders
from gateway.console.site import Site
from gateway.console.words import STATIC
from gateway.locale import N_, _, speaking

log = logging.getLogger("garita.console")

ALL = (
    *account.ALL,
    live.pages,
    muster.pages,
    stream.pages,
    pictures.pages,
    people.pages,
    people_acts.pages,
    explained.pages,
    lists.pages,
    figures.pages,
    alarms.pages,
    shift.pages,
    enrol.pages,
    *trucks.ALL,
    *visitors.ALL,
    *records.ALL,
    *evidence.ALL,
    patterns.pages,
    devices.pages,
    threat.pages,
    opening.pages,
)
"""The screens' modules; a new screen adds its `pages` here."""


def screens() -> list[Screen]:
    """Every address of the console."""
    return [screen for pages in ALL for screen in pages]


def app_of(site: Site) -> Starlette:
    """The application.  It follows the log from its start to its end."""
    measures = Measures(site)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in (site.follow(), measures.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await site.close()

    app = Starlette(
        routes=[
            *(Route(s.path, guarded(site, s), methods=[s.method]) for s in screens()),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[Middleware(Counted, measures=measures), Middleware(SafeHeaders)],
        exception_handlers={Exception: _failed, HTTPException: _plain},
        lifespan=lifespan,
    )
    app.state.site, app.state.screens = site, screens()
    return app


WHY = {
    404: N_("there is no such page, or what it was about is not here any more"),
    413: N_("this is larger than the form takes"),
}


async def _plain(request: Request, error: Exception) -> Response:
    """A page that says why there is none."""
    assert isinstance(error, HTTPException)
    why = WHY.get(error.status_code)
    if why is None or request.url.path.startswith("/static/"):
        return Response(status_code=error.status_code, headers=error.headers)
    return await _told(request, why, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    why = N_("something failed here; the console's own log says what.  The doors go on")
    try:
        return await _told(request, why, 500)
    except Exception:  # what a page needs failed as well
        return Response("500", 500, media_type="text/plain")


async def _told(request: Request, why: str, status: int) -> Response:
    site: Site = request.app.state.site
    asker = await site.run(who, site, request)
    page = Page(request, site, asker.session, asker.operator, FormData())
    with speaking(page.language):
        return page.refused(_(why), status)
