"""Puts the screens together into one Starlette application, and guards each address.

For every request: the session, the role, for an act the form's token, then the handler, then the
headers of gateway/console/security/headers.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console.page import Page, alive, cookie_name
from gateway.console.roles import NOBODY
from gateway.console.routes import Screen
from gateway.console.screens.account import signin
from gateway.console.screens.alarms import figures
from gateway.console.screens.alarms import pages as alarms
from gateway.console.screens.devices import opening, threat
from gateway.console.screens.devices import pages as devices
from gateway.console.screens.enrol import pages as enrol
from gateway.console.screens.lists import pages as lists
from gateway.console.screens.live import muster, stream
from gateway.console.screens.live import pages as live
from gateway.console.screens.pictures import pages as pictures
from gateway.console.screens.shift import pages as shift
from gateway.console.screens.trucks import pages as trucks
from gateway.console.screens.visitors import every as visitors
from gateway.console.security.headers import SafeHeaders
from gateway.console.security.store import Session
from gateway.console.site import Site
from gateway.console.words import STATIC
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, _, speaking

log = logging.getLogger("garita.console")

ALL = (
    signin.pages,
    live.pages,
    muster.pages,
    stream.pages,
    pictures.pages,
    lists.pages,
    figures.pages,
    alarms.pages,
    shift.pages,
    enrol.pages,
    *trucks.ALL,
    *visitors.ALL,
    devices.pages,
    threat.pages,
    opening.pages,
)
"""The screens' modules; a new screen adds its `pages` here."""

MOST_FIELDS = 500
TOUCH_S = 30.0


def screens() -> list[Screen]:
    """Every address of the console."""
    return [screen for pages in ALL for screen in pages]


def app_of(site: Site) -> Starlette:
    """The application.  It follows the log from its start to its end."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(site.follow())
        try:
            yield
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await site.close()

    app = Starlette(
        routes=[
            *(Route(s.path, _endpoint(site, s), methods=[s.method]) for s in screens()),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={Exception: _failed, HTTPException: _plain},
        lifespan=lifespan,
    )
    app.state.site, app.state.screens = site, screens()
    return app


def _endpoint(site: Site, screen: Screen):  # type: ignore[no-untyped-def]
    async def endpoint(request: Request) -> Response:
        session, operator = await _who(site, request)
        if screen.roles is not NOBODY and (session is None or operator is None):
            return _sign_in_first(request)
        form = FormData()
        if screen.method == "POST":
            form = await _form(request, screen)
        page = Page(request, site, session, operator, form)
        with speaking(page.language):
            if screen.roles is not NOBODY and not page.may(*screen.roles):
                return page.refused(_("your role may not do this"), 403)
            if screen.method == "POST" and not _meant(page):
                why = _("this form is too old, or another page sent it: load the page again")
                return page.refused(why, 403)
            try:
                return await screen.handler(page)
            except GaritaError as error:
                return page.refused(str(error))

    return endpoint


async def _who(site: Site, request: Request) -> tuple[Session | None, Operator | None]:
    """The session of the browser's cookie and its operator, if they still hold."""
    token = request.cookies.get(cookie_name(request), "")
    if not token:
        return None, None

    def found() -> tuple[Session | None, Operator | None]:
        session = site.store.session(token)
        if session is None or not alive(session, site):
            return None, None
        return session, site.operators.named(session.operator)

    return await site.run(found)


async def _form(request: Request, screen: Screen) -> FormData:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > screen.upload:
        raise HTTPException(413 if length.isdigit() else 411)
    return await request.form(max_files=20, max_fields=MOST_FIELDS, max_part_size=screen.upload)


def _meant(page: Page) -> bool:
    """Whether a form came from a page of ours: by the token of the session, and by what the
    browser says of its origin (Fetch Metadata)."""
    if page.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    if page.session is None:
        return True
    sent = page.request.headers.get("x-csrf", "") or page.field("csrf")
    return hmac.compare_digest(sent.encode(), page.session.csrf.encode())


def _sign_in_first(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    to = f"/login?next={quote(request.url.path + query)}" if request.method == "GET" else "/login"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": "/login"})
    if request.headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=401)
    return RedirectResponse(to, 303)


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(status_code=error.status_code, headers=error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    return Response("500", 500, media_type="text/plain")
