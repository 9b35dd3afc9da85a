"""One's own account: the password, the second factor, and where one is signed in."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATOR, EVERYBODY
from gateway.console.routes import Pages
from gateway.console.screens.account import begin, factors, signin
from gateway.console.screens.account.begin import note
from gateway.console.security.passwords import WeakPassword
from gateway.console.security.store import Session
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, _, worded

pages = Pages()


@pages.get("/account", roles=EVERYBODY)
async def account(page: Page) -> Response:
    """The operator's own page."""
    return await _account(page)


async def _account(page: Page, wrong: str = "", status: int = 200) -> Response:
    assert page.session is not None
    login, store = page.session.operator, page.site.store
    found = await page.run(store.sessions, login)
    return page.render(
        "security/account.html",
        status=status,
        wrong=wrong,
        login=login,
        sessions=[line(page, item) for item in found if item.stage == ""],
        totp=await page.run(store.credentials.has_totp, login),
        passkeys=[
            {"id": key.id, "label": key.label, "added": moment(key.added), "used": moment(key.used)}
            for key in await page.run(store.credentials.passkeys, login)
        ],
        has_password=bool(await page.run(store.password, login)),
        desk=page.site.settings.tables.console.desk_reader,
    )


def line(page: Page, session: Session) -> dict[str, object]:
    """A session as a line of a table."""
    return {
        "key": session.digest,
        "login": session.operator,
        "device": session.device or _("unknown browser"),
        "address": session.address,
        "began": moment(session.began),
        "seen": moment(session.seen),
        "how": session.how,
        "here": page.session is not None and session.digest == page.session.digest,
    }


def moment(at: float) -> datetime | None:
    """A Unix time; None for 0."""
    return datetime.fromtimestamp(at, UTC) if at else None


@pages.post("/account/password", roles=EVERYBODY)
async def change_password(page: Page) -> Response:
    """Take a new password; the sessions at other browsers end."""
    assert page.session is not None
    login = page.session.operator
    if not await signin.password_right(page, login):
        return await _account(page, _("your present password is wrong"), 403)
    try:
        names = (login, page.operator.name, page.site.settings.site.gateway)
        await signin.take_password(page, login, *names)
    except WeakPassword as error:
        return await _account(page, str(error), 409)
    await page.run(page.site.store.end_all, login, but=page.session.digest)
    return page.back("/account")


@pages.get("/account/second", roles=EVERYBODY)
async def second(page: Page) -> Response:
    """Set up a second factor, or another one."""
    return await _second(page)


async def _second(page: Page, wrong: str = "", status: int = 200) -> Response:
    assert page.session is not None
    store, login = page.site.store, page.session.operator
    if await page.run(store.credentials.has_second, login) and not page.stepped_up():
        return page.step_up("/account/second")
    facts = await factors.facts_of(page, page.session)
    return page.render(
        "security/second-setup.html",
        status=status,
        wrong=wrong,
        needed=factors.needed() if page.query("needed") else "",
        asks_password=not await page.run(store.credentials.has_second, login),
        has_password=bool(await page.run(store.password, login)),
        onward="/account",
        action="/account/second",
        **facts,
    )


@pages.post("/account/second", roles=EVERYBODY)
async def second_taken(page: Page) -> Response:
    """Take it.  Whoever found this browser unlocked has neither the factor nor the password."""
    assert page.session is not None
    store, login = page.site.store, page.session.operator
    if await page.run(store.credentials.has_second, login):
        if not page.stepped_up():
            return page.step_up("/account/second")
    elif not await signin.password_right(page, login):
        return await _second(page, _("your present password is wrong"), 403)
    try:
        await factors.set_up(page, page.session)
    except factors.NotSetUp as error:
        return await _second(page, str(error), 409)
    token = await page.run(begin.stepped, page)
    return page.signed_in(token, "/account")


@pages.post("/account/second/remove", roles=EVERYBODY, fresh=True)
async def second_removed(page: Page) -> Response:
    """Take away the app's codes or one passkey.  An administrator keeps one of them."""
    assert page.session is not None
    held, login, key = page.site.store.credentials, page.session.operator, page.field("key")
    known = await page.run(held.passkeys, login)
    totp = await page.run(held.has_totp, login)
    if ADMINISTRATOR in page.operator.roles and len(known) + totp <= 1:
        raise GaritaError(worded("an administrator keeps a second factor: set up another first"))
    if key:
        if await page.run(held.drop_passkey, login, key):
            await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, login, name=login,
                       what="passkey_off")  # fmt: skip
    elif totp:
        await page.run(held.forget_totp, login)
        await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, login, name=login, what="totp_off")
    return page.back("/account")


@pages.post("/account/sessions/end", roles=EVERYBODY)
async def end_session(page: Page) -> Response:
    """End one of one's own sessions, or all but this one."""
    assert page.session is not None
    login, store, key = page.session.operator, page.site.store, page.field("key")
    if key:
        found = await page.run(store.by_digest, key)
        if found is None or found.operator != login:
            return page.back("/account")
        await page.run(store.end, found)
    else:
        await page.run(store.end_all, login, but=page.session.digest)
    await note(page, EventType.CONSOLE_SESSION_ENDED, login, name=login, why="ended")
    return page.back("/account")
