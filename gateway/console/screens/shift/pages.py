"""/shift: the page at the end of a shift, signed by who leaves and by who takes over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.shift.drafts import drafts
from gateway.daemon.control import ControlError
from gateway.desk.errors import Conflict, NotFound
from gateway.desk.handover import acts
from gateway.desk.handover import page as handover
from gateway.desk.handover.verify import Verified, verify
from gateway.ledger.event import Event, EventType
from gateway.locale import _
from gateway.proof import note, qrcode
from gateway.wording import handover as said

pages = Pages()
KNOWN = 30
RECORDED_S = 5.0
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page: its head, its lines, how many there are, None if nobody knows."""

    name: str
    title: str
    lines: tuple[str, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class Handed:
    """A handover on record, and who took over ("" if nobody has)."""

    event: Event
    by: str
    taken_by: str
    taken_at: str


@pages.get("/shift", roles=WATCHERS)
async def shift(page: Page) -> Response:
    """The gate as it is now, to sign; and the handovers of before."""
    made = await _now(page)
    known = await page.run(_known, page)
    draft = drafts(page.site).keep(str(page.operator), made)
    return page.render(
        "shift/page.html",
        draft=draft,
        made=made,
        parts=parts_of(page, made),
        known=known,
        waiting=[one for one in known if not one.taken_by][:1],
        may_sign=page.may(*GUARDS),
        me=_name(page),
    )


@pages.get("/shift/head.svg", roles=WATCHERS)
async def draft_head(page: Page) -> Response:
    """The signed head of the log on a page that is not signed yet, as a QR code."""
    made = drafts(page.site).get(page.query("draft"), str(page.operator))
    return _qr(made or {})


@pages.post("/shift/sign", roles=GUARDS)
async def sign(page: Page) -> Response:
    """Whoever leaves signs the page that they looked at."""
    made = drafts(page.site).get(page.field("draft"), str(page.operator))
    if made is None:
        raise Conflict("too_old", "this page is too old to sign: look at it once more")

    def act() -> tuple[str, int]:
        with page.site.people() as db, page.site.ledger() as ledger:
            last = ledger.last_seq
            known = acts.hand_over(db, ledger, made, by=page.operator, note=page.field("note"))
            return known, last

    event, last = await page.run(act)
    await page.nudge()
    seq = await _recorded(page, event, last)
    return page.back(f"/shift/{seq}" if seq else "/shift")


@pages.get("/shift/{number}", roles=WATCHERS)
async def one(page: Page) -> Response:
    """A handover on record, with both signatures and what the check of it finds."""
    with contextlib.suppress(ControlError):
        await page.ask("checkpoint")
    found = await page.run(_verified, page)
    data = found.event.data
    made = data["page"] if isinstance(data.get("page"), dict) else {}
    same = data.get("by") == str(page.operator) or (
        page.operator.person and data.get("by_person") == page.operator.person
    )
    return page.render(
        "shift/recorded.html",
        found=found,
        event=found.event,
        made=made,
        parts=parts_of(page, made) if found.good else [],
        by=_who(data),
        note=str(data.get("note", "")),
        taken=found.taken,
        taken_by=_who(found.taken.data) if found.taken else "",
        taken_note=str(found.taken.data.get("note", "")) if found.taken else "",
        may_take=page.may(*GUARDS) and found.taken is None and not same,
        same=same,
        me=_name(page),
    )


@pages.get("/shift/{number}/head.svg", roles=WATCHERS)
async def head(page: Page) -> Response:
    """The signed head of the log on a handover, as a QR code."""
    found = await page.run(_verified, page)
    made = found.event.data.get("page")
    return _qr(made if isinstance(made, dict) else {})


@pages.post("/shift/{number}/take", roles=GUARDS)
async def take(page: Page) -> Response:
    """Somebody else signs that they take over."""
    number = _number(page)

    def act() -> None:
        with page.site.people() as db, page.site.ledger() as ledger:
            acts.take_over(db, ledger, number, by=page.operator, note=page.field("note"))

    last = page.site.hub.seq
    await page.run(act)
    await page.nudge()
    await _recorded(page, "", last)
    return page.back(f"/shift/{number}")


def parts_of(page: Page, made: Mapping[str, Any]) -> list[Part]:
    """The parts of a page in the language in use."""
    found = []
    for name, title in said.HEADS.items():
        items = made.get(name)
        lines = tuple(said.line(name, item, page.zone) for item in items or ())
        count = None if items is None else len(lines) + made.get("more", {}).get(name, 0)
        found.append(Part(name, _(title), lines, count))
    return found


async def _now(page: Page) -> handover.Page:
    """The page as the gate is now; the head of the log is signed first, if it can be."""
    inside = None
    with contextlib.suppress(ControlError):
        await page.ask("checkpoint")
    with contextlib.suppress(ControlError):
        inside = (await page.ask("muster"))["people"]

    def gather() -> handover.Page:
        with page.site.people() as db, page.site.ledger() as ledger:
            books, now = page.site.alarms.log.now_book, datetime.now(UTC)
            return handover.gather(page.site.settings, db, books, ledger, inside, now=now)

    return await page.run(gather)


async def _recorded(page: Page, event: str, after: int) -> int:
    """The number under which a signature is on record; 0 if it still waits after RECORDED_S.  With
    no id: whichever comes first."""

    def look() -> int:
        with page.site.ledger() as ledger:
            found = acts.handovers(ledger, since=after)
            return next((one.seq for one in found if event in ("", one.id)), 0)

    for _try in range(int(RECORDED_S / LOOK_S)):
        if seq := await page.run(look):
            return seq
        if page.site.board.gate.answers is False:
            return 0
        await asyncio.sleep(LOOK_S)
    return 0


def _known(page: Page) -> list[Handed]:
    with page.site.ledger() as ledger:
        found = acts.handovers(ledger)
    taken = {
        one.data.get("handover"): one for one in found if one.type == EventType.SHIFT_TAKEN_OVER
    }
    return [
        Handed(
            one,
            _who(one.data),
            _who(taken[one.seq].data) if one.seq in taken else "",
            taken[one.seq].time if one.seq in taken else "",
        )
        for one in found
        if one.type == EventType.SHIFT_HANDED_OVER
    ][:KNOWN]


def _verified(page: Page) -> Verified:
    number = _number(page)
    with page.site.ledger() as ledger:
        found = verify(ledger, page.site.settings.ledger_path, number)
    if found is None:
        raise NotFound("no_handover", "event {number} hands over no shift", number=number)
    return found


def _qr(made: Mapping[str, Any]) -> Response:
    text = str((made.get("head") or {}).get("note", ""))
    if not text:
        return Response(status_code=404)
    picture = qrcode.picture(qrcode.of(note.parse(text)), ".svg")
    return Response(picture, media_type="image/svg+xml")


def _who(data: Mapping[str, Any]) -> str:
    return str(data.get("by_name") or data.get("by") or "?")


def _name(page: Page) -> str:
    return page.operator.name or str(page.operator)


def _number(page: Page) -> int:
    text = page.path("number")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
