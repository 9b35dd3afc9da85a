"""/trucks: the board, the announcements, and the page of one truck."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from gateway.console import uploads
from gateway.console.page import Page
from gateway.console.roles import GUARDS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.trucks import announce, arrival, board, inspection, log, seals, yard
from gateway.console.screens.trucks.view import acting, answer
from gateway.desk.errors import DeskError
from gateway.desk.freight import arrivals, inspections, pictures, store

pages = Pages()
ALL = (pages, arrival.pages, inspection.pages, yard.pages, seals.pages, log.pages)
"""The addresses of all of /trucks."""


@pages.get("/trucks", roles=WATCHERS)
async def trucks(page: Page) -> Response:
    """The board."""
    return page.render("trucks/board.html", **await _board(page))


@pages.get("/trucks/board", roles=WATCHERS)
async def board_part(page: Page) -> Response:
    """The columns alone, for when something changed."""
    return page.render("trucks/board-part.html", **await _board(page))


async def _board(page: Page) -> dict[str, Any]:
    search = page.query("search")[:80]

    def read() -> list[board.Column]:
        with acting(page) as act:
            return board.columns(act.db, act.policy, act.now, search)

    return {"columns": await page.run(read), "search": search, "guard": page.may(*GUARDS)}


@pages.get("/trucks/new", roles=GUARDS)
async def new(page: Page) -> Response:
    """The form for a truck that a carrier announces."""
    return page.render("trucks/new.html", wrong="", errors=[])


@pages.post("/trucks/new", roles=GUARDS)
async def announced(page: Page) -> Response:
    """A carrier announced a truck."""

    def expect() -> None:
        told = announce.told(page.field, page.zone, datetime.now(UTC))
        with acting(page) as act:
            announce.once(act, [told])
            arrivals.expect(act, told)

    try:
        await page.run(expect)
    except DeskError as error:
        return page.render("trucks/new.html", status=409, wrong=error.say(), errors=[])
    await page.nudge()
    return page.back("/trucks")


@pages.post("/trucks/import", roles=GUARDS, upload=announce.MAX_BYTES + 65536)
async def imported(page: Page) -> Response:
    """Announced trucks from a CSV file: all of it, or none and every mistake by its line."""
    try:
        data = await uploads.taken(page.file("file"), announce.MAX_BYTES)
        found = await announce.read(data, page.zone, datetime.now(UTC))
    except uploads.UploadError as error:
        return page.render("trucks/new.html", status=409, wrong=str(error), errors=[])
    if found.errors:
        return page.render("trucks/new.html", status=409, wrong="", errors=found.errors[:50])

    def expect() -> None:
        with acting(page) as act:
            announce.once(act, found.trucks)
            arrivals.expect_all(act, found.trucks)

    try:
        await page.run(expect)
    except DeskError as error:
        return page.render("trucks/new.html", status=409, wrong=error.say(), errors=[])
    await page.nudge()
    return page.back("/trucks")


@pages.get("/trucks/{number:int}", roles=WATCHERS)
async def truck(page: Page) -> Response:
    """The page of one truck."""
    return await answer(page, int(page.path("number")), act=page.query("do"))


@pages.get("/trucks/{number:int}/news", roles=WATCHERS)
async def news(page: Page) -> Response:
    """Whether somebody changed the truck since the version that a page shows."""
    number = int(page.path("number"))

    def read() -> int:
        with acting(page) as act:
            return store.load(act.db, number).version

    newer = str(await page.run(read)) != page.query("version")
    return page.render("trucks/news.html", newer=newer, number=number)


@pages.get("/trucks/{number:int}/pictures/{sha256}", roles=WATCHERS)
async def picture(page: Page) -> Response:
    """A picture of an inspection.  The look at it is on record before anybody sees it."""
    number, sha256 = int(page.path("number")), page.path("sha256")
    keep = page.site.settings.tables.freight.pictures_dir

    def read() -> bytes:
        with acting(page) as act:
            tx = store.load(act.db, number)
            known = {item.sha256 for done in tx.inspections for item in done.pictures}
            path = pictures.kept(keep, sha256)
            if sha256 not in known or path is None:
                raise DeskError("no_picture", "this picture was not kept")
            data = path.read_bytes()
            inspections.viewed(act, tx, sha256)
            return data

    data = await page.run(read)
    await page.nudge()
    return Response(data, media_type="image/jpeg")
