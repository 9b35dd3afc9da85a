"""Signing in and out, and an operator's own choice of language and theme."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, NOBODY
from gateway.console.routes import Pages
from gateway.console.security import passwords
from gateway.locale import LANGUAGES, _

pages = Pages()
_one_at_a_time = asyncio.Lock()  # a hash takes 64 MiB


@pages.get("/login", roles=NOBODY)
async def login(page: Page) -> Response:
    """The form to sign in."""
    return page.render("security/login.html", name="", wrong="", onward=page.query("next"))


@pages.post("/login", roles=NOBODY)
async def sign_in(page: Page) -> Response:
    """Begin a session."""
    name, typed = page.field("name"), page.field("password")
    operator = page.site.operators.named(name)
    async with _one_at_a_time:
        known = await page.run(page.site.store.password, name) if operator else ""
        good = await page.run(passwords.right, known, typed)
    if operator is None or not good:
        wrong = _("name or password is wrong")
        facts = {"name": name, "wrong": wrong, "onward": page.field("next")}
        return page.render("security/login.html", status=401, **facts)
    token = await page.run(page.site.store.begin, name)
    return page.signed_in(token, page.field("next"))


@pages.post("/logout", roles=EVERYBODY)
async def sign_out(page: Page) -> Response:
    """End this session."""
    assert page.session is not None
    await page.run(page.site.store.end, page.session)
    return page.signed_out()


@pages.post("/taste", roles=EVERYBODY)
async def taste(page: Page) -> Response:
    """Keep the language and the theme that the operator chose."""
    assert page.session is not None
    language, theme = page.field("language") or page.language, page.field("theme") or page.theme
    if language in LANGUAGES and theme in ("auto", "light", "dark"):
        await page.run(page.site.store.set_taste, page.session.operator, language, theme)
    return page.back()
