"""The screen beside the desk's reader: operators sign in and change there by badge and PIN.

A supervisor says once of a browser that it stands there.  Only such a browser hears of badges
before anybody has signed in: nobody on the network learns from the form who holds a badge to the
reader.  Badge and PIN are two factors for all work of the desk; the administrator's role is asked
for the telephone or the key beside them.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATOR, EVERYBODY, GUARDS, NOBODY, SUPERVISORS
from gateway.console.routes import Pages
from gateway.console.screens.account import begin
from gateway.console.screens.account.begin import note
from gateway.daemon.control import ControlError
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, _, worded
from gateway.locale.text import tidy

pages = Pages()
WAIT_S = 15.0
LONGEST_PIN = 8


@pages.get("/desk/sign-in", roles=NOBODY)
async def wait(page: Page) -> Response:
    """A part of a page that waits for a badge, and then asks for the PIN."""
    if not page.at_desk:
        return Response(status_code=404)
    onward = page.query("next")
    try:
        badge, after = await read(page)
    except ControlError as error:
        return page.render("security/desk-wait.html", wrong=str(error), after="", onward=onward)
    if badge is None:
        return page.render("security/desk-wait.html", wrong="", after=after, onward=onward)
    if not badge["login"]:
        wrong = _("this badge is not one of an operator who is active today")
        return page.render("security/desk-wait.html", wrong=wrong, after=after, onward=onward)
    token, name = str(badge["token"]), str(badge["name"])
    return page.render("security/desk-pin.html", wrong="", token=token, name=name, onward=onward)


async def read(page: Page) -> tuple[dict[str, Any] | None, str]:
    """The next badge at the desk's reader, and where to go on.  A question without `after` begins
    with badges that are read from now on.  Raises ControlError."""
    after = page.query("after")
    if not (after.isascii() and after.isdigit() and len(after) < 16):
        began = await page.site.ask(None, "desk_read")
        return None, str(began["next"])
    answer = await page.site.ask(
        None, "desk_read", timeout_s=WAIT_S + 10, after=int(after), wait_s=WAIT_S
    )
    return answer["badge"], str(answer["next"])


@pages.post("/desk/sign-in", roles=NOBODY)
async def sign_in(page: Page) -> Response:
    """Take the PIN: whoever was signed in here is not any more."""
    if not page.at_desk:
        return page.back("/login")
    onward, token = page.field("next"), page.field("token")
    name, pin = tidy(page.field("name"), 120), page.field("pin")[: LONGEST_PIN + 1]
    try:
        proof = await page.site.ask(
            None, "desk_proof", timeout_s=25.0, token=token, pin=pin, act="sign in"
        )
    except ControlError as error:
        return page.render("security/desk.html", wrong=str(error), onward=onward, token="", name="")
    login = str(proof["login"])
    if proof["outcome"] != "correct":
        wrong = _wrong(str(proof["outcome"]))
        facts = {"wrong": wrong, "onward": onward, "token": token, "name": name}
        return page.render("security/desk.html", status=401, **facts)
    operator = await page.run(page.site.operators.named, login)
    roles = (operator.roles if operator else frozenset()) - {ADMINISTRATOR}
    return await begin.begin(page, login, how="badge", onward=onward, roles=roles)


def _wrong(outcome: str) -> str:
    if outcome == "locked":
        return _("too many wrong PINs: wait some minutes, or sign in with your password")
    if outcome == "unavailable":
        return _("you have no PIN yet: sign in with your password")
    return _("the PIN is wrong")


@pages.get("/desk/change", roles=EVERYBODY)
async def change(page: Page) -> Response:
    """Another operator takes over this screen."""
    return page.render("security/desk.html", wrong="", onward=page.query("next") or "/", token="",
                       name="")  # fmt: skip


@pages.get("/desk/badge", roles=GUARDS)
async def badge(page: Page) -> Response:
    """A part of a page that waits for any badge, for the screens that take one (`field`: the name
    of the form's field that gets the token)."""
    field = page.query("field")
    if not field.isidentifier():
        raise GaritaError(worded("hold the badge to the reader again"))
    try:
        found, after = await read(page)
        wrong = ""
    except ControlError as error:
        found, after, wrong = None, "", str(error)
    return page.render(
        "security/desk-badge.html", badge=found, after=after, wrong=wrong, field=field
    )


@pages.post("/desk/pair", roles=SUPERVISORS)
async def pair(page: Page) -> Response:
    """This browser stands beside the desk's reader."""
    if not page.site.settings.tables.console.desk_reader:
        raise GaritaError(worded("the site has no reader on the desk: [console] desk_reader"))
    response = page.back("/account")
    token = page.remember_browser(response)
    name = tidy(page.field("screen"), 60) or _("screen at the desk")
    await page.run(page.site.store.pair, token, name, str(page.operator))
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, name, name=name, what="screen_on")
    return response
