"""/evidence/readiness: what is missing for a validation visit and by when; /evidence/profile: the
draft of the portal's security profile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import quote

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import AUDITORS, SUPERVISORS
from gateway.console.routes import Pages
from gateway.console.screens.evidence.documents import register_of
from gateway.console.screens.evidence.reviews import recorded
from gateway.desk import documentfile, reviews
from gateway.evidence import profile as portal
from gateway.evidence import readiness as ready
from gateway.evidence.programmes import coverage
from gateway.locale import choose

pages = Pages()
DRAFT = {
    portal.SUPPORTED: "info",
    portal.DOCUMENT: "info",
    portal.NOT_GATE: "plain",
    portal.OPEN: "warn",
}


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is missing, for all criteria that miss it.  `link` is where it is done, "" for
    a document, which each criterion may have of its own: `links` are by criterion then."""

    words: str
    by: str
    late: bool
    criteria: tuple[str, ...]
    link: str
    links: tuple[tuple[str, str], ...] = ()


@pages.get("/evidence/readiness", roles=AUDITORS)
async def readiness(page: Page) -> Response:
    """What is missing, and each criterion: enforced, recorded, attached, or with people."""
    visit, wrong = _visit(page)
    rows = await page.run(_rows, page, visit)
    tasks = tasks_of(rows)
    return page.render(
        "evidence/readiness.html",
        status=409 if wrong else 200,
        visit=page.query("visit")[:10],
        wrong=wrong,
        rows=rows,
        chapters=[
            (number, list(chapter))
            for number, chapter in groupby(rows, lambda one: one.criterion.id.partition(".")[0])
        ],
        tasks=tasks,
        late=sum(task.late for task in tasks),
        counts={
            "missing": sum(bool(row.missing) for row in rows),
            "enforced": sum(row.enforced for row in rows),
            "recorded": sum(row.recorded for row in rows),
            "people": sum(row.people for row in rows),
        },
        both=lambda words: choose((words["en"], words["es"])),
        stands=reviews.STANDS,
        may_act=page.may(*SUPERVISORS),
    )


@pages.get("/evidence/profile", roles=AUDITORS)
async def profile(page: Page) -> Response:
    """The draft of the portal's security profile, by the number of the question."""
    criteria = page.site.settings.criteria
    register = await page.run(register_of, page)
    in_force = register.in_force()
    attached = {
        key: tuple(one.id for one in in_force if key in one.criteria) for key in criteria.criteria
    }
    found = portal.answers(criteria.criteria.values(), coverage(criteria), attached)
    return page.render(
        "evidence/profile.html",
        answers=found,
        criteria=criteria.criteria,
        documents={one.id: one.title for one in in_force},
        stands=portal.STANDS,
        pills=DRAFT,
        both=lambda words: choose((words["en"], words["es"])),
    )


def tasks_of(rows: Iterable[ready.Row]) -> list[Task]:
    """What is missing, each once with all its criteria: what is late first, then by the day.
    Documents that are not there stand together by chapter."""
    found: dict[tuple[str, str], list[tuple[str, ready.Missing]]] = {}
    for row in rows:
        for lack in row.missing:
            chapter = row.criterion.id.partition(".")[0]
            about = chapter if lack.what is ready.Lack.DOCUMENT else lack.about
            found.setdefault((lack.what, about), []).append((row.criterion.id, lack))
    tasks = [_task(lacks[0][1], tuple(key for key, _lack in lacks)) for lacks in found.values()]
    return sorted(tasks, key=lambda task: (not task.late, task.by or "9999"))


def _task(lack: ready.Missing, criteria: tuple[str, ...]) -> Task:
    link = ""
    links: tuple[tuple[str, str], ...] = ()
    if lack.what is ready.Lack.REVIEW:
        link = f"/evidence/reviews/new?kind={quote(lack.about, safe='')}"
    elif lack.what is ready.Lack.DOCUMENT:
        links = tuple((key, f"/evidence/documents?criterion={quote(key)}") for key in criteria)
    else:
        link = f"/evidence/documents?replaces={quote(lack.about, safe='')}"
    return Task(lack.words.say(), lack.by, lack.late, criteria, link, links)


def _rows(page: Page, visit: date | None) -> list[ready.Row]:
    settings = page.site.settings
    return ready.readiness(
        settings.criteria,
        register_of(page),
        recorded(page),
        page.today,
        visit=visit,
        stored=lambda sha256: documentfile.stored(settings, sha256) is not None,
    )


def _visit(page: Page) -> tuple[date | None, bool]:
    """The day of the visit; and whether what was given is none."""
    text = page.query("visit")
    if not text:
        return None, False
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None, True
    return (found, False) if page.today <= found and found.year < 9000 else (None, True)
