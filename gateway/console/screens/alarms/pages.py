"""/alarms: what calls somebody; one alarm with its steps; seen and resolved; the shelf."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import HTMLResponse, Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS, SUPERVISORS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.alarms.shown import Shown, outcomes, policy_of, shown, spans
from gateway.desk import alarms
from gateway.desk.errors import DeskError, NotFound
from gateway.state.alarms.book import Book

pages = Pages()
CLOSED = 60


@pages.get("/alarms", roles=WATCHERS)
async def list_(page: Page) -> Response:
    """The open alarms, what is shelved, and what was closed lately."""
    return page.render("alarms/list.html", **await page.run(_list, page))


@pages.get("/alarms/board", roles=WATCHERS)
async def board(page: Page) -> Response:
    """The list alone, as it is now."""
    return page.render("alarms/board.html", **await page.run(_list, page))


@pages.get("/alarms/{number}", roles=WATCHERS)
async def one(page: Page) -> Response:
    """One alarm."""
    return await _one(page, "alarms/page.html")


@pages.get("/alarms/{number}/part", roles=WATCHERS)
async def part(page: Page) -> Response:
    """What changes on the page of an alarm; nothing if nothing has."""
    found = await page.run(_shown, page, _number(page))
    if found.version == page.query("v"):
        return Response(status_code=204)
    return await _one(page, "alarms/part.html")


@pages.post("/alarms/{number}/seen", roles=GUARDS)
async def seen(page: Page) -> Response:
    """Somebody looked: the sound stops, the alarm stays open."""
    number, upto = _number(page), _whole(page.field("upto"))
    await _act(page, alarms.see, number, upto, note=page.field("note"))
    if page.fragment and page.field("from") == "strip":
        book = await page.run(_book, page)
        return HTMLResponse(page.site.alarms.strip(page.view, book))
    return page.back(f"/alarms/{number}" if page.field("from") != "strip" else "")


@pages.post("/alarms/{number}/step", roles=GUARDS)
async def step(page: Page) -> Response:
    """A step was done, or was not after all."""
    number = _number(page)
    done = page.field("done") != "no"
    await _act(page, alarms.tick, number, page.field("step"), done=done)
    return await _after(page, number)


@pages.post("/alarms/{number}/resolved", roles=GUARDS)
async def resolved(page: Page) -> Response:
    """What became of it: the alarm is closed."""
    number, upto = _number(page), _whole(page.field("upto"))
    await _act(page, alarms.resolve, number, upto, page.field("outcome"), note=page.field("note"))
    return page.back("/alarms")


@pages.post("/alarms/{number}/shelve", roles=SUPERVISORS)
async def shelve(page: Page) -> Response:
    """The source of the alarm calls nobody for a time."""
    number = _number(page)
    span = timedelta(minutes=min(_whole(page.field("minutes")), 100_000))
    await _act(page, alarms.shelve, number, span, page.field("reason"))
    return page.back(f"/alarms/{number}")


@pages.post("/alarms/unshelve", roles=SUPERVISORS)
async def unshelve(page: Page) -> Response:
    """A source calls again before its time on the shelf is over."""
    await _act(page, alarms.unshelve, page.field("kind"), page.field("source"))
    return page.back("/alarms")


async def _one(page: Page, template: str) -> Response:
    found = await page.run(_shown, page, _number(page))
    policy = policy_of(page)
    return page.render(
        template,
        found=found,
        alarm=found.alarm,
        now=datetime.now(UTC),
        outcomes=outcomes(),
        spans=spans(policy.table),
        may_act=page.may(*GUARDS),
        supervises=policy.supervises(page.operator),
    )


async def _after(page: Page, number: int) -> Response:
    """After an act that leaves one where they are."""
    if page.fragment:
        return await _one(page, "alarms/part.html")
    return page.back(f"/alarms/{number}")


async def _act(page: Page, do: Callable[..., None], *given: Any, **more: Any) -> None:
    """One act of the operator, recorded at once."""
    policy, now = policy_of(page), datetime.now(UTC)

    def act() -> None:
        with page.site.people() as db:
            if given and isinstance(given[0], int):
                _find(page, db, given[0])
            do(db, page.site.alarms.log.now_book, *given, policy, by=page.operator, now=now, **more)

    await page.run(act)
    await page.nudge()
    page.site.alarms.look()


def _book(page: Page) -> Book:
    with page.site.people() as db:
        return alarms.current(db, page.site.alarms.log.now_book)


def _shown(page: Page, number: int) -> Shown:
    with page.site.people() as db:
        book, found = _find(page, db, number)
    return shown(found, book, page.site.settings.tables.alarms, datetime.now(UTC))


def _find(page: Page, db: sqlite3.Connection, number: int) -> tuple[Book, Any]:
    """The alarm, if this operator may see it; raises NotFound in the same words for all others."""
    book = alarms.current(db, page.site.alarms.log.now_book)
    found = alarms.find(book, number, policy_of(page), page.operator)
    if not page.site.alarms.in_scope(page.view, found):
        raise NotFound("no_alarm", "there is no alarm {number} any more", number=number)
    return book, found


def _list(page: Page) -> dict[str, Any]:
    now, book = datetime.now(UTC), _book(page)
    table, view, site = page.site.settings.tables.alarms, page.view, page.site.alarms
    secret = view.secrets
    closed = [one for one in book.closed(secret) if site.in_scope(view, one)][:CLOSED]
    return {
        "open": [shown(one, book, table, now) for one in site.open(view, book)],
        "shelves": book.shelves(now),
        "closed": [shown(one, book, table, now) for one in closed],
        "more": book.more,
        "now": now,
        "may_act": page.may(*GUARDS),
        "supervises": page.may(*SUPERVISORS),
    }


def _number(page: Page) -> int:
    return _whole(page.path("number"))


def _whole(text: str) -> int:
    """A number of an address or a form.  Raises DeskError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise DeskError("bad_number", "{value!r} is no number", value=text[:20])
    return int(text)
