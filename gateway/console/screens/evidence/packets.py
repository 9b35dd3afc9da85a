"""/evidence: the auditor's packet, made here with its progress, and those that were made."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import FileResponse, Response

from gateway.console.jobs import Job, Work, jobs_of
from gateway.console.page import Page
from gateway.console.papers import papers
from gateway.console.roles import AUDITORS
from gateway.console.routes import Pages
from gateway.console.screens.evidence.asked import Asked, AskedError, asked, last_month, offered
from gateway.console.screens.evidence.criteria import criteria_of
from gateway.daemon.control import ControlError
from gateway.desk.errors import DeskError
from gateway.ledger.event import Event, EventType
from gateway.locale import GaritaError, worded

pages = Pages()
WORKER = "gateway.console.screens.evidence.worker"
ACT = "packet"
KEEPS_S = 86_400.0
KNOWN = 40


class NoPacket(GaritaError):
    """It is not there, or is somebody else's."""


@dataclass(frozen=True, slots=True)
class Made:
    """A packet that was made, as the log has it.  `file` is the id of the job whose file can still
    be taken, or ""; `again` the address of a form with the same fields."""

    event: Event
    by: str
    first: str
    last: str
    criteria: int
    word: str
    manifest: str
    redacted: bool
    file: str
    again: str


@pages.get("/evidence", roles=AUDITORS)
async def packets(page: Page) -> Response:
    """The form of a packet, and the packets of before."""
    return await _form(page, offered(page))


@pages.post("/evidence/make", roles=AUDITORS)
async def make(page: Page) -> Response:
    """Begin to make a packet."""
    if page.operator.areas:
        raise DeskError("scope", "you see some areas only; whoever sees all makes the packet")
    if not page.view.secrets:
        raise DeskError("scope", "a packet has the records of duress too, which you do not see")
    try:
        given = asked(page)
    except AskedError as error:
        return await _form(page, offered(page), error)
    with contextlib.suppress(ControlError):  # without a gateway, what is signed has to do
        await page.ask("checkpoint")
    work = Work(WORKER, ACT, {**given.order(), "by": _by(page)})

    async def done(_found: dict[str, Any]) -> None:
        await page.nudge()

    title = f"{given.first.isoformat()} – {given.last.isoformat()}"
    job = jobs_of(page.site).begin(work, str(page.operator), title, done, keeps=KEEPS_S)
    return page.back(f"/evidence/jobs/{job.id}")


@pages.get("/evidence/jobs/{key}", roles=AUDITORS)
async def one(page: Page) -> Response:
    """How far it is, and what came of it."""
    job = _job(page)
    template = "evidence/job-part.html" if page.fragment else "evidence/job.html"
    return page.render(template, job=job, found=job.done or {}, mine=job.by == str(page.operator))


@pages.get("/evidence/jobs/{key}/file", roles=AUDITORS)
async def file(page: Page) -> Response:
    """The packet as one file."""
    job = _job(page)
    if job.file is None or not job.file.is_file():
        raise NoPacket(worded("this packet is not here any more: make it again"))
    return FileResponse(job.file, media_type="application/zip", filename=job.file.name)


@pages.post("/evidence/jobs/{key}/stop", roles=AUDITORS)
async def stop(page: Page) -> Response:
    """End one that goes on; nothing of it is left."""
    job = _job(page)
    if job.by != str(page.operator):
        raise NoPacket(worded("whoever began it stops it"))
    await jobs_of(page.site).stop(job)
    return page.back(f"/evidence/jobs/{job.id}")


def _job(page: Page) -> Job:
    """A packet is for all who may make one, whoever began it.  Raises NoPacket."""
    found = jobs_of(page.site).of(page.path("key"), str(page.operator), all_=True)
    if found is None or found.act != ACT:
        raise NoPacket(worded("this packet is not here any more: make it again"))
    if page.operator.areas or not page.view.secrets:
        raise DeskError("scope", "you see some areas only; whoever sees all makes the packet")
    return found


def _by(page: Page) -> dict[str, Any]:
    """Who makes it, for the process that does."""
    by = page.operator
    return {
        "login": str(by),
        "person": by.person,
        "name": by.name,
        "roles": sorted(by.roles),
        "areas": sorted(by.areas),
    }


async def _form(page: Page, shown: Asked, error: AskedError | None = None) -> Response:
    typed = {name: page.field(name) for name in ("from", "to", "word")} if error else {}
    made = await page.run(_made, page)
    jobs = [job for job in jobs_of(page.site).every() if job.act == ACT]
    return page.render(
        "evidence/packets.html",
        status=409 if error else 200,
        asked=shown,
        typed=typed,
        wrong=str(error) if error else "",
        field=error.field if error else "",
        chosen=set(page.fields("criterion") if error else shown.criteria),
        groups=criteria_of(page.site.settings),
        presets=presets(page.today),
        made=made,
        running=[job for job in jobs if job.running],
        scoped=bool(page.operator.areas) or not page.view.secrets,
    )


def presets(today: date) -> list[tuple[str, Asked]]:
    """Spans that people ask for: a key, and the form."""
    month = last_month(today)
    quarter = Asked(_months_before(month.first, 2), month.last)
    year = Asked(_months_before(month.first, 11), month.last)
    return [("month", month), ("quarter", quarter), ("year", year)]


def _months_before(first: date, months: int) -> date:
    at = first.year * 12 + first.month - 1 - months
    return date(at // 12, at % 12 + 1, 1)


def _made(page: Page) -> list[Made]:
    with page.site.ledger() as ledger:
        events = papers(page.site, {EventType.EVIDENCE_MADE}).events(ledger)
    files = {
        str(job.done.get("manifest", "")): job.id
        for job in jobs_of(page.site).every()
        if job.act == ACT and job.done and job.file is not None
    }
    known = frozenset(page.site.settings.criteria.criteria)
    found = (made_of(event, files, known) for event in reversed(events))
    return [one for one in found if one is not None][:KNOWN]


def made_of(event: Event, files: Mapping[str, str], known: Collection[str]) -> Made | None:
    """The packet of a record; None if the record has another form.  `known` are all criteria."""
    data = event.data
    try:
        first, last = date.fromisoformat(data["first"]), date.fromisoformat(data["last"])
    except (KeyError, ValueError, TypeError):
        return None
    criteria = data.get("criteria")
    ids = tuple(map(str, criteria)) if isinstance(criteria, list) else ()
    ids = () if set(ids) == set(known) else ids
    word, manifest = str(data.get("word") or ""), str(data.get("manifest") or "")
    redacted = data.get("redacted") is True
    again = Asked(first, last, ids, word, redacted=redacted).link()
    by = str(data.get("by_name") or data.get("by") or "")
    return Made(
        event,
        by,
        first.isoformat(),
        last.isoformat(),
        len(ids),
        word,
        manifest,
        redacted,
        files.get(manifest, ""),
        again,
    )
