"""Accounts, for administrators: who acts at this site, with which roles, and how they sign in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATORS
from gateway.console.routes import Pages
from gateway.console.screens.account.begin import note
from gateway.console.screens.account.mine import line
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, worded
from gateway.locale.text import tidy
from gateway.people import keptoperators
from gateway.people.operators import Named

pages = Pages()


@dataclass(frozen=True, slots=True)
class Account:
    """An operator as the page shows them."""

    named: Named
    name: str
    active: bool
    password: bool
    second: bool
    code: bool
    sessions: int


@pages.get("/accounts", roles=ADMINISTRATORS)
async def accounts(page: Page) -> Response:
    """Everybody, and who is signed in now."""
    return await _accounts(page)


async def _accounts(page: Page, wrong: str = "", status: int = 200) -> Response:
    def found() -> tuple[list[Account], list[dict[str, object]]]:
        site = page.site
        sessions = [item for item in site.store.sessions() if item.stage == ""]
        table = site.settings.tables.console
        known = {item.login for item in site.operators.all()}
        live = [i for i in sessions if i.operator in known and i.alive(table, time.time())]
        return (
            [_account(page, item, [s.operator for s in live].count(item.login)) for item in
             site.operators.all()],
            [line(page, item) for item in live],
        )  # fmt: skip

    everybody, sessions = await page.run(found)
    return page.render(
        "security/accounts.html",
        status=status,
        wrong=wrong,
        accounts=everybody,
        sessions=sessions,
        roles=keptoperators.ROLES,
        areas=page.site.settings.tables.areas,
        typed={key: page.field(key) for key in ("name", "person")},
        picked=set(page.fields("role")),
        screens=await page.run(page.site.store.screens),
    )


def _account(page: Page, item: Named, sessions: int) -> Account:
    site = page.site
    listed = site.operators.listed(item.person, page.today)
    held = site.store.credentials
    return Account(
        item,
        listed.name if listed else "",
        bool(listed and listed.active),
        bool(held.password(item.login)),
        held.has_second(item.login),
        held.has_code(item.login),
        sessions,
    )


@pages.post("/accounts/add", roles=ADMINISTRATORS, fresh=True)
async def add(page: Page) -> Response:
    """Make a person of the list an operator, and give them their first code."""
    name, person = page.field("name"), page.field("person")

    def added() -> None:
        with page.site.people() as db:
            keptoperators.add(
                db,
                page.site.operators,
                name,
                person,
                roles=page.fields("role"),
                areas=page.fields("area"),
                known_areas=page.site.settings.tables.areas,
                by=page.operator,
                today=page.today,
            )

    try:
        await page.run(added)
    except GaritaError as error:
        return await _accounts(page, str(error), 409)
    await page.nudge()
    return await _with_code(page, name)


@pages.get("/accounts/{name}", roles=ADMINISTRATORS)
async def one(page: Page) -> Response:
    """One operator: roles and areas, and what they sign in with."""
    return await _one(page)


async def _one(page: Page, wrong: str = "", status: int = 200) -> Response:
    item = await page.run(_named, page)
    found = await page.run(page.site.store.sessions, item.login)
    return page.render(
        "security/operator.html",
        status=status,
        wrong=wrong,
        account=await page.run(_account, page, item, 0),
        sessions=[line(page, session) for session in found if session.stage == ""],
        roles=keptoperators.ROLES,
        areas=page.site.settings.tables.areas,
    )


def _named(page: Page) -> Named:
    name = page.path("name")
    found = next((item for item in page.site.operators.all() if item.login == name), None)
    if found is None:
        raise GaritaError(worded("there is no operator {name}", name=tidy(name, 60)))
    return found


@pages.post("/accounts/{name}/change", roles=ADMINISTRATORS, fresh=True)
async def change(page: Page) -> Response:
    """Give an operator other roles or areas."""

    def changed() -> None:
        with page.site.people() as db:
            keptoperators.change(db, page.site.operators, page.path("name"), **_wanted(page))

    try:
        await page.run(changed)
    except GaritaError as error:
        return await _one(page, str(error), 409)
    await page.nudge()
    return page.back(f"/accounts/{page.path('name')}")


def _wanted(page: Page) -> dict[str, Any]:
    return {
        "roles": page.fields("role"),
        "areas": page.fields("area"),
        "known_areas": page.site.settings.tables.areas,
        "by": page.operator,
        "today": page.today,
    }


@pages.post("/accounts/{name}/end", roles=ADMINISTRATORS, fresh=True)
async def end(page: Page) -> Response:
    """Let an operator act no more; everything they sign in with is forgotten."""
    name = page.path("name")

    def ended() -> None:
        with page.site.people() as db:
            keptoperators.end(db, page.site.operators, name, by=page.operator, today=page.today)
        page.site.store.credentials.forget(name)

    try:
        await page.run(ended)
    except GaritaError as error:
        return await _one(page, str(error), 409)
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, name, name=name, what="closed")
    return page.back("/accounts")


@pages.post("/accounts/{name}/code", roles=ADMINISTRATORS, fresh=True)
async def give_code(page: Page) -> Response:
    """Give a one-time code, with which an operator chooses a password (anew)."""
    item = await page.run(_named, page)
    return await _with_code(page, item.login)


async def _with_code(page: Page, name: str) -> Response:
    code = await page.run(page.site.store.credentials.new_code, name)
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, name, name=name, what="new_code")
    return page.render("security/new-code.html", name=name, code=code)


@pages.post("/accounts/{name}/forget-second", roles=ADMINISTRATORS, fresh=True)
async def forget_second(page: Page) -> Response:
    """An operator lost their telephone: what they had is forgotten, their sessions end."""
    item = await page.run(_named, page)
    assert page.session is not None
    if item.login == page.session.operator:
        raise GaritaError(worded("change your own second factor on your own page"))

    def forgotten() -> None:
        page.site.store.credentials.forget_second(item.login)
        page.site.store.end_all(item.login)

    await page.run(forgotten)
    await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, item.login, name=item.login,
               what="second_forgotten")  # fmt: skip
    return page.back(f"/accounts/{item.login}")


@pages.post("/signed-in/end", roles=ADMINISTRATORS)
async def end_session(page: Page) -> Response:
    """End somebody's session."""
    found = await page.run(page.site.store.by_digest, page.field("key"))
    if found is not None:
        await page.run(page.site.store.end, found)
        await note(page, EventType.CONSOLE_SESSION_ENDED, found.operator, name=found.operator,
                   why="ended")  # fmt: skip
    return page.back("/accounts")


@pages.post("/desk/screens/end", roles=ADMINISTRATORS)
async def end_screen(page: Page) -> Response:
    """A screen stands beside the desk's reader no more."""
    if await page.run(page.site.store.unpair, page.field("key")):
        await note(page, EventType.CONSOLE_ACCOUNT_CHANGED, "screen", name="screen",
                   what="screen_off")  # fmt: skip
    return page.back("/accounts")
