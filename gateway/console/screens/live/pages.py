"""The first page: what happens at the doors now."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, WATCHERS
from gateway.console.routes import Pages
from gateway.wording import text

pages = Pages()
SHOWN = 20


@pages.get("/", roles=EVERYBODY)
async def live(page: Page) -> Response:
    """The live page; HR, who does not watch doors, goes on to the people."""
    if not page.may(*WATCHERS):
        return page.back("/people")
    return page.render("live/page.html", news=await page.run(_news, page))


@pages.get("/live/news", roles=WATCHERS)
async def news(page: Page) -> Response:
    """The newest records in words."""
    return page.render("live/news.html", news=await page.run(_news, page))


def _news(page: Page) -> list[dict[str, str]]:
    with page.site.ledger() as ledger:
        found = ledger.tail(SHOWN)
    return [
        {"time": event.time, "words": text.describe(event, zone=page.zone), "seq": str(event.seq)}
        for event in reversed(found)
    ]
