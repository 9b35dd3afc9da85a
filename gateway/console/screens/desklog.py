"""A log of the desk by days: the visitor log and the pickup log, on screen and as a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

from starlette.responses import Response

from gateway.console.page import Page
from gateway.desk.logged import FROM_TABLE, Log, named
from gateway.locale import GaritaError, worded

MOST_DAYS = 366
Read = Callable[[Page, date, date], Log]


class DayError(GaritaError):
    """The days of a log can't be used."""


def days(page: Page) -> tuple[date, date]:
    """The first and last local day that the address asks for; today by default.  Raises
    DayError."""
    today = datetime.now(UTC).astimezone(page.zone).date()
    try:
        first = date.fromisoformat(page.query("from")) if page.query("from") else today
        last = date.fromisoformat(page.query("to")) if page.query("to") else max(first, today)
    except ValueError as error:
        raise DayError(worded("write a day as 2026-11-25")) from error
    if not first <= last <= first + timedelta(days=MOST_DAYS) or last.year > 9000:
        raise DayError(worded("the last day is not before the first, nor a year after it"))
    return first, last


async def shown(page: Page, read: Read, columns: Mapping[str, str], template: str) -> Response:
    """The log of the days that were asked for; of none, with the reason, if they can't be used."""
    wrong = ""
    try:
        first, last = days(page)
        found = await page.run(read, page, first, last)
    except DayError as error:
        first = last = datetime.now(UTC).astimezone(page.zone).date()
        found, wrong = Log(columns, []), str(error)
    facts = {"log": found, "first": first, "last": last, "wrong": wrong}
    more = {"from_table": FROM_TABLE, "named": named}
    return page.render(template, status=409 if wrong else 200, **facts, **more)


async def as_file(page: Page, read: Read, name: str) -> Response:
    """The same for a spreadsheet; `name` has ``{first}`` and ``{last}``.  Raises DayError."""
    first, last = days(page)
    found = await page.run(read, page, first, last)
    file = io.StringIO()
    found.write_csv(file)
    attached = f'attachment; filename="{name.format(first=first, last=last)}"'
    headers = {"content-disposition": attached}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
