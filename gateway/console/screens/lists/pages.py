"""``/lists``: the list in force and those before it; a new one is sent, looked at and confirmed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATOR, HR, PEOPLE
from gateway.console.routes import Pages
from gateway.console.screens.lists.drafts import IN_FORCE, READY, Draft, Drafts
from gateway.console.site import Site
from gateway.console.uploads import LIST_BYTES, UploadError
from gateway.decide.policy import Direction
from gateway.locale import _, language
from gateway.people.sync import history
from gateway.people.sync.rehearsal import Shift
from gateway.wording import lists as wording

pages = Pages()
KEEPERS = frozenset({HR, ADMINISTRATOR})
"""Who may put a list in force; a supervisor sees what was."""
VERSIONS = 50
PATIENCE_S = 3.0  # a small list is in force when the next page shows
_sites: WeakKeyDictionary[Site, Drafts] = WeakKeyDictionary()


def drafts_of(site: Site) -> Drafts:
    """The drafts of a console."""
    return _sites.setdefault(site, Drafts(site.settings))


@pages.get("/lists", roles=PEOPLE)
async def lists(page: Page) -> Response:
    """The list in force, the drafts, and every list before."""
    return await _lists(page)


async def _lists(page: Page, wrong: str = "") -> Response:
    keeper = page.may(*KEEPERS)
    versions, more = await page.run(_versions, page)
    found = await page.run(drafts_of(page.site).all) if keeper else []
    return page.render(
        "lists/page.html",
        status=422 if wrong else 200,
        versions=versions,
        more=more,
        drafts=[draft for draft in found if draft.state != IN_FORCE],
        profiles=await page.run(_profiles, page),
        keeper=keeper,
        wrong=wrong,
        kind=wording.kind,
    )


@pages.post("/lists", roles=KEEPERS, upload=LIST_BYTES + 64 * 1024)
async def send(page: Page) -> Response:
    """Take a list and begin to look at it; nothing changes."""
    file = page.file("file")
    if file is None:
        return await _lists(page, _("choose a file first"))
    drafts = drafts_of(page.site)
    profile = page.field("profile")
    if profile not in ("", *await page.run(_profiles, page)):
        return await _lists(page, _("there is no profile of that name"))

    def take() -> Draft:
        return drafts.take(
            file.file,
            file.filename or "",
            by=page.operator,
            delta=page.field("what") == "changes",
            profile=profile,
        )

    try:
        draft = await page.run(take)
    except UploadError as error:
        return await _lists(page, str(error))
    drafts.look(draft)
    return page.back(f"/lists/drafts/{draft.id}")


@pages.post("/lists/back", roles=KEEPERS)
async def back(page: Page) -> Response:
    """Look at what going back to an earlier version would change."""
    drafts = drafts_of(page.site)
    number = page.field("version")
    if not number.isdecimal() or len(number) > 9:
        return await _lists(page, _("there is no version {n}").format(n=number[:20] or "?"))
    draft = await page.run(lambda: drafts.back_to(int(number), by=page.operator))
    drafts.look(draft)
    return page.back(f"/lists/drafts/{draft.id}")


@pages.get("/lists/drafts/{draft}", roles=KEEPERS)
async def draft(page: Page) -> Response:
    """A draft: how far the work is, what is wrong with it, or what it would change."""
    return await _draft(page)


async def _draft(page: Page, wrong: str = "") -> Response:
    drafts = drafts_of(page.site)
    found = await page.run(drafts.find, page.path("draft"))
    if found is None:
        return page.refused(_("this list is not here any more; send it again"), 404)
    stage, count = drafts.stage(found)
    plan = await page.run(drafts.plan, found) if found.state in (READY, IN_FORCE) else None
    return page.render(
        "lists/draft-part.html" if page.fragment else "lists/draft.html",
        status=409 if wrong and not page.fragment else 200,
        draft=found,
        stage=stage,
        count=count,
        plan=plan,
        rehearsal=_rehearsal(plan),
        wrong=wrong,
        says=lambda words: words.get(language(), words["en"]) if words else "",
        cell=lambda value, name: wording.cell({name: value}, name),
        title=wording.tripwire,
    )


@pages.post("/lists/drafts/{draft}/apply", roles=KEEPERS)
async def apply(page: Page) -> Response:
    """Put a draft in force.  Each tripwire that it trips must be confirmed by its name."""
    drafts = drafts_of(page.site)
    found = await page.run(drafts.find, page.path("draft"))
    if found is None or found.state != READY:
        return await _draft(page)  # a second tap: the page shows what became of the first
    plan = await page.run(drafts.plan, found) or {}
    names, confirmed = {item["name"] for item in plan["tripped"]}, set(page.fields("confirm"))
    if missing := names - confirmed:
        return await _draft(
            page,
            _("confirm each warning first; not confirmed yet: {n}").format(n=len(missing)),
        )
    agreed = confirmed & names
    drafts.apply(found, confirmed=agreed, by=page.operator, after=page.nudge)
    await drafts.finished(found, PATIENCE_S)
    return page.back(f"/lists/drafts/{found.id}")


@pages.post("/lists/drafts/{draft}/look", roles=KEEPERS)
async def look_again(page: Page) -> Response:
    """Compare a draft once more: the list in force has changed since."""
    drafts = drafts_of(page.site)
    found = await page.run(drafts.find, page.path("draft"))
    if found is not None and not found.busy and found.state != IN_FORCE:
        drafts.look(found)
    return page.back(f"/lists/drafts/{page.path('draft')}")


@pages.post("/lists/drafts/{draft}/drop", roles=KEEPERS)
async def drop(page: Page) -> Response:
    """Throw a draft away."""
    drafts_of(page.site).drop(page.path("draft"))
    return page.back("/lists")


def _versions(page: Page) -> tuple[list[dict[str, Any]], int]:
    with page.site.people() as db:
        found = history.versions(db)
    # One can go back to a version if every later one is kept.
    reach = True
    for row in found:
        row["reach"] = reach and row is not found[0]
        reach = reach and row["kept"]
        row["at"] = datetime.fromisoformat(row["applied_at"])
    return found[:VERSIONS], max(0, len(found) - VERSIONS)


def _profiles(page: Page) -> list[str]:
    names: set[str] = set()
    for folder in page.site.settings.profile_folders:
        if folder.is_dir():
            names |= {path.stem for path in folder.glob("*.toml")}
    return sorted(names)


def _rehearsal(plan: dict[str, Any] | None) -> dict[str, Any] | None:
    """The rehearsal of a plan with its words."""
    told = plan["rehearsal"] if plan else None
    if not told:
        return None
    shifts = []
    for item in told["shifts"]:
        way, last = Direction(item["way"]), datetime.fromisoformat(item["last"])
        shift = Shift(**{**item, "way": way, "last": last})
        shifts.append(
            {
                "person": shift.person,
                "name": shift.name,
                "door": shift.door,
                "out": way is Direction.OUT,
                "refused": shift.now == "refused",
                "now": wording.now(shift),
                "why": wording.why(shift),
                "count": shift.count,
                "last": last,
            }
        )
    return {**told, "since": datetime.fromisoformat(told["since"]), "shifts": shifts}
