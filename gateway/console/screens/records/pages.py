"""The log to look at: records by filters, one record whole, and figures that name their records."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from starlette.responses import Response

from gateway.config.criteria.editions import named
from gateway.console.page import Page
from gateway.console.roles import AUDITORS, SUPERVISORS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.records import asked as filters
from gateway.console.screens.records import view
from gateway.console.screens.records.asked import Asked, eyes
from gateway.daemon.control import ControlError
from gateway.desk.auditor import look
from gateway.desk.auditor.figures import Figures, counted
from gateway.desk.auditor.filters import FilterError
from gateway.ledger.event import Event
from gateway.ledger.heads import Heads
from gateway.locale import GaritaError, worded
from gateway.proof.standalone import PAGE, PROGRAM, source
from gateway.wording import criteria

pages = Pages()


class NoRecord(GaritaError):
    """There is no such record, or not for this reader."""


@pages.get("/records", roles=WATCHERS)
async def records(page: Page) -> Response:
    """The records that fit, the newest first."""
    given = filters.asked(page)
    before = page.query("before")
    found, wrong, field = look.Page(), "", ""
    try:
        wanted = filters.wanted(page.site.settings, given)
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 15 else 0

        def looked() -> look.Page:
            with page.site.ledger() as ledger:
                return look.page(ledger, wanted, before=number, may=eyes(page).may)

        found = await page.run(looked)
    except FilterError as error:
        wrong, field = str(error), error.field
    return page.render(
        "records/list.html",
        status=409 if wrong else 200,
        asked=given,
        lines=[view.line(event, page.zone) for event in found.events],
        further=given.link(before=found.before) if found.before else "",
        full=len(found.events) == look.PAGE,
        first=not before,
        wrong=wrong,
        field=field,
        kinds=view.kinds(),
        kind=view.kind_words(given["kind"]) if given["kind"] else "",
        criteria=view.criteria(page.site.settings),
        doors=list(page.site.settings.tables.doors),
        reader=page.may(*AUDITORS),
        reviewer=page.may(*SUPERVISORS),
        scoped=bool(page.operator.areas),
        secrets=eyes(page).secrets,
    )


@pages.get("/records/figures", roles=WATCHERS)
async def figures(page: Page) -> Response:
    """How many records of each kind, door and criterion there are for these filters."""
    given = filters.asked(page)
    wanted = filters.wanted(page.site.settings, given)

    def count() -> Figures:
        with page.site.ledger() as ledger:
            return counted(ledger, wanted, may=eyes(page).may)

    found = await page.run(count)
    template = "records/figures-part.html" if page.fragment else "records/figures.html"
    return page.render(
        template,
        asked=given,
        whole=found.whole,
        total=view.Figure("", found.total, given.link()),
        kinds=view.kinds_of(found, given),
        doors=view.doors_of(found, given),
        criteria=view.criteria_of(found, given, page.site.settings),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """A record with the numbers of its neighbours; 0 for none."""

    event: Event
    last: int


@pages.get("/records/{number:int}", roles=WATCHERS)
async def record(page: Page) -> Response:
    """One record, whole."""
    number = int(page.path("number"))
    found = await page.run(_one, page, number)
    event = found.event
    return page.render(
        "records/one.html",
        event=event,
        line=view.line(event, page.zone),
        kind=view.kind_words(event.type),
        data=view.as_json(event),
        criteria=list(criteria.lines(page.site.settings, named(event.type, event.data))),
        related=view.related(event),
        newer=number + 1 if number < found.last else 0,
        older=number - 1,
        reader=page.may(*AUDITORS),
        back=Asked(),
    )


def _one(page: Page, number: int) -> Beside:
    """The record of that number.  Raises NoRecord."""
    with page.site.ledger() as ledger:
        event = ledger.get(number) if number < 2**62 else None
        last = ledger.last_seq
    if event is None or not eyes(page).may(event):
        raise NoRecord(worded("there is no event {seq}", seq=number))
    return Beside(event, last)


@pages.get("/records/{number:int}/proof", roles=AUDITORS)
async def proof(page: Page) -> Response:
    """One record with the proof that it is in the log, to show it without the others."""
    number = int(page.path("number"))
    await page.run(_one, page, number)
    await fresh(page)
    settings = page.site.settings

    def packed() -> bytes:
        made = Heads(settings.ledger_path).prove(number, settings.tables.log.trust().met)
        if made is None:
            raise NoRecord(worded("no checkpoint covers event {seq} yet", seq=number))
        body, shown = made
        name = f"{settings.site.gateway}-{number}"
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(f"{name}.json", body)
            file.writestr(f"{name}.tlog-proof", shown.write())
            for one in (PAGE, PROGRAM):
                file.writestr(one, source(one).read_bytes())
        return out.getvalue()

    headers = {"content-disposition": f'attachment; filename="record-{number}.zip"'}
    return Response(await page.run(packed), media_type="application/zip", headers=headers)


async def fresh(page: Page) -> None:
    """Have the running gateway sign the newest records; without it, what is signed has to do."""
    try:
        await page.site.ask(None, "checkpoint")
    except ControlError:
        return
