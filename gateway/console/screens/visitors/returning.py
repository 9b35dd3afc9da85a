"""A visitor's badge that is held to the desk's reader when it comes back."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.account.desk import read
from gateway.daemon.control import ControlError
from gateway.desk.visits import records
from gateway.desk.visits.visit import Visit

pages = Pages()


@pages.get("/visitors/back", roles=GUARDS)
async def back(page: Page) -> Response:
    """A part of the board that waits for a badge, says whose it is, and offers what to do."""
    found: dict[str, Any] | None
    visit, wrong = None, ""
    try:
        found, after = await read(page)
        if found is not None:
            visit = await _visit_of(page, found)
    except ControlError as error:
        found, after, wrong = None, "", str(error)
    return page.render("visitors/back.html", badge=found, visit=visit, after=after, wrong=wrong)


async def _visit_of(page: Page, badge: dict[str, Any]) -> Visit | None:
    """The visit that a badge is out for: of somebody who is here, or who left without returning
    it.  The number of the badge stays in this function."""
    if badge["kind"] == "visitor":
        number = int(badge["visit"])
        return await page.run(_find, page, lambda visit: visit.id == number)
    if badge["kind"] != "nobody":
        return None
    mark = str((await page.ask("desk_card", token=badge["token"]))["fingerprint"])
    return await page.run(_find, page, lambda visit: visit.badge_fingerprint == mark)


def _find(page: Page, fits: Any) -> Visit | None:
    with page.site.people() as db:
        return next((visit for visit in records.badges_out(db) if fits(visit)), None)
