"""/evidence/reviews: what people looked at, what they found, and when it falls due again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.papers import papers
from gateway.console.roles import AUDITORS, SUPERVISORS
from gateway.console.routes import Pages
from gateway.console.screens.evidence.documents import day
from gateway.desk import reviews
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.fromlog import outbox
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, choose

pages = Pages()
KNOWN = 60
PILLS = {
    reviews.Stand.DONE: "good",
    reviews.Stand.SOON: "warn",
    reviews.Stand.OVERDUE: "bad",
    reviews.Stand.NEVER: "bad",
    reviews.Stand.OPTIONAL: "plain",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form: offered at first, again after a mistake."""

    first: str
    last: str
    found: str = ""
    action: str = ""
    next_due: str = ""
    records: str = ""
    wrong: str = ""


@pages.get("/evidence/reviews", roles=AUDITORS)
async def every(page: Page) -> Response:
    """Which reviews are due, and those that were recorded."""
    done = await page.run(recorded, page)
    due = reviews.due(done, page.today)
    order = list(PILLS)[::-1]
    order.remove(reviews.Stand.OPTIONAL)
    order.append(reviews.Stand.OPTIONAL)
    return page.render(
        "evidence/reviews.html",
        due=sorted(due, key=lambda one: (order.index(one.stand), one.due)),
        done=done[::-1][:KNOWN],
        more=max(0, len(done) - KNOWN),
        pills=PILLS,
        words=title_of,
        both=lambda words: choose((words["en"], words["es"])),
        may_act=page.may(*SUPERVISORS),
    )


@pages.get("/evidence/reviews/new", roles=SUPERVISORS)
async def new(page: Page) -> Response:
    """The form of one review: of the kind, and the days, that the address names."""
    kind = _kind(page.query("kind"))
    done = await page.run(recorded, page)
    newest = next((one for one in reversed(done) if one.kind == kind.key), None)
    first, last = page.query("from"), page.query("to")
    if not (_is_day(first) and _is_day(last)):
        first, last = offered(newest, kind, page.today)
    return _form(page, kind, Typed(first, last, records=page.query("records")[:200]))


@pages.post("/evidence/reviews", roles=SUPERVISORS)
async def record(page: Page) -> Response:
    """Record that somebody reviewed, and what they found."""
    kind = _kind(page.field("kind"))
    names = ("first", "last", "found", "action", "next_due", "records")
    typed = Typed(**{name: page.field(name) for name in names})
    steps = {key: page.field(f"step-{key}") for key in kind.steps}

    def act() -> None:
        first, last = day(typed.first), day(typed.last)
        if first is None or last is None:
            raise DeskError("bad_day", "write a day as 2026-11-25")
        told = reviews.Told(
            kind.key,
            first,
            last,
            typed.found,
            typed.action,
            day(typed.next_due),
            numbers(typed.records),
            steps,
        )
        with page.site.people() as db, page.site.ledger() as ledger:
            reviews.record(db, ledger, told, by=page.operator, today=page.today)

    try:
        await page.run(act)
    except GaritaError as error:
        return _form(page, kind, replace(typed, wrong=str(error)), steps)
    await page.nudge()
    return page.back("/evidence/reviews")


def offered(newest: reviews.Recorded | None, kind: reviews.Kind, today: date) -> tuple[str, str]:
    """The days that the form offers: from where the last one of the kind ended up to yesterday."""
    last = today - timedelta(days=1)
    first = last - timedelta(days=max(0, min(kind.every, 366) - 1))
    if newest is not None:
        after = date.fromisoformat(newest.last) + timedelta(days=1)
        first = min(max(first, after), last)
    return first.isoformat(), last.isoformat()


def numbers(text: str) -> tuple[int, ...]:
    """Numbers of records out of a field: by blanks, commas or semicolons.  Raises DeskError."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) < 16):
            raise DeskError("no_number", "{given} is not a number", given=part[:20])
    return tuple(dict.fromkeys(map(int, parts)))


def recorded(page: Page) -> list[reviews.Recorded]:
    """All reviews, oldest first, also those that are not on record yet.  Blocks."""
    kinds = [EventType.REVIEW_RECORDED]
    with page.site.people() as db, page.site.ledger() as ledger:
        waiting = outbox(db, kinds)  # first: what is on record meanwhile is then known twice
        events = papers(page.site, kinds).events(ledger)
    known = {event.id for event in events}
    every_one = (*events, *(one for one in waiting if one.id not in known))
    return [found for event in every_one if (found := reviews.of(event)) is not None]


def title_of(key: str) -> str:
    """A kind of review in the language in use; the key itself if it is not known."""
    known = reviews.kinds().get(key)
    return choose((known.title["en"], known.title["es"])) if known else key


def _form(
    page: Page, kind: reviews.Kind, typed: Typed, steps: dict[str, str] | None = None
) -> Response:
    return page.render(
        "evidence/review.html",
        status=409 if typed.wrong else 200,
        kind=kind,
        typed=typed,
        steps=steps or {},
        title=title_of(kind.key),
        both=lambda words: choose((words["en"], words["es"])),
        me=page.operator.name or str(page.operator),
    )


def _kind(key: str) -> reviews.Kind:
    found = reviews.kinds().get(key)
    if found is None:
        raise NotFound("no_review_kind", "choose what you reviewed")
    return found


def _is_day(text: str) -> bool:
    try:
        return bool(text) and date.fromisoformat(text) is not None
    except ValueError:
        return False
