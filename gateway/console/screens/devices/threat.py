"""The threat level: what is in force, what each level changes, and lockdown.

A change needs a second factor.  Everybody at the desk may raise the level; a supervisor lowers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from gateway.config import Settings
from gateway.console.page import Page
from gateway.console.roles import GUARDS, SUPERVISORS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.devices.common import render, status_of
from gateway.desk.errors import DeskError
from gateway.locale import _, language, worded
from gateway.locale.text import tidy
from gateway.wording import words

pages = Pages()
HERE = "/devices/threat"


@dataclass(frozen=True, slots=True)
class LevelView:
    """A level, lowest rank first.  `changes` are sentences; `higher` than the one in force."""

    name: str
    title: str
    rank: int
    changes: Sequence[str]
    now: bool
    higher: bool
    strictest: bool


def levels(settings: Settings, now: str) -> list[LevelView]:
    """The levels of the site."""
    tables = sorted(settings.tables.threat_levels.items(), key=lambda item: item[1].rank)
    ranks = {name: table.rank for name, table in tables}
    return [
        LevelView(
            name=name,
            title=table.title.said(language()),
            rank=table.rank,
            changes=list(_changes(settings, table)),
            now=name == now,
            higher=table.rank > ranks.get(now, -1),
            strictest=name == tables[-1][0] and len(tables) > 1,
        )
        for name, table in tables
    ]


def _changes(settings: Settings, table: Any) -> Iterator[str]:
    """What a level changes, as sentences."""
    areas = settings.tables.areas

    def named(names: Sequence[str]) -> str:
        titles = {name: area.title for name, area in areas.items()}
        said = [t.said(language()) if (t := titles.get(name)) else name for name in names]
        return ", ".join(said)

    if "*" in table.closed:
        yield _("Every door is closed.")
    elif table.closed:
        yield _("Closed: {areas}.").format(areas=named(table.closed))
    if table.open_to:
        yield _("These levels enter all the same: {levels}.").format(
            levels=", ".join(table.open_to)
        )
    if table.factors.value != "badge":
        yield _("Every door asks for: {factors}.").format(factors=words.word(table.factors.value))
    if table.two_person:
        yield _("Nobody enters alone: {areas}.").format(areas=named(table.two_person))


@pages.get(HERE, roles=WATCHERS)
async def show(page: Page) -> Response:
    """The level in force, and the others."""
    return await _shown(page, "threat-part.html" if page.fragment else "threat.html")


@pages.get(f"{HERE}/change", roles=GUARDS, fresh=True)
async def change(page: Page) -> Response:
    """The form for another level, for whoever gave their second factor just now."""
    return await _shown(page, "threat-change.html")


async def _shown(page: Page, template: str, **facts: Any) -> Response:
    status = await status_of(page)
    now: Mapping[str, Any] | None = (status or {}).get("threat")
    found = levels(page.site.settings, str(now["level"]) if now else "")
    return render(page, template, HERE, levels=found, now=now, **{"wrong": "", **facts})


@pages.post(HERE, roles=GUARDS, fresh=True)
async def put(page: Page) -> Response:
    """Put a level in force.  `was` is the level that the operator saw: the page may be old."""
    level, was, reason = page.field("level"), page.field("was"), tidy(page.field("reason"), 200)
    tables = page.site.settings.tables.threat_levels
    if level not in tables:
        raise DeskError("unknown_level", worded("there is no threat level {level}", level=level))
    if not reason:
        return await _shown(page, "threat-change.html", wrong=_("Say why: it goes on record."))
    status = await page.ask("status")
    now = str((status["threat"] or {}).get("level", ""))
    if now not in (was, level):
        raise DeskError(
            "level_changed",
            worded("the level was changed meanwhile, to {level}: look again", level=now),
        )
    lower = now in tables and tables[level].rank < tables[now].rank
    if lower and not page.may(*SUPERVISORS):
        raise DeskError("not_allowed", worded("a supervisor lowers the level"))
    await page.ask("threat_set", level=level, reason=reason)
    return page.back(HERE)
