"""``/explain/NUMBER``: why a record says so; ``/explain?id=&door=``: what would happen."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.follow.view import door_in_scope
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, PEOPLE
from gateway.console.routes import Pages
from gateway.console.screens.explain import view
from gateway.console.screens.explain.status import status_of
from gateway.console.screens.live.seen import view_of
from gateway.decide.policy import Direction
from gateway.ledger.event import Event
from gateway.locale import _
from gateway.wording import nextstep, text

pages = Pages()
DIGITS = 18  # of a number that SQLite takes


@pages.get("/explain/{seq}", roles=EVERYBODY)
async def record(page: Page) -> Response:
    """A record of the log: why, rule by rule, and what would let the person in."""
    typed = page.path("seq")
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= DIGITS else 0
    event = await page.run(_event, page, number) if number else None
    if event is None:
        return page.refused(_("there is no event {number}").format(number=typed[:40]), 404)
    if not _shown(page, event):
        return page.refused(_("your role may not do this"), 403)
    status = await status_of(page)
    try:
        why = await page.run(view.of_event, event, page.site.settings, status)
    except view.NotADecision as error:
        said = text.describe(event, zone=page.zone)
        return page.render("explain/other.html", event=event, said=said, why=str(error))
    step = "" if why.granted else nextstep.after(why.code)
    return page.render("explain/page.html", why=why, step=step, may_grant=page.may(*PEOPLE))


@pages.get("/explain", roles=EVERYBODY)
async def person(page: Page) -> Response:
    """What would happen if a person showed their badge at a door now."""
    door, way = page.query("door"), page.query("way") or "in"
    settings = page.site.settings
    if door not in settings.site.doors or not door_in_scope(page.site.board, view_of(page), door):
        return page.refused(_("there is no such door"), 404)
    if way not in ("in", "out"):
        return page.refused(_("a way is in or out"), 404)
    status = await status_of(page)
    why = await page.run(view.of_person, settings, page.query("id"), door, Direction(way), status)
    return page.render("explain/page.html", why=why, step="", may_grant=page.may(*PEOPLE))


def _event(page: Page, number: int) -> Event | None:
    with page.site.ledger() as ledger:
        return ledger.get(number)


def _shown(page: Page, event: Event) -> bool:
    """Whether the operator sees records of that door; one of duress is for those whom the site
    names."""
    view_ = view_of(page)
    if event.type.startswith("alarm.duress") and not view_.secrets:
        return False
    door = str(event.data.get("door", "") or event.subject)
    known = door in page.site.settings.tables.doors
    return not known or door_in_scope(page.site.board, view_, door)
