"""The cargo pickup log with the fields of CTPAT 10.4, from the records, on screen and as a file."""

from __future__ import annotations

import io
from datetime import date, datetime

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.visitors.log import DayError, days
from gateway.desk.freight import pickuplog
from gateway.desk.logged import FROM_TABLE, Log, named
from gateway.locale import _

pages = Pages()


def _read(page: Page, first: date, last: date) -> Log:
    with page.site.people() as db, page.site.ledger() as ledger:
        return pickuplog.read(ledger, db, first, last, page.zone)


@pages.get("/trucks/log", roles=WATCHERS)
async def log(page: Page) -> Response:
    """The log of some days, by the day of arrival."""
    wrong = ""
    try:
        first, last = days(page)
        found = await page.run(_read, page, first, last)
    except DayError as error:
        first = last = datetime.now(page.zone).date()
        found, wrong = Log(pickuplog.COLUMNS, []), str(error)
    return page.render(
        "trucks/log.html",
        status=409 if wrong else 200,
        log=found,
        first=first,
        last=last,
        wrong=wrong,
        from_table=FROM_TABLE,
        named=named,
    )


@pages.get("/trucks/log.csv", roles=WATCHERS)
async def log_csv(page: Page) -> Response:
    """The same as a file for a spreadsheet."""
    first, last = days(page)
    found = await page.run(_read, page, first, last)
    file = io.StringIO()
    found.write_csv(file)
    name = _("trucks-{first}-{last}.csv").format(first=first, last=last)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
