"""The cargo pickup log with the fields of CTPAT 10.4, from the records."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens import desklog
from gateway.desk.freight import pickuplog
from gateway.desk.logged import Log
from gateway.locale import _

pages = Pages()


def _read(page: Page, first: date, last: date) -> Log:
    with page.site.people() as db, page.site.ledger() as ledger:
        return pickuplog.read(ledger, db, first, last, page.zone)


@pages.get("/trucks/log", roles=WATCHERS)
async def log(page: Page) -> Response:
    """The log of some days, by the day of arrival."""
    return await desklog.shown(page, _read, pickuplog.COLUMNS, "trucks/log.html")


@pages.get("/trucks/log.csv", roles=WATCHERS)
async def log_csv(page: Page) -> Response:
    """The same as a file for a spreadsheet."""
    return await desklog.as_file(page, _read, _("trucks-{first}-{last}.csv"))
