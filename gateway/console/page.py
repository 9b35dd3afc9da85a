"""One request, as a screen's handler sees it: who asks, what they sent, and how to answer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.console.follow.view import View
from gateway.console.menu import menu
from gateway.console.roles import WATCHERS
from gateway.console.security.credentials import KNOWN_S
from gateway.console.security.database import new_token
from gateway.console.security.store import Session
from gateway.console.site import Site
from gateway.console.words import clock, rendered
from gateway.daemon.control import ControlError
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.state.alarms.who import sees_secret

COOKIE, BROWSER = "garita", "garita-browser"
FRESH_S = 300.0
"""A second factor counts for so long for what asks for one just then."""
SURE_S = 10.0
P = ParamSpec("P")
T = TypeVar("T")


class Page:
    """A request of `operator`, who is signed in by `session`; both are None before the sign-in."""

    def __init__(
        self,
        request: Request,
        site: Site,
        session: Session | None,
        operator: Operator | None,
        form: FormData,
    ) -> None:
        self.request, self.site = request, site
        self.seq = site.hub.seq
        """The newest record when the request came: what a page shows is at least as new."""
        self.session, self._operator, self.form = session, operator, form
        self.half: Session | None = None
        """A sign-in that has begun and is not done; nothing but it can be reached by it."""
        self._posted = request.method == "POST"
        self._sure = time.monotonic()
        self.language, self.theme = site.settings.tables.site.language, "auto"
        if session is not None:
            language, theme = site.store.taste(session.operator)
            self.language, self.theme = language or self.language, theme or self.theme
        elif (asked := request.query_params.get("language", "")) in ("en", "es"):
            self.language = asked

    @property
    def operator(self) -> Operator:
        """Who acts; pass it as `by`."""
        assert self._operator is not None, "a page for NOBODY has no operator"
        return self._operator

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return self.site.settings.site.zone

    @property
    def view(self) -> View:
        """What the operator sees: language, roles, areas, and whether duress alarms."""
        by, table = self.operator, self.site.settings.tables.alarms
        return View(self.language, by.roles, by.areas, sees_secret(by.roles, table))

    @property
    def alarms(self) -> str:
        """The alarms that call somebody, as HTML for the top of every page; "" for those who watch
        no doors."""
        if self._operator is None or not self.may(*WATCHERS):
            return ""
        return self.site.alarms.strip(self.view)

    @property
    def fragment(self) -> bool:
        """Whether a part of a page is asked for (htmx), and not a whole one."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    def may(self, *roles: str) -> bool:
        """Whether the operator has one of `roles`."""
        return self._operator is not None and not self._operator.roles.isdisjoint(roles)

    def path(self, name: str) -> str:
        """A part of the address, such as the ``{number}`` of ``/trucks/{number}``."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A parameter of the address; "" if it is not there."""
        return self.request.query_params.get(name, "")

    def field(self, name: str) -> str:
        """A field of the form, without spaces around it; "" if it is not there."""
        found = self.form.get(name, "")
        return found.strip() if isinstance(found, str) else ""

    def fields(self, name: str) -> list[str]:
        """All fields of that name."""
        return [item for item in self.form.getlist(name) if isinstance(item, str)]

    def file(self, name: str) -> UploadFile | None:
        """An uploaded file; None if there is none."""
        found = self.form.get(name)
        return found if isinstance(found, UploadFile) and found.filename else None

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(...)` in a thread: files, databases, hashes."""
        return await self.site.run(work, *args, **kwargs)

    async def ask(self, op: str, **params: Any) -> dict[str, Any]:
        """Ask the running gateway in the operator's name.  Raises ControlError."""
        return await self.site.ask(self.operator, op, **params)

    async def nudge(self) -> None:
        """Have what was just done recorded at once; if the gateway is stopped, later."""
        with contextlib.suppress(ControlError):
            await self.site.ask(None, "nudge", timeout_s=2.0)

    async def still(self) -> bool:
        """Whether the session still holds, as an answer that goes on for long must ask."""
        if self.session is None:
            return False
        found = await self.run(self.site.store.by_digest, self.session.digest)
        if found is None or not found.alive(self.site.settings.tables.console, time.time()):
            return False
        if time.monotonic() - self._sure > SURE_S:  # the list is read for it
            if await self.run(self.site.holder, found) is None:
                return False
            self._sure = time.monotonic()
        return True

    def stepped_up(self, within_s: float = FRESH_S) -> bool:
        """Whether the operator has shown their second factor in the last `within_s` seconds."""
        return self.session is not None and time.time() - self.session.stepped <= within_s

    def step_up(self, onward: str = "") -> Response:
        """Have the operator show their second factor, and then go on to `onward`; by default this
        page, or for a form the page that it came from.  What was typed there is typed again."""
        if not onward:
            url = self.request.url
            came = urlsplit(self.request.headers.get("referer", ""))
            url_path, query = (came.path, came.query) if self._posted else (url.path, url.query)
            onward = f"{url_path or '/'}?{query}" if query else url_path or "/"
        return self.back(f"/confirm?next={quote(onward)}")

    def may_door(self, name: str) -> bool:
        """Whether the operator's part of the site has this door: it leads into or out of one of
        their areas."""
        scope = self.operator.areas
        door = self.site.settings.tables.doors.get(name)
        return not scope or (door is not None and not scope.isdisjoint({door.area, door.from_area}))

    async def note(self, kind: EventType, subject: str, **data: Any) -> None:
        """Put an event of the console itself on record, with who did it."""
        if self._operator is not None:
            data.setdefault("by", self._operator)
        await self.run(self.site.put, kind, subject, data)
        await self.nudge()

    @property
    def today(self) -> date:
        """The day at the site."""
        return self.site.today()

    @property
    def address(self) -> str:
        """The address of the browser; "" behind a Unix socket whose proxy does not say."""
        return self.request.client.host if self.request.client else ""

    @property
    def browser(self) -> str:
        """The token of the browser's own cookie; "" if it has none yet."""
        return self.request.cookies.get(cookie_name(self.request, BROWSER), "")[:100]

    @property
    def at_desk(self) -> bool:
        """Whether this browser is a screen beside the desk's reader."""
        has = bool(self.site.settings.tables.console.desk_reader)
        return has and self.site.store.paired(self.browser)

    def render(self, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page, or a fragment, of a template.  Beside `facts` it has `page`, `menu`, `csrf` and
        `clock`, which says a time in the site's zone."""
        roles = self._operator.roles if self._operator is not None else frozenset[str]()
        held = self.session or self.half
        known = {screen.path for screen in self.request.app.state.screens}
        more = {
            "page": self,
            "menu": menu(self.request.url.path, roles, known),
            "csrf": held.csrf if held else "",
            "clock": partial(clock, zone=self.zone),
        }
        return HTMLResponse(rendered(template, {**more, **facts}), status)

    def refused(self, why: str, status: int = 409) -> Response:
        """Say why something was not done."""
        template = "refused-part.html" if self.fragment else "refused.html"
        return self.render(template, status=status, why=why)

    def back(self, to: str = "") -> Response:
        """After an act: on to `to`, or to where the browser was."""
        if not to:
            came = urlsplit(self.request.headers.get("referer", ""))
            same = came.netloc == self.request.headers.get("host", "")
            query = f"?{came.query}" if came.query else ""
            to = came.path + query if same and came.path else "/"
        if self.fragment:
            return Response(status_code=204, headers={"hx-redirect": to})
        return RedirectResponse(to, 303)

    def signed_in(self, token: str, onward: str = "") -> Response:
        """Give the browser its session and go on to `onward`, a path of this console."""
        response = self.back(inside(onward))
        self._cookie(response, COOKIE, token)
        return response

    def remember_browser(self, response: Response) -> str:
        """Give the browser a token of its own, if it has none; returns it."""
        token = self.browser or new_token()
        self._cookie(response, BROWSER, token, most_s=int(KNOWN_S))
        return token

    def signed_out(self) -> Response:
        """Take the session from the browser."""
        response = self.back("/login")
        name = cookie_name(self.request)
        response.delete_cookie(name, path="/", secure=self.secure, samesite="strict", httponly=True)
        return response

    def _cookie(self, response: Response, name: str, value: str, most_s: int | None = None) -> None:
        response.set_cookie(
            cookie_name(self.request, name),
            value,
            max_age=most_s,
            httponly=True,
            samesite="strict",
            secure=self.secure,
            path="/",
        )

    @property
    def secure(self) -> bool:
        """Whether the browser came over TLS."""
        return self.request.url.scheme == "https"


def inside(path: str) -> str:
    """`path` if it is one of this console; "/" for any other address."""
    good = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if good and path.isprintable() else "/"


def cookie_name(request: Request, name: str = COOKIE) -> str:
    """With the prefix that browsers take over TLS alone (RFC 6265bis, section 4.1.3.2)."""
    return f"__Host-{name}" if request.url.scheme == "https" else name
