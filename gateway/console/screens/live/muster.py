"""GET /muster: who is inside, as a list for an evacuation that prints on paper.

The running gateway says who is inside, with what other gates told it.  If it does not answer, the
list comes from its files, and the page says so: a list that may be old is better than none, and
worse than a fresh one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from gateway.console.follow.view import title_of
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY
from gateway.console.routes import Pages
from gateway.console.screens.live.seen import view_of
from gateway.daemon.control import ControlError
from gateway.ledger import LedgerUnavailable
from gateway.locale.text import tidy
from gateway.state.muster import LONG_H, kept_presence, muster, parts_kept
from gateway.wording.muster import said_of_gate

pages = Pages()


@dataclass(frozen=True, slots=True)
class Inside:
    """One person inside: since when (UTC text), how many hours, and which other gate said so."""

    person: str
    name: str
    company: str
    since: str
    hours: float
    gate: str

    @property
    def long(self) -> bool:
        """Whether they are inside for so long that somebody should look."""
        return self.hours > LONG_H


@pages.get("/muster", roles=EVERYBODY)
async def show(page: Page) -> Response:
    """The list, by area; with `area`, of that one alone."""
    area = page.query("area")
    known = page.site.settings.tables.areas
    if area not in known:
        area = ""
    people, others, answers, why = await _inside(page, area)
    view, now = view_of(page), datetime.now(UTC)
    shown = [
        name for name in known if (not view.areas or name in view.areas) and area in ("", name)
    ]
    lists = [
        (
            title_of(page.site.settings, name),
            [_row(row, now) for row in people if row["area"] == name],
        )
        for name in shown
    ]
    told = [part for part in others if set(part["areas"]) & set(shown)]
    return page.render(
        "live/muster.html",
        lists=lists,
        total=sum(len(rows) for _, rows in lists),
        said=[line for part in told for line in said_of_gate(part, page.zone)],
        answers=answers,
        why=why,
        now=now,
        area=area,
        only=title_of(page.site.settings, area) if area else "",
    )


async def _inside(page: Page, area: str) -> tuple[list[Any], list[Any], bool, str]:
    """People, what other gates told, whether the gateway answers, and why there is no list."""
    try:
        answer = await page.ask("muster", area=area)
        return answer["people"], answer.get("parts", []), True, ""
    except ControlError:
        pass
    settings = page.site.settings
    try:
        found = await page.run(kept_presence, settings)
    except LedgerUnavailable as error:
        return [], [], False, str(error)
    shared = {name: table.shared for name, table in settings.tables.areas.items()}
    return muster(found, area), parts_kept(found, shared), False, ""


def _row(row: Any, now: datetime) -> Inside:
    since = datetime.fromisoformat(row["since"])
    return Inside(
        person=row["person"],
        name=tidy(row["name"]),
        company=tidy(row["company"]),
        since=row["since"],
        hours=(now - since).total_seconds() / 3600,
        gate=row.get("gate", ""),
    )
