"""The pages of the first-run wizard, on this machine alone, for whoever has its one-time address.

There are no accounts yet.  The address that `garita console setup` prints has a code; the browser
that opens it gets a cookie, and nobody else sees a page.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from drivers.cameras.probe import why_not
from gateway.console.security.headers import SafeHeaders
from gateway.console.setup.wizard import STEPS, Wizard
from gateway.console.words import STATIC, rendered
from gateway.locale import GaritaError, _, speaking, worded
from gateway.setup.draft import mistakes, toml
from gateway.setup.draft import wrong as wrong_of
from gateway.setup.making import NotMade
from gateway.setup.snapshot import picture
from gateway.wording import text as wording
from gateway.wording import words
from gateway.wording.details import detail

COOKIE = "garita-setup"
HOSTS = ["127.0.0.1", "localhost", "[::1]"]
FORM_BYTES = 16 * 1024
CAMERA = re.compile(r"\d{1,2}|(?:rtsps?|https?)://\S{1,280}")
Handler = Callable[["Ask"], Awaitable[Response]]


class Ask:
    """One request to the wizard."""

    def __init__(self, request: Request, wizard: Wizard, form: FormData) -> None:
        self.request, self.wizard, self.form = request, wizard, form

    @property
    def language(self) -> str:
        return self.wizard.draft.language

    def field(self, name: str) -> str:
        """A field of the form; "" if it is not there."""
        found = self.form.get(name, "")
        return found.strip() if isinstance(found, str) else ""

    def show(self, step: str, *, status: int = 200, **facts: Any) -> Response:
        """The page of a step, or of a part of it."""
        wizard = self.wizard
        titles = {
            "site": _("This gate"),
            "reader": _("Reader"),
            "lock": _("Lock"),
            "camera": _("Camera"),
            "person": _("You"),
            "check": _("Check"),
            "door": _("First door"),
        }
        steps = [
            (
                name,
                titles[name],
                "done" if wizard.answered(name) else "later",
                wizard.reachable(name),
            )
            for name in STEPS
        ]
        part = f"-{facts.pop('part')}" if facts.get("part") else ""
        more = {"ask": self, "steps": steps, "here": step, "draft": wizard.draft}
        more |= {"csrf": wizard.form, "virtual": wizard.virtual, "said": ""}
        more["wrong"] = defaultdict(str, facts.pop("wrong", {}))
        return HTMLResponse(rendered(f"setup/{step}{part}.html", {**more, **facts}), status)

    def onward(self) -> Response:
        """To the step that is next."""
        return RedirectResponse(f"/{self.wizard.current()}", 303)


def app_of(wizard: Wizard, finish: Callable[[], None]) -> Starlette:
    """The wizard's application; `finish` ends its server."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await wizard.close()

    async def finished(ask: Ask) -> Response:
        await ask.wizard.close()
        finish()
        return ask.show("end")

    routes: list[tuple[str, str, Handler]] = [
        ("GET", "/", _start),
        ("GET", "/site", _site),
        ("POST", "/site", _site_said),
        ("POST", "/language", _language),
        ("GET", "/reader", _reader),
        ("GET", "/reader/ports", partial(_ports, step="reader")),
        ("POST", "/reader/port", _reader_port),
        ("GET", "/reader/heard", _heard),
        ("POST", "/reader", _reader_said),
        ("GET", "/lock", _lock),
        ("GET", "/lock/ports", partial(_ports, step="lock")),
        ("POST", "/lock", _lock_said),
        ("GET", "/camera", _camera),
        ("POST", "/camera/try", _camera_try),
        ("POST", "/camera", _camera_said),
        ("GET", "/person", _person),
        ("POST", "/person", _person_said),
        ("GET", "/check", _check),
        ("POST", "/check", _check_said),
        ("GET", "/door", _door),
        ("GET", "/door/seen", partial(_door, part="seen")),
        ("POST", "/virtual/badge", _virtual_badge),
        ("POST", "/end", finished),
    ]
    return Starlette(
        routes=[
            *(Route(path, _guarded(wizard, act), methods=[way]) for way, path, act in routes),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(SafeHeaders),
        ],
        lifespan=lifespan,
    )


