"""Taking records along, and having the log verified: begun here, done by a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import FileResponse, Response

from gateway.console.jobs import Job, Work, jobs_of
from gateway.console.page import Page
from gateway.console.roles import AUDITORS
from gateway.console.routes import Pages
from gateway.console.screens.records import asked as filters
from gateway.console.screens.records.asked import Asked, eyes
from gateway.console.screens.records.pages import NoRecord, fresh
from gateway.desk.act import writing
from gateway.desk.auditor.export import FORMATS
from gateway.desk.errors import DeskError
from gateway.ledger.event import EventType
from gateway.locale import _, worded
from gateway.people import audit
from gateway.people.schema import put_event
from gateway.wording.details import detail

pages = Pages()
WORKER = "gateway.console.screens.records.worker"
MINE = frozenset({"export", "verify"})
"""The jobs of this screen; another screen's are at its own address."""


@pages.post("/records/export", roles=AUDITORS)
async def export(page: Page) -> Response:
    """Begin an export of the records that the form's filters ask for."""
    given, form = filters.asked(page, "form"), page.field("format")
    wanted = filters.wanted(page.site.settings, given)
    if form not in FORMATS:
        raise DeskError("unknown_word", "format: one of {names}", names=", ".join(FORMATS))
    if page.operator.areas:
        raise DeskError("scope", "you see some areas only; whoever sees all takes records along")
    await fresh(page)
    at = datetime.now(UTC).astimezone(page.zone)
    order = {
        "wanted": {name: getattr(wanted, name) for name in wanted.__slots__},
        "secrets": eyes(page).secrets,
        "format": form,
        "name": f"{page.site.settings.site.gateway}-{at:%Y%m%d-%H%M%S}",
    }

    async def done(found: dict[str, Any]) -> None:
        facts = {"format": form, "asked": _words(given), "n": found["n"], "seq": found["seq"]}
        await _told(page, EventType.RECORDS_EXPORTED, facts)

    work = Work(WORKER, "export", order)
    job = jobs_of(page.site).begin(work, str(page.operator), _words(given), done)
    return page.back(f"/records/jobs/{job.id}")


@pages.post("/records/verify", roles=AUDITORS)
async def verify(page: Page) -> Response:
    """Begin the verification of the whole log."""

    async def done(found: dict[str, Any]) -> None:
        said = {"seq": found["seq"], "result": "good" if found["ok"] else "broken", "n": found["n"]}
        await _told(page, EventType.RECORDS_VERIFIED, said)

    job = jobs_of(page.site).begin(Work(WORKER, "verify"), str(page.operator), "", done)
    return page.back(f"/records/jobs/{job.id}")


def _words(given: Asked) -> str:
    """The filters, for the record."""
    return ", ".join(f"{name} {value}" for name, value in given.fields.items()) or "all"


async def _told(page: Page, kind: EventType, data: dict[str, Any]) -> None:
    """Put on record what the operator did."""

    def put() -> None:
        with page.site.people() as db, writing(db):
            put_event(db, kind, page.site.settings.site.gateway, {**data, "by": page.operator})

    await page.run(put)
    await page.nudge()


@pages.get("/records/jobs", roles=AUDITORS)
async def every(page: Page) -> Response:
    """What this operator began."""
    mine = [job for job in jobs_of(page.site).all(str(page.operator)) if job.act in MINE]
    return page.render("records/jobs.html", jobs=mine)


@pages.get("/records/jobs/{key}", roles=AUDITORS)
async def one(page: Page) -> Response:
    """How far it is, and what came of it."""
    job = _job(page)
    found = job.done or {}
    template = "records/job-part.html" if page.fragment else "records/job.html"
    return page.render(
        template,
        job=job,
        found=found,
        problems=[(item["seq"], detail(item["what"])) for item in found.get("problems", ())],
        tables=[
            (item["seq"], _(audit.WORDS[item["what"]]).format(row=item["row"]))
            for item in found.get("tables", ())
        ],
    )


@pages.get("/records/jobs/{key}/file", roles=AUDITORS)
async def file(page: Page) -> Response:
    """The file of an export, for whoever made it."""
    job = _job(page)
    if job.file is None or not job.file.is_file():
        raise NoRecord(worded("this file is not there any more: export again"))
    kind = "text/csv; charset=utf-8" if job.file.suffix == ".csv" else "application/zip"
    return FileResponse(job.file, media_type=kind, filename=job.file.name)


def _job(page: Page) -> Job:
    job = jobs_of(page.site).of(page.path("key"), str(page.operator))
    if job is None or job.act not in MINE:
        raise NoRecord(worded("this is not there any more: begin again"))
    return job
