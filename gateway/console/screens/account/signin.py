"""Signing in: name and password or a one-time code, then what is still missing; and signing out."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATOR, EVERYBODY, NOBODY
from gateway.console.routes import Pages
from gateway.console.screens.account import begin
from gateway.console.screens.account.begin import NotShown, note, second_facts, show_second
from gateway.console.security import passwords
from gateway.console.security.limits import Try
from gateway.console.security.passwords import WeakPassword
from gateway.console.security.store import ENROL, FULL, PASSWORD, SECOND
from gateway.ledger.event import EventType
from gateway.locale import LANGUAGES, GaritaError, _

pages = Pages()
_one_at_a_time = asyncio.Lock()  # of hashes, for their memory
LONGEST_NAME = 64


@pages.get("/login", roles=NOBODY)
async def login(page: Page) -> Response:
    """The form to sign in."""
    return _login(page)


def _login(page: Page, wrong: str = "", status: int = 200) -> Response:
    return page.render(
        "security/login.html",
        status=status,
        name=page.field("name")[:LONGEST_NAME],
        wrong=wrong,
        onward=page.query("next") or page.field("next"),
        company=page.site.settings.tables.console.oidc is not None,
    )


@pages.post("/login", roles=NOBODY)
async def sign_in(page: Page) -> Response:
    """Begin a session with a password."""
    name, typed = page.field("name")[:LONGEST_NAME], page.field("password")
    store, limits = page.site.store, page.site.limits
    known = page.browser if await page.run(_knows, page, name) else ""
    tried = Try(name, page.address, known)
    if wait_s := limits.wait_s(tried):
        if limits.first_told(tried):
            await begin.refused(page, name, "limited")
        wrong = _("too many tries: wait, minutes: {n}").format(n=round(wait_s / 60 + 0.5))
        return _login(page, wrong, 429)
    operator = await page.run(page.site.operators.named, name)
    async with _one_at_a_time:
        hashed = await page.run(store.password, name) if operator is not None else ""
        good = await page.run(passwords.right, hashed, typed)
    if not good:
        await begin.refused(page, name, "wrong")
        return _login(page, _("name or password is wrong"), 401)
    limits.good(tried)
    try:
        return await begin.begin(page, name, how="password", onward=page.field("next"))
    except GaritaError as error:
        return _login(page, str(error), 403)


def _knows(page: Page, name: str) -> bool:
    return page.site.store.credentials.knows_browser(name, page.browser)


@pages.get("/login/code", roles=NOBODY)
async def code(page: Page) -> Response:
    """The form for the first sign-in."""
    return page.render("security/code.html", name="", wrong="")


@pages.post("/login/code", roles=NOBODY)
async def with_code(page: Page) -> Response:
    """Begin a session with a one-time code, which goes on with the choice of a password.  A code
    has 60 bits: nobody guesses one, so no count of tries can keep an administrator out here."""
    name, typed = page.field("name")[:LONGEST_NAME], page.field("code")
    if not await page.run(page.site.store.credentials.take_code, name, typed):
        if page.site.limits.first_told(Try(name, page.address)):
            await begin.refused(page, name, "wrong_code")
        facts = {"name": name, "wrong": _("name or code is wrong, or the code was used before")}
        return page.render("security/code.html", status=401, **facts)
    try:
        return await begin.begin(page, name, how="code", onward="/", stage=PASSWORD)
    except GaritaError as error:
        return page.render("security/code.html", status=403, name=name, wrong=str(error))


@pages.get("/login/password", roles=NOBODY)
async def password(page: Page) -> Response:
    """The form to choose a password."""
    if page.half is None or page.half.stage != PASSWORD:
        return page.back("/login")
    return page.render("security/password.html", wrong="", name=page.half.operator)


@pages.post("/login/password", roles=NOBODY)
async def choose_password(page: Page) -> Response:
    """Take the password and go on to the second factor, or in."""
    half = page.half
    if half is None or half.stage != PASSWORD:
        return page.back("/login")
    operator = await page.run(page.site.acts, half.operator)
    try:
        names = (half.operator, operator.name if operator else "", page.site.settings.site.gateway)
        await take_password(page, half.operator, *names)
    except WeakPassword as error:
        facts = {"wrong": str(error), "name": half.operator}
        return page.render("security/password.html", status=409, **facts)
    await page.run(page.site.store.end_all, half.operator, but=half.digest)
    if await page.run(page.site.store.credentials.has_second, half.operator):
        return await begin.go_on(page, "code", stage=SECOND)
    administrator = operator is not None and ADMINISTRATOR in operator.roles
    return await begin.go_on(page, "code", stage=ENROL if administrator else FULL)


async def take_password(page: Page, login: str, *names: str) -> None:
    """Keep the password of the form, with its event.  Raises WeakPassword."""
    new = page.field("password")
    passwords.check_new(new, page.field("again"), *names)
    async with _one_at_a_time:
        hashed = await page.run(passwords.hashed, new)
    await page.run(page.site.store.credentials.set_password, login, hashed)
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, login, name=login, what="new_password",
               by=login)  # fmt: skip


async def password_right(page: Page, login: str) -> bool:
    """Whether the field `old` is the operator's password, within the limits on tries."""
    if page.site.limits.second_wait_s(f"password {login}"):
        return False
    async with _one_at_a_time:
        hashed = await page.run(page.site.store.password, login)
        good = await page.run(passwords.right, hashed, page.field("old"))
    if good:
        page.site.limits.good_second(f"password {login}")
    return good


@pages.get("/login/second", roles=NOBODY)
async def second(page: Page) -> Response:
    """The form for the second factor."""
    return await _second(page)


async def _second(page: Page, wrong: str = "", status: int = 200) -> Response:
    if page.half is None or page.half.stage != SECOND:
        return page.back("/login")
    facts = await second_facts(page, page.half)
    onward = page.query("next") or page.field("next")
    return page.render(
        "security/second.html",
        status=status,
        wrong=wrong,
        onward=onward,
        action="/login/second",
        name=page.half.operator,
        **facts,
    )


@pages.post("/login/second", roles=NOBODY)
async def with_second(page: Page) -> Response:
    """Take the second factor, and in."""
    if page.half is None or page.half.stage != SECOND:
        return page.back("/login")
    try:
        which = await show_second(page, page.half)
    except NotShown as error:
        return await _second(page, str(error), 401)
    return await begin.go_on(page, f"password+{which}", shown=True)


@pages.post("/login/leave", roles=NOBODY)
async def leave(page: Page) -> Response:
    """Begin again, as somebody else."""
    if page.half is not None:
        await page.run(page.site.store.end, page.half)
    return page.signed_out()


@pages.post("/logout", roles=EVERYBODY)
async def sign_out(page: Page) -> Response:
    """End this session."""
    assert page.session is not None
    await page.run(page.site.store.end, page.session)
    await note(page, EventType.CONSOLE_SIGNED_OUT, page.session.operator)
    return page.signed_out()


@pages.post("/taste", roles=EVERYBODY)
async def taste(page: Page) -> Response:
    """Keep the language and the theme that the operator chose."""
    assert page.session is not None
    language, theme = page.field("language") or page.language, page.field("theme") or page.theme
    if language in LANGUAGES and theme in ("auto", "light", "dark"):
        await page.run(page.site.store.set_taste, page.session.operator, language, theme)
    return page.back()
