"""How a sign-in goes on, whatever it began with: badge, password, code or the company's account."""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import quote

from starlette.responses import Response

from gateway.console.page import Page, inside
from gateway.console.roles import ADMINISTRATOR
from gateway.console.security import codes
from gateway.console.security.origin import origin_of
from gateway.console.security.store import (
    ENROL,
    FULL,
    PASSWORD,
    SECOND,
    Session,
    browser_mark,
)
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, worded

PLACES = {SECOND: "/login/second", PASSWORD: "/login/password", ENROL: "/login/enrol"}
"""Where a sign-in goes on, by its stage."""

_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"),
             ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Macintosh", "Mac"), ("Linux", "Linux"))  # fmt: skip


class NotShown(GaritaError):
    """A second factor was not shown; the message says why."""


def device_of(agent: str) -> str:
    """A browser and its system, as people call them: ``Firefox, Windows``."""
    found = (
        next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(part for part in found if part)


async def begin(
    page: Page,
    login: str,
    *,
    how: str,
    onward: str,
    roles: Iterable[str] | None = None,
    stage: str | None = None,
) -> Response:
    """The first factor of `login` is proven: begin a session, and ask for what is still missing.

    `roles` are all that the session may use (None: every one).  A session of a person who is an
    administrator begins after a second factor; one with fewer roles needs none.
    """
    operator = await page.run(page.site.acts, login)
    if operator is None:
        await refused(page, login, "not_active")
        raise GaritaError(worded("you are not active on the list of people today"))
    if stage is None:
        stage = await page.run(_stage, page, login, operator) if roles is None else FULL
    agent = page.request.headers.get("user-agent", "")

    def made() -> str:
        page.site.store.sweep(page.site.settings.tables.console)  # what is over is not kept
        return page.site.store.begin(
            login,
            how=how,
            stage=stage,
            roles=roles,
            browser=browser_mark(agent),
            address=page.address,
            device=device_of(agent),
        )

    if page.session is not None:
        before = page.session
        await page.run(page.site.store.end, before)
        await note(page, EventType.CONSOLE_SESSION_ENDED, before.operator, why="taken_over",
                   name=before.operator, by=operator)  # fmt: skip
    token = await page.run(made)
    if stage == FULL:
        return await done(page, login, operator, token, how=how, onward=onward)
    return page.signed_in(token, f"{PLACES[stage]}?next={quote(inside(onward))}")


def _stage(page: Page, login: str, operator: Operator) -> str:
    if page.site.store.credentials.has_second(login):
        return SECOND
    return ENROL if ADMINISTRATOR in operator.roles else FULL


async def go_on(page: Page, how: str, *, stage: str = FULL, shown: bool = False) -> Response:
    """The sign-in that had begun goes on to `stage`; `shown`: with the second factor, now."""
    assert page.half is not None
    half, onward = page.half, page.field("next") or page.query("next")
    stepped = time.time() if shown else None
    token = await page.run(page.site.store.renew, half, stage=stage, stepped=stepped)
    if stage != FULL:
        return page.signed_in(token, f"{PLACES[stage]}?next={quote(inside(onward))}")
    operator = await page.run(page.site.acts, half.operator)
    assert operator is not None  # the guard has just asked
    return await done(page, half.operator, operator, token, how=how, onward=onward)


async def done(
    page: Page, login: str, operator: Operator, token: str, *, how: str, onward: str
) -> Response:
    """A sign-in is whole: on record, and the browser is known from now on."""
    device = device_of(page.request.headers.get("user-agent", ""))
    await note(page, EventType.CONSOLE_SIGNED_IN, login, by=operator, how=how, device=device)
    response = page.signed_in(token, onward)
    if how != "badge":  # a shared screen knows nobody by their badge
        browser = page.remember_browser(response)
        await page.run(page.site.store.credentials.know_browser, login, browser)
    return response


async def refused(page: Page, login: str, why: str) -> None:
    """Put a refused sign-in on record.  A name that nobody has may be a password that was typed in
    the wrong field, so it is not written down."""
    known = await page.run(page.site.operators.named, login) is not None
    name = login if known else "?"
    await note(page, EventType.CONSOLE_SIGN_IN_REFUSED, name, name=name, why=why, by="")


async def note(page: Page, kind: EventType, subject: str, **data: object) -> None:
    """Put an event of a sign-in on record, with the address."""
    await page.note(kind, subject, address=page.address, **data)


def stepped(page: Page) -> str:
    """The session goes on with the second factor shown now; returns its new token.  Blocks."""
    assert page.session is not None
    return page.site.store.renew(page.session, stepped=time.time())


async def second_facts(page: Page, session: Session) -> dict[str, object]:
    """What a page needs that asks for a second factor: `totp`, and `options` for a passkey."""
    credentials = page.site.store.credentials
    known = await page.run(credentials.passkeys, session.operator)
    facts: dict[str, object] = {
        "totp": await page.run(credentials.has_totp, session.operator),
        "passkeys": bool(known),
        "options": "",
    }
    if known and (origin := origin_here(page)):

        def ask() -> str:
            from gateway.console.security import passkeys  # noqa: PLC0415 - 20 MB

            options, challenge = passkeys.ask_options(origin, known)
            page.site.store.challenge(session, challenge)
            return options

        facts["options"] = await page.run(ask)
    return facts


async def show_second(page: Page, session: Session) -> str:
    """Check the second factor in the form; returns ``code`` or ``passkey``.  Raises NotShown."""
    login, limits = session.operator, page.site.limits
    if wait_s := limits.second_wait_s(login):
        raise NotShown(worded("too many tries: wait, minutes: {n}", n=round(wait_s / 60 + 0.5)))
    answer = page.field("passkey")

    def shown() -> bool:
        store = page.site.store
        if not answer:
            return codes.shown(store.credentials, login, page.field("code"))
        from gateway.console.security import passkeys  # noqa: PLC0415 - 20 MB

        known = store.credentials.passkeys(login)
        challenge = store.take_challenge(session)
        key, count = passkeys.shown(origin_here(page), challenge, answer, known)
        store.credentials.used_passkey(key, count)
        return True

    try:
        good = await page.run(shown)
    except GaritaError as error:
        await refused(page, login, "wrong_second")
        raise NotShown(*error.args) from error
    if not good:
        await refused(page, login, "wrong_second")
        raise NotShown(worded("this code is wrong, or it was used before: take the next one"))
    limits.good_second(login)
    return "passkey" if answer else "code"


def origin_here(page: Page) -> str:
    """The origin for passkeys; "" where they are not possible."""
    host = page.request.headers.get("host", "")
    return origin_of(page.site.settings.tables.console.public_url, host, secure=page.secure)
