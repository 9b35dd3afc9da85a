"""What is done for one person: access taken and given back, a grant, a badge that is lost.

Each act is a POST with the person's id as a field.  It goes through the functions of
gateway/people, which write the act and its record together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import Response

from gateway.console.follow.view import door_in_scope
from gateway.console.page import Page
from gateway.console.routes import Pages
from gateway.console.screens.live.seen import view_of
from gateway.console.screens.people.pages import GRANTERS, REVOKERS, address, show
from gateway.locale import _
from gateway.locale.text import TextError, clean
from gateway.people import card, lostbadges, permits
from gateway.people.sync import apply as sync

pages = Pages()
LONGEST_GRANT = timedelta(days=92)


class Wrong(Exception):
    """What was typed can't be taken; the message is for people."""


@pages.post("/people/-/revoke", roles=REVOKERS)
async def revoke(page: Page) -> Response:
    """The person passes no more, from the next badge on."""
    return await _access(page, revoked=True)


@pages.post("/people/-/reinstate", roles=GRANTERS)
async def reinstate(page: Page) -> Response:
    """A revocation that was made here is taken back."""
    return await _access(page, revoked=False)


async def _access(page: Page, *, revoked: bool) -> Response:
    person, act = page.field("person"), "revoke" if revoked else "reinstate"
    try:
        if not revoked:
            _for_another(page, person)
        why = _reason(page)
    except Wrong as wrong:
        return await _again(page, person, act, wrong)

    def done() -> None:
        with page.site.people() as db:
            sync.set_revoked(db, person, revoked=revoked, why=why, by=page.operator)

    await page.run(done)  # twice is once: the second one finds nothing to do
    return await _after(page, person)


@pages.post("/people/-/grant", roles=GRANTERS)
async def grant(page: Page) -> Response:
    """A door or an area for a while."""
    person = page.field("person")
    try:
        _for_another(page, person)
        kind, target = _target(page)
        since, until = _times(page)
        why = _reason(page)
    except Wrong as wrong:
        return await _again(page, person, "grant", wrong)

    def given() -> int:
        with page.site.people() as db:
            same = (
                item.id
                for item in permits.grants(db, person)
                if (item.kind, item.target, item.until, item.why) == (kind, target, until, why)
            )
            if (number := next(same, 0)) != 0:
                return number  # the same form was sent twice
            return permits.add_grant(
                db, person, kind, target, since, until, why=why, by=page.operator
            )

    if not await page.run(given):
        gone = _("nobody on the list has the id {person}").format(person=person)
        return page.refused(gone, 404)
    return await _after(page, person)


@pages.post("/people/-/grant-end", roles=REVOKERS)
async def grant_end(page: Page) -> Response:
    """A grant ends now."""
    person, number = page.field("person"), page.field("grant")

    def ended() -> None:
        with page.site.people() as db:
            mine = {item.id for item in permits.grants(db, person)}
            if number.isascii() and number.isdigit() and int(number) in mine:
                permits.end_grant(db, int(number), by=page.operator)

    await page.run(ended)
    return await _after(page, person)


@pages.post("/people/-/badge-lost", roles=REVOKERS)
async def badge_lost(page: Page) -> Response:
    """A badge is lost: nobody passes with it any more."""
    return await _badge(page, lost=True)


@pages.post("/people/-/badge-found", roles=GRANTERS)
async def badge_found(page: Page) -> Response:
    """A badge that was lost is in use again."""
    return await _badge(page, lost=False)


async def _badge(page: Page, *, lost: bool) -> Response:
    person, place = page.field("person"), page.field("place")
    act = f"badge-{'lost' if lost else 'found'}-{place}"
    try:
        if not lost:
            _for_another(page, person)
        if not (place.isascii() and place.isdigit() and 0 < int(place) < 1000):
            raise Wrong(_("choose a badge"))
        why = _reason(page)
    except Wrong as wrong:
        return await _again(page, person, act, wrong)
    work = lostbadges.lose if lost else lostbadges.find

    def done() -> tuple[bool, bool]:
        with page.site.people() as db:
            done = work(db, person, int(place), page.field("masked"), why=why, by=page.operator)
            who = card.read(db, person, page.site.settings.site, datetime.now(page.zone).date())
            known = [item for item in who.badges if item.place == int(place)] if who else []
            same = bool(known) and known[0].masked == page.field("masked")
            return done, same and bool(known[0].lost_at) is lost

    acted, already = await page.run(done)
    if not acted and not already:  # twice is once; another badge is a mistake
        return await _again(
            page, person, act, Wrong(_("the list has changed: look at the badges again"))
        )
    return await _after(page, person)


async def _after(page: Page, person: str) -> Response:
    await page.nudge()
    return page.back(address(person))


async def _again(page: Page, person: str, act: str, wrong: Wrong) -> Response:
    """The page once more, with what was typed and why it was not taken."""
    typed = {name: page.field(name) for name in ("reason", "target", "date", "time", "hours")}
    return await show(page, person, status=422, wrong=str(wrong), act=act, typed=typed)


def _for_another(page: Page, person: str) -> None:
    """Nobody gives themselves access."""
    if person == page.operator.person:
        raise Wrong(_("nobody gives access to themselves: ask somebody else"))


def _reason(page: Page) -> str:
    try:
        return clean(page.field("reason"))
    except TextError as error:
        why = _("why? {what}").format(what=error)
        raise Wrong(_("say why") if error.code == "missing" else why) from error


def _target(page: Page) -> tuple[str, str]:
    kind, _slash, target = page.field("target").partition(":")
    settings, view = page.site.settings, view_of(page)
    if kind == "door" and target in settings.site.doors:
        if door_in_scope(page.site.board, view, target):
            return kind, target
        raise Wrong(_("this door is not in your areas"))
    if kind == "area" and target in settings.site.areas:
        if not view.areas or target in view.areas:
            return kind, target
        raise Wrong(_("this area is not one of yours"))
    raise Wrong(_("choose a door or an area"))


def _times(page: Page) -> tuple[datetime, datetime]:
    """From now on, for so many hours, or until a day and time of the site."""
    now = datetime.now(page.zone).replace(microsecond=0)
    if page.field("hours").isdigit() and 0 < int(page.field("hours")) <= 24:
        return now, now + timedelta(hours=int(page.field("hours")))
    try:
        until = datetime.fromisoformat(f"{page.field('date')}T{page.field('time')}")
    except ValueError as error:
        raise Wrong(_("choose for how long")) from error
    until = until.replace(tzinfo=page.zone)
    if until <= now:
        raise Wrong(_("it ends before it begins"))
    if until - now > LONGEST_GRANT:
        days = LONGEST_GRANT.days
        raise Wrong(_("a grant is for at most so many days: {count}").format(count=days))
    return now, until
