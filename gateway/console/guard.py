"""What stands before every screen: whose request it is, whether they may, and if they meant it.

In this order: the host that was asked for, the session with its browser and its time, the operator
on the list of today, the role, the size of the form, its token, and a fresh second factor where the
screen wants one.  Only then the screen's handler runs.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.page import Page, cookie_name
from gateway.console.roles import EVERYBODY, NOBODY
from gateway.console.routes import Screen
from gateway.console.security.store import FULL, Session, browser_mark
from gateway.console.site import Site
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, _, speaking

MOST_FIELDS = 500
MOST_FILES = 20
TOUCH_S = 30.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose request it is: `session` and `operator` of a sign-in that is done, `half` of one that
    has only begun; None for nobody."""

    session: Session | None = None
    operator: Operator | None = None
    half: Session | None = None


def guarded(site: Site, screen: Screen) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a screen."""

    async def endpoint(request: Request) -> Response:
        if not known_host(site, request):
            raise HTTPException(421)
        asker = await site.run(who, site, request)
        if screen.roles is not NOBODY and asker.operator is None:
            return sign_in_first(request)
        page = Page(request, site, asker.session, asker.operator, FormData())
        page.half = asker.half
        with speaking(page.language):
            if screen.roles not in (NOBODY, EVERYBODY) and not page.may(*screen.roles):
                if await _would(page, screen):
                    return page.step_up()
                return page.refused(_("your role may not do this"), 403)
            if screen.method == "POST":
                page.form = await _form(request, screen)
                if not meant(page):
                    why = _("this form is too old, or another page sent it: load the page again")
                    return page.refused(why, 403)
            if screen.fresh and not page.stepped_up():
                return page.step_up()
            try:
                return await screen.handler(page)
            except GaritaError as error:
                return page.refused(str(error))

    return endpoint


async def _would(page: Page, screen: Screen) -> bool:
    """Whether the operator might, and only this session may not: it began by a badge, and a second
    factor gives it all their roles."""
    if page.session is None or page.session.roles is None:
        return False
    full = await page.run(page.site.acts, page.session.operator)
    return full is not None and not full.roles.isdisjoint(screen.roles)


def known_host(site: Site, request: Request) -> bool:
    """Whether the browser asked for this console and not for a name that somebody else made point
    here (DNS rebinding)."""
    table = site.settings.tables.console
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if name == "localhost" or (table.public_url and name == urlsplit(table.public_url).hostname):
        return True
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return not table.public_url and not table.local


def who(site: Site, request: Request) -> Asker:
    """The session of the browser's cookie and its operator, if they still hold.  Blocks."""
    token = request.cookies.get(cookie_name(request), "")
    session = site.store.session(token) if token else None
    if session is None:
        return Asker()
    table, now = site.settings.tables.console, time.time()
    if not session.alive(table, now):
        return Asker()
    address = request.client.host if request.client and table.bind_address else session.address
    if not session.bound(browser_mark(request.headers.get("user-agent", "")), address):
        site.store.end(session)  # whoever took the cookie, it is worth nothing now
        data = {"name": session.operator, "why": "elsewhere", "address": address, "by": ""}
        site.put(EventType.CONSOLE_SESSION_ENDED, session.operator, data)
        return Asker()
    operator = site.holder(session)
    if operator is None:
        return Asker()
    if session.stage != FULL:
        return Asker(half=session)
    by_hand = request.method == "POST" or "hx-request" not in request.headers
    stream = request.headers.get("accept", "").startswith("text/event-stream")
    if by_hand and not stream and now - session.seen > TOUCH_S:
        site.store.touch(session)  # what a page loads by itself is no sign of a person
    return Asker(session, operator)


async def _form(request: Request, screen: Screen) -> FormData:
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise HTTPException(411)
    if int(length) > screen.upload:
        raise HTTPException(413)
    return await request.form(
        max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=screen.upload
    )


def meant(page: Page) -> bool:
    """Whether a form came from a page of ours: by the token of the session, and by what the
    browser says of its origin (Fetch Metadata, Origin)."""
    headers = page.request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
        return False
    held = page.session or page.half
    if held is None:
        return True
    sent = headers.get("x-csrf", "") or page.field("csrf")
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), held.csrf.encode())


def sign_in_first(request: Request) -> Response:
    """The answer to nobody: go and sign in."""
    query = f"?{request.url.query}" if request.url.query else ""
    to = f"/login?next={quote(request.url.path + query)}" if request.method == "GET" else "/login"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": "/login"})
    if request.headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=401)
    return RedirectResponse(to, 303)
