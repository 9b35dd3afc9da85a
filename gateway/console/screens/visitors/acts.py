"""The acts of one visit: arrival, the host told, the badge out and in, more time, departure."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.visitors import typed
from gateway.console.screens.visitors.pages import act, policy, visit_page
from gateway.decide.model import Credential
from gateway.desk.act import moment
from gateway.desk.errors import DeskError
from gateway.desk.visits import badges, records, register, regulars
from gateway.desk.visits.visit import Visit
from gateway.locale import GaritaError
from gateway.people import search

pages = Pages()
MOST = 6  # people whom a few letters show


async def done(
    page: Page,
    step: str,
    work: Callable[[sqlite3.Connection], Visit],
    already: Callable[[Visit], bool] = lambda visit: False,
) -> Response:
    """Do an act and go back to the visit.  If the desk refuses, the page says why and keeps what
    was typed; `already` says of the visit that the act was done, by a second tap or somebody else.
    """
    number = int(page.path("number"))
    try:
        await act(page, work)
    except GaritaError as error:
        await page.nudge()  # also a try may be on record
        visit = await page.run(_visit, page, number)
        if visit is None or not already(visit):
            return await visit_page(page, number, error, step)
    return page.back(f"/visitors/{number}")


def _visit(page: Page, number: int) -> Visit | None:
    try:
        with page.site.people() as db:
            return records.get(db, number)
    except DeskError:
        return None


@pages.post("/visitors/{number:int}/arrive", roles=GUARDS)
async def arrive(page: Page) -> Response:
    """Somebody announced is here."""
    number = int(page.path("number"))
    try:
        shown = await typed.document(page)
        release = await typed.release(page, f"visit.arrived {number}")
    except GaritaError as error:
        return await visit_page(page, number, error, "arrive")
    return await done(
        page,
        "arrive",
        lambda db: register.arrive(
            db,
            number,
            shown,
            policy(page),
            by=page.operator,
            now=typed.now(),
            release=release,
            version=typed.version(page),
        ),
        lambda visit: visit.state == "on_site",
    )


@pages.post("/visitors/{number:int}/host", roles=GUARDS)
async def host(page: Page) -> Response:
    """The host was told; perhaps somebody comes for the visitor."""
    number = int(page.path("number"))
    try:
        who = page.field("escort") or await page.run(_named, page, page.field("who"))
    except GaritaError as error:
        return await visit_page(page, number, error, "host")
    return await done(
        page,
        "host",
        lambda db: register.contact_host(
            db,
            number,
            by=page.operator,
            now=typed.now(),
            escort=who,
            criteria=page.site.settings.criteria,
        ),
    )


def _named(page: Page, who: str) -> str:
    """The id of the person of the list whom `who` means; "" for nobody.  Raises DeskError if it
    means several or nobody."""
    if not who:
        return ""
    found = search.find(page.site.settings.people_path, who, page.today, MOST).people
    exact = [hit for hit in found if hit.id == who]
    if len(exact or found) == 1:
        return (exact or found)[0].id
    if found:
        raise DeskError("escort_unknown", "{who}: several people fit, choose one", who=who[:60])
    return who  # the desk says that nobody has this id


@pages.post("/visitors/escorts", roles=GUARDS)
async def escorts(page: Page) -> Response:
    """Whom of the list the typed words mean.  A POST, so that no name stands in an address."""
    who = page.field("who")
    find = partial(search.find, page.site.settings.people_path, who, page.today, MOST)
    found = await page.run(find) if len(who) >= regulars.LETTERS else search.Hits()
    return page.render("visitors/escorts.html", hits=found, who=who)


@pages.post("/visitors/{number:int}/badge", roles=GUARDS)
async def badge(page: Page) -> Response:
    """Hand out a badge that the desk's reader read, or whose number was typed."""
    number = int(page.path("number"))
    try:
        if token := page.field("badge"):
            found = await page.ask("desk_card", token=token)
            card = Credential.parse(str(found["card"]))
            return await issued(page, number, card, str(found["fingerprint"]))
        card = Credential.parse(page.field("card"))
        answer = await page.ask("errand", act="mark", of="badge", texts=[card.key])
    except ValueError:
        wrong = DeskError("badge_impossible", "write it as format:facility:number")
        return await visit_page(page, number, wrong, "badge")
    except GaritaError as error:
        return await visit_page(page, number, error, "badge")
    return await issued(page, number, card, str(answer["marks"][0]))


async def issued(page: Page, number: int, card: Credential, mark: str) -> Response:
    """Hand out the badge `card`, whose fingerprint is `mark`."""
    return await done(
        page,
        "badge",
        lambda db: badges.issue_badge(
            db,
            number,
            card,
            policy(page),
            key=typed.Asked(mark),
            by=page.operator,
            now=typed.now(),
            version=typed.version(page),
        ),
        lambda visit: visit.badge_out and visit.badge_fingerprint == mark,
    )


@pages.post("/visitors/{number:int}/returned", roles=GUARDS)
async def returned(page: Page) -> Response:
    """The badge is back."""
    number = int(page.path("number"))
    return await done(
        page,
        "badge",
        lambda db: badges.return_badge(
            db,
            number,
            by=page.operator,
            now=typed.now(),
            criteria=page.site.settings.criteria,
        ),
        lambda visit: visit.badge_returned_at is not None,
    )


@pages.post("/visitors/{number:int}/extend", roles=GUARDS)
async def extend(page: Page) -> Response:
    """The visit lasts until another time."""
    number = int(page.path("number"))
    try:
        chosen = page.field("other_end") or page.field("end")
        if not chosen:
            raise DeskError("missing", "say until when the visit lasts")
        until = moment(chosen, page.zone, typed.now())
    except GaritaError as error:
        return await visit_page(page, number, error, "extend")
    return await done(
        page,
        "extend",
        lambda db: register.extend(
            db, number, until, policy(page), by=page.operator, now=typed.now()
        ),
    )


@pages.post("/visitors/{number:int}/left", roles=GUARDS)
async def left(page: Page) -> Response:
    """The visitor left, with or without giving the badge back."""
    number = int(page.path("number"))
    return await done(
        page,
        "left",
        lambda db: register.depart(
            db,
            number,
            by=page.operator,
            now=typed.now(),
            badge_returned=page.field("badge") == "returned",
            version=typed.version(page),
            criteria=page.site.settings.criteria,
        ),
        lambda visit: visit.state == "departed",
    )


@pages.post("/visitors/{number:int}/off", roles=GUARDS)
async def off(page: Page) -> Response:
    """An announced visitor does not come, or is sent away."""
    number, sent_away = int(page.path("number")), page.field("how") == "refuse"
    return await done(
        page,
        "off",
        lambda db: register.cancel(
            db,
            number,
            by=page.operator,
            reason=page.field("reason"),
            refused=sent_away,
            criteria=page.site.settings.criteria,
        ),
        lambda visit: visit.state == ("refused" if sent_away else "cancelled"),
    )


@pages.post("/visitors/{number:int}/regular", roles=GUARDS)
async def regular(page: Page) -> Response:
    """Make this visitor a known regular one, or no longer."""
    number, wanted = int(page.path("number")), page.field("regular") == "yes"

    def work(db: sqlite3.Connection) -> Visit:
        visit = records.get(db, number)
        regulars.set_regular(
            db,
            visit.name,
            visit.company,
            regular=wanted,
            by=page.operator,
            now=typed.now(),
            criteria=page.site.settings.criteria,
        )
        return visit

    return await done(page, "regular", work)
