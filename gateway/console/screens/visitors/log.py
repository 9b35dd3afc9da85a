"""The visitor log with the fields of CTPAT 10.2, from the records, on screen and as a file."""

from __future__ import annotations

import io
from datetime import date, timedelta

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.visitors import typed
from gateway.desk.logged import FROM_TABLE, Log, named
from gateway.desk.visits import visitlog
from gateway.desk.visits.settings import visit_policy
from gateway.locale import GaritaError, _, worded

pages = Pages()
MOST_DAYS = 366


class DayError(GaritaError):
    """The days of a log can't be used."""


def days(page: Page) -> tuple[date, date]:
    """The first and last local day that the address asks for; today by default.  Raises
    DayError."""
    today = typed.now().astimezone(page.zone).date()
    try:
        first = date.fromisoformat(page.query("from")) if page.query("from") else today
        last = date.fromisoformat(page.query("to")) if page.query("to") else max(first, today)
    except ValueError as error:
        raise DayError(worded("write a day as 2026-11-25")) from error
    if not first <= last <= first + timedelta(days=MOST_DAYS) or last.year > 9000:
        raise DayError(worded("the last day is not before the first, nor a year after it"))
    return first, last


def _read(page: Page, first: date, last: date) -> Log:
    policy = visit_policy(page.site.settings)
    with page.site.people() as db, page.site.ledger() as ledger:
        return visitlog.read(ledger, db, first, last, policy)


@pages.get("/visitors/log", roles=WATCHERS)
async def log(page: Page) -> Response:
    """The log of some days."""
    try:
        first, last = days(page)
        found = await page.run(_read, page, first, last)
        wrong = ""
    except DayError as error:
        first = last = typed.now().astimezone(page.zone).date()
        found, wrong = Log(visitlog.COLUMNS, []), str(error)
    return page.render(
        "visitors/log.html",
        status=409 if wrong else 200,
        log=found,
        first=first,
        last=last,
        wrong=wrong,
        from_table=FROM_TABLE,
        named=named,
    )


@pages.get("/visitors/log.csv", roles=WATCHERS)
async def log_csv(page: Page) -> Response:
    """The same as a file for a spreadsheet."""
    first, last = days(page)
    found = await page.run(_read, page, first, last)
    file = io.StringIO()
    found.write_csv(file)
    name = _("visitors-{first}-{last}.csv").format(first=first, last=last)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
