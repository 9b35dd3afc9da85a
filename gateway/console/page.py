"""One request, as a screen's handler sees it: who asks, what they sent, and how to answer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.console.follow.view import View
from gateway.console.menu import menu
from gateway.console.roles import WATCHERS
from gateway.console.security.store import Session
from gateway.console.site import Site
from gateway.console.words import clock, rendered
from gateway.daemon.control import ControlError
from gateway.ledger.operator import Operator
from gateway.state.alarms.who import sees_secret

COOKIE = "garita"
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
        return found is not None and alive(found, self.site)

    def render(self, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page, or a fragment, of a template.  Beside `facts` it has `page`, `menu`, `csrf` and
        `clock`, which says a time in the site's zone."""
        roles = self._operator.roles if self._operator is not None else frozenset[str]()
        known = {screen.path for screen in self.request.app.state.screens}
        more = {
            "page": self,
            "menu": menu(self.request.url.path, roles, known),
            "csrf": self.session.csrf if self.session else "",
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
        inside = onward.startswith("/") and not onward.startswith(("//", "/\\"))
        response = self.back(onward if inside else "/")
        response.set_cookie(
            self.cookie,
            token,
            httponly=True,
            samesite="strict",
            secure=self.secure,
            path="/",
        )
        return response

    def signed_out(self) -> Response:
        """Take the session from the browser."""
        response = self.back("/login")
        response.delete_cookie(self.cookie, path="/", secure=self.secure, samesite="strict")
        return response

    @property
    def secure(self) -> bool:
        """Whether the browser came over TLS."""
        return self.request.url.scheme == "https"

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return cookie_name(self.request)


def cookie_name(request: Request) -> str:
    """With the prefix that browsers take over TLS alone (RFC 6265bis, section 4.1.3.2)."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


def alive(session: Session, site: Site) -> bool:
    """Whether a session's time is not over."""
    table, now = site.settings.tables.console, time.time()
    return now - session.began < table.session_h * 3600 and now - session.seen < table.idle_min * 60
