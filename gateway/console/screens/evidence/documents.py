"""/evidence/documents: the site's procedures and policies, registered for criteria."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date

from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from gateway.console.page import Page
from gateway.console.papers import papers
from gateway.console.roles import AUDITORS, SUPERVISORS
from gateway.console.routes import Pages
from gateway.console.screens.evidence.criteria import criteria_of
from gateway.console.uploads import UploadError
from gateway.desk import documentfile, documents
from gateway.desk.documentlist import TYPES, Register, Registered
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.fromlog import outbox
from gateway.locale import GaritaError, worded

pages = Pages()
UPLOAD = documentfile.MAX_BYTES + 256 * 1024
"""The largest form: a document and the words about it."""
SOON_DAYS = 30
_PIECE = 1 << 20
_one = asyncio.Semaphore(1)
"""Documents are read one after the other: each may take 50 MB."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form: again, after a mistake."""

    title: str = ""
    criteria: frozenset[str] = frozenset()
    approved_by: str = ""
    approved_on: str = ""
    review_due: str = ""
    replaces: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document in the list; `stand` is ``overdue``, ``soon`` or "" by its review's day."""

    one: Registered
    stand: str


@pages.get("/evidence/documents", roles=AUDITORS)
async def every(page: Page) -> Response:
    """The documents in force, those of before, and the form to attach one."""
    asked = page.request.query_params.getlist("criterion")
    known = page.site.settings.criteria.criteria
    chosen = frozenset(item for item in asked if item in known)
    return await _shown(page, Typed(criteria=chosen, replaces=page.query("replaces")[:64]))


@pages.post("/evidence/documents", roles=SUPERVISORS, upload=UPLOAD)
async def attach(page: Page) -> Response:
    """Keep a file and register it."""
    typed = Typed(
        page.field("title"),
        frozenset(page.fields("criterion")),
        page.field("approved_by"),
        page.field("approved_on"),
        page.field("review_due"),
        page.field("replaces"),
    )
    sent = page.file("file")
    try:
        if sent is None:
            raise UploadError("missing", worded("choose a file first"))
        about = documents.About(
            typed.title or (sent.filename or "").rpartition(".")[0],
            tuple(typed.criteria),
            typed.approved_by,
            day(typed.approved_on),
            day(typed.review_due),
            typed.replaces,
        )
        async with _one:
            await page.run(_attach, page, sent, about)
    except GaritaError as error:
        return await _shown(page, replace(typed, wrong=str(error)))
    await page.nudge()
    return page.back("/evidence/documents")


@pages.get("/evidence/documents/{document}/file", roles=AUDITORS)
async def file(page: Page) -> Response:
    """The file of a document, also of one that is no longer in force."""
    register = await page.run(register_of, page)
    key = page.path("document")
    found = next((one for one in reversed(register.documents) if one.id == key), None)
    if found is None:
        raise NotFound("no_document", "no document {key} is in force", key=key[:40])
    path = await page.run(documentfile.stored, page.site.settings, found.sha256)
    if path is None:
        raise NotFound(
            "document_file_gone", "the file of {title} is not kept here, or was changed",
            title=found.title,
        )  # fmt: skip
    suffix = path.suffix if found.media == documentfile.PDF else ".bin"
    return FileResponse(path, media_type=documentfile.OTHER, filename=f"{found.id}{suffix}")


@pages.post("/evidence/documents/{document}/retire", roles=SUPERVISORS)
async def retire(page: Page) -> Response:
    """Withdraw a document; its file stays for packets of its time."""

    def act() -> None:
        with page.site.people() as db, page.site.ledger() as ledger:
            documents.retire(
                db, ledger, page.path("document"), page.field("reason"), by=page.operator
            )

    await page.run(act)
    await page.nudge()
    return page.back("/evidence/documents")


def day(text: str) -> date | None:
    """A day of a form; None for "".  Raises DeskError."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DeskError("bad_day", "write a day as 2026-11-25") from error


def _attach(page: Page, sent: UploadFile, about: documents.About) -> None:
    pieces: list[bytes] = []
    left = documentfile.MAX_BYTES + 1
    while left > 0 and (piece := sent.file.read(min(_PIECE, left))):
        pieces.append(piece)
        left -= len(piece)
    made = documentfile.content(tuple(pieces))
    with page.site.people() as db, page.site.ledger() as ledger:
        documents.attach(
            page.site.settings, db, ledger, made, about, by=page.operator, today=page.today
        )


def register_of(page: Page) -> Register:
    """The documents, also those that are not on record yet."""
    found = Register()
    with page.site.people() as db, page.site.ledger() as ledger:
        waiting = outbox(db, TYPES)  # first: what is on record meanwhile is then known twice
        events = papers(page.site, TYPES).events(ledger)
    known = {event.id for event in events}
    for event in (*events, *(one for one in waiting if one.id not in known)):
        found.take(event)
    return found


async def _shown(page: Page, typed: Typed) -> Response:
    register = await page.run(register_of, page)
    in_force = register.in_force()
    ended = [one for one in reversed(register.documents) if not one.in_force]
    return page.render(
        "evidence/documents.html",
        status=409 if typed.wrong else 200,
        typed=typed,
        documents=sorted((_stand(page, one) for one in in_force), key=_order),
        ended=ended[:40],
        more=max(0, len(ended) - 40),
        groups=criteria_of(page.site.settings),
        may_act=page.may(*SUPERVISORS),
        most=documentfile.MAX_BYTES // (1024 * 1024),
        today=page.today,
    )


def _stand(page: Page, one: Registered) -> Shown:
    if one.overdue(page.today):
        return Shown(one, "overdue")
    days = (date.fromisoformat(one.review_due) - page.today).days if one.review_due else None
    return Shown(one, "soon" if days is not None and days <= SOON_DAYS else "")


def _order(shown: Shown) -> tuple[bool, str, str]:
    return (not shown.stand, shown.one.review_due or "9999", shown.one.title.casefold())
