"""Setting up a second factor: at the first sign-in of an administrator, and on one's own page."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, NOBODY
from gateway.console.routes import Pages
from gateway.console.screens.account import begin
from gateway.console.screens.account.begin import note, origin_here
from gateway.console.security import codes
from gateway.console.security.store import ENROL, Session
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, _, worded
from gateway.locale.text import tidy

pages = Pages()
MOST_PASSKEYS = 10


class NotSetUp(GaritaError):
    """A second factor was not set up; the message says why."""


async def facts_of(page: Page, session: Session) -> dict[str, object]:
    """What a page needs that sets up a second factor: the secret for an app with its QR code, and
    `options` for a passkey ("" where the address has no name)."""
    site, store = page.site, page.site.store
    secret = codes.offered(store.key.subkey("totp offer"), session.csrf)
    gateway = site.settings.site.gateway
    facts: dict[str, object] = {
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "qr": await page.run(codes.picture, codes.address_of(secret, session.operator, gateway)),
        "options": "",
    }
    if origin := origin_here(page):
        known = await page.run(store.credentials.passkeys, session.operator)

        def offer() -> str:
            from gateway.console.security import passkeys  # noqa: PLC0415 - 20 MB

            options, challenge = passkeys.new_options(origin, gateway, session.operator, known)
            store.challenge(session, challenge)
            return options

        facts["options"] = await page.run(offer)
    return facts


async def set_up(page: Page, session: Session) -> str:
    """Take the code or the passkey of the form as the operator's second factor; returns ``code`` or
    ``passkey``.  Raises NotSetUp."""
    store, login = page.site.store, session.operator
    if page.site.limits.second_wait_s(f"new {login}"):
        raise NotSetUp(worded("too many tries: wait, minutes: {n}", n=5))
    answer = page.field("passkey")
    if answer:

        def add() -> None:
            from gateway.console.security import passkeys  # noqa: PLC0415 - 20 MB

            label = tidy(page.field("label"), 60) or begin.device_of(
                page.request.headers.get("user-agent", "")
            )
            if len(store.credentials.passkeys(login)) >= MOST_PASSKEYS:
                raise NotSetUp(worded("you have enough passkeys: remove one first"))
            challenge = store.take_challenge(session)
            store.credentials.add_passkey(
                passkeys.made(origin_here(page), challenge, answer, login, label)
            )

        try:
            await page.run(add)
        except GaritaError as error:
            raise NotSetUp(*error.args) from error
    else:
        secret = codes.offered(store.key.subkey("totp offer"), session.csrf)
        step = codes.step_of(secret, page.field("code"))
        if step is None:
            raise NotSetUp(worded("this code is wrong: type the one that the app shows now"))
        await page.run(store.credentials.set_totp, login, secret, step)
    page.site.limits.good_second(f"new {login}")
    what = "passkey_on" if answer else "totp_on"
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, login, name=login, what=what, by=login)
    return "passkey" if answer else "code"


@pages.get("/login/enrol", roles=NOBODY)
async def enrol(page: Page) -> Response:
    """An administrator sets up a second factor before anything else."""
    return await _enrol(page)


async def _enrol(page: Page, wrong: str = "", status: int = 200) -> Response:
    if page.half is None or page.half.stage != ENROL:
        return page.back("/login")
    facts = await facts_of(page, page.half)
    onward = page.query("next") or page.field("next")
    return page.render(
        "security/enrol.html",
        status=status,
        wrong=wrong,
        onward=onward,
        action="/login/enrol",
        **facts,
    )


@pages.post("/login/enrol", roles=NOBODY)
async def enrolled(page: Page) -> Response:
    """Take it, and in."""
    if page.half is None or page.half.stage != ENROL:
        return page.back("/login")
    try:
        which = await set_up(page, page.half)
    except NotSetUp as error:
        return await _enrol(page, str(error), 409)
    return await begin.go_on(page, f"password+{which}", shown=True)


@pages.get("/confirm", roles=EVERYBODY)
async def confirm(page: Page) -> Response:
    """Ask for the second factor once more, before an act that needs it."""
    return await _confirm(page)


async def _confirm(page: Page, wrong: str = "", status: int = 200) -> Response:
    assert page.session is not None
    onward = page.query("next") or page.field("next")
    facts = await begin.second_facts(page, page.session)
    if not (facts["totp"] or facts["passkeys"]):
        return page.back("/account/second?needed=yes")
    return page.render(
        "security/second.html",
        status=status,
        wrong=wrong,
        onward=onward,
        action="/confirm",
        name=page.operator.name or page.session.operator,
        **facts,
    )


@pages.post("/confirm", roles=EVERYBODY)
async def confirmed(page: Page) -> Response:
    """Take it, and on to the act."""
    assert page.session is not None
    try:
        await begin.show_second(page, page.session)
    except begin.NotShown as error:
        return await _confirm(page, str(error), 401)
    token = await page.run(begin.stepped, page)
    return page.signed_in(token, page.field("next"))


def needed() -> str:
    """Why a page asks for a second factor that the operator does not have."""
    return _("this needs a second factor: set one up first, on your telephone or with a passkey")