def _guarded(wizard: Wizard, act: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        with speaking(wizard.draft.language):
            code = request.query_params.get("code", "")
            if code and request.method == "GET" and _same(code, wizard.code):
                answer = RedirectResponse("/", 303)
                answer.set_cookie(COOKIE, wizard.code, httponly=True, samesite="strict")
                return answer
            if not _same(request.cookies.get(COOKIE, ""), wizard.code):
                return Response(_("Open the address that garita console setup printed."), 403)
            form = FormData()
            if request.method == "POST":
                length = request.headers.get("content-length", "")
                if not length.isdigit() or int(length) > FORM_BYTES:
                    return Response(status_code=413)
                form = await request.form(max_files=0, max_fields=50)
                site = request.headers.get("sec-fetch-site", "same-origin")
                sent = request.headers.get("x-csrf", "") or str(form.get("csrf", ""))
                if site not in ("same-origin", "none") or not _same(sent, wizard.form):
                    return Response(status_code=403)
            step = request.url.path.split("/")[1]
            if step in STEPS and not wizard.reachable(step):
                return RedirectResponse(f"/{wizard.current()}", 303)
            return await act(Ask(request, wizard, form))

    return endpoint


def _same(sent: str, wanted: str) -> bool:
    return hmac.compare_digest(sent.encode(), wanted.encode())


async def _start(ask: Ask) -> Response:
    return ask.onward()


async def _language(ask: Ask) -> Response:
    if (language := ask.field("language")) in ("en", "es"):
        ask.wizard.change(language=language)
    return RedirectResponse(f"/{ask.field('here') if ask.field('here') in STEPS else ''}", 303)


async def _site(ask: Ask) -> Response:
    return ask.show("site", zones=sorted(available_timezones()))


async def _site_said(ask: Ask) -> Response:
    ask.wizard.change(gateway=ask.field("gateway"), timezone=ask.field("timezone"))
    return await _next(ask, "site", "gateway", "timezone")


async def _next(ask: Ask, step: str, *names: str, **facts: Any) -> Response:
    """On to the next step, or the same again with what is missing or wrong."""
    wrong = await run_in_threadpool(wrong_of, ask.wizard.draft, ask.wizard.places, *names)
    if not wrong:
        return RedirectResponse(f"/{STEPS[STEPS.index(step) + 1]}", 303)
    if step == "site":
        facts["zones"] = sorted(available_timezones())
    return ask.show(step, status=422, wrong=wrong, **facts)


async def _reader(ask: Ask) -> Response:
    return ask.show("reader", ports=ask.wizard.ports(), heard=ask.wizard.heard())


async def _ports(ask: Ask, *, step: str) -> Response:
    ports = await run_in_threadpool(ask.wizard.ports)
    return ask.show(step, part="ports", ports=ports, heard=ask.wizard.heard())


async def _reader_port(ask: Ask) -> Response:
    path = ask.field("port")
    if path in {port.path for port, _new in ask.wizard.ports()}:
        await ask.wizard.listen(path)
    return RedirectResponse("/reader", 303)


async def _heard(ask: Ask) -> Response:
    return ask.show("reader", part="heard", heard=ask.wizard.heard())


async def _reader_said(ask: Ask) -> Response:
    heard, listening = ask.wizard.heard(), ask.wizard.listening
    if heard is None or listening is None or not heard.card:
        return ask.show(
            "reader",
            status=422,
            ports=ask.wizard.ports(),
            heard=heard,
            said=_("Choose the port of the reader, and hold a badge to it."),
        )
    ask.wizard.change(
        reader_port=listening.path,
        reader_driver=heard.driver,
        reader_baudrate=heard.baudrate,
        badge=heard.card,
    )
    await ask.wizard.quiet()
    return RedirectResponse("/lock", 303)


async def _lock(ask: Ask) -> Response:
    return ask.show("lock", ports=ask.wizard.ports(), heard=None)


async def _lock_said(ask: Ask) -> Response:
    numbers = {}
    for name, most in (("channels", 16), ("channel", 16)):
        sent = ask.field(name)
        numbers[name] = min(most, max(1, int(sent))) if sent.isascii() and sent.isdigit() else 1
    port = ask.field("port")
    known = {item.path for item, _new in ask.wizard.ports()}
    ask.wizard.change(
        lock_port=port if port in known else "",
        fail=ask.field("fail") if ask.field("fail") in ("secure", "safe") else "",
        door=ask.field("door"),
        channels=max(numbers.values()),
        channel=numbers["channel"],
    )
    facts = {"ports": ask.wizard.ports(), "heard": None}
    return await _next(ask, "lock", "lock_port", "fail", "door", "channel", **facts)


async def _camera(ask: Ask) -> Response:
    return ask.show("camera", cameras=_cameras(ask), source="", shown="")


def _cameras(ask: Ask) -> list[tuple[str, str]]:
    return [(camera.source, camera.about) for camera in ask.wizard.cameras()]


async def _camera_try(ask: Ask) -> Response:
    """A picture of the camera, or why there is none."""
    source = _source(ask)
    facts: dict[str, Any] = {"cameras": _cameras(ask), "source": source, "shown": ""}
    if not source:
        facts["said"] = _("Choose a camera, or write its address (rtsp://...).")
    elif (data := await picture(source)) is not None:
        facts["shown"] = base64.b64encode(data).decode()
    else:
        refusal = await run_in_threadpool(why_not, source)
        why = f"{words.word(refusal.state.value)} {refusal.detail}".strip()
        facts["said"] = _("There is no picture: {why}").format(why=why)
    return ask.show("camera", **facts)


async def _camera_said(ask: Ask) -> Response:
    ask.wizard.change(camera=_source(ask) if ask.field("use") == "yes" else "")
    ask.wizard.camera_asked = True
    return RedirectResponse("/person", 303)


def _source(ask: Ask) -> str:
    source = ask.field("address") or ask.field("source")
    return source if CAMERA.fullmatch(source) else ""


async def _person(ask: Ask) -> Response:
    return ask.show("person")


async def _person_said(ask: Ask) -> Response:
    ask.wizard.change(person=ask.field("person"), operator=ask.field("operator").lower())
    return await _next(ask, "person", "person", "operator")


async def _check(ask: Ask) -> Response:
    wizard = ask.wizard
    found = await run_in_threadpool(mistakes, wizard.draft, wizard.places)
    text = toml(wizard.draft, wizard.places)
    return ask.show("check", text=text, mistakes=found, places=wizard.places)


async def _check_said(ask: Ask) -> Response:
    wizard = ask.wizard
    try:
        await run_in_threadpool(wizard.write)
    except NotMade as error:
        text = toml(wizard.draft, wizard.places)
        facts = {"text": text, "mistakes": [], "places": wizard.places, "said": str(error)}
        return ask.show("check", status=409, **facts)
    return RedirectResponse("/door", 303)


async def _door(ask: Ask, part: str = "") -> Response:
    try:
        trial = await ask.wizard.open_gate()
    except GaritaError as error:
        return ask.show("door", part=part, seen=None, why=str(error), answer="")
    seen = await trial.look()
    answer = wording.reason(str(seen.answer["reason"])) if seen.answer else ""
    away = {name: detail(why) for name, why in (seen.away or {}).items()}
    return ask.show("door", part=part, seen=seen, why="", answer=answer, away=away)


async def _virtual_badge(ask: Ask) -> Response:
    virtual = ask.wizard.virtual
    if virtual is None:
        raise GaritaError(worded("these devices are real"))
    with contextlib.suppress(OSError):
        virtual.hold_badge()
    return Response(status_code=204)
