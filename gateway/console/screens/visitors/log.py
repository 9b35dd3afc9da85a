"""The visitor log with the fields of CTPAT 10.2, from the records."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens import desklog
from gateway.desk.logged import Log
from gateway.desk.visits import visitlog
from gateway.desk.visits.settings import visit_policy
from gateway.locale import _

pages = Pages()


def _read(page: Page, first: date, last: date) -> Log:
    policy = visit_policy(page.site.settings)
    with page.site.people() as db, page.site.ledger() as ledger:
        return visitlog.read(ledger, db, first, last, policy)


@pages.get("/visitors/log", roles=WATCHERS)
async def log(page: Page) -> Response:
    """The log of some days."""
    return await desklog.shown(page, _read, visitlog.COLUMNS, "visitors/log.html")


@pages.get("/visitors/log.csv", roles=WATCHERS)
async def log_csv(page: Page) -> Response:
    """The same as a file for a spreadsheet."""
    return await desklog.as_file(page, _read, _("visitors-{first}-{last}.csv"))
