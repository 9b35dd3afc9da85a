"""An inspection: pictures of the vehicle with points to tap, one point after the other.

Each answer is recorded when it is given, with its time and the guard's name.  So a tablet that
falls into a puddle loses nothing, and another guard goes on where the first one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.responses import Response

from gateway.console import uploads
from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.trucks import drawings
from gateway.console.screens.trucks.view import acting, answer
from gateway.desk.errors import DeskError
from gateway.desk.freight import inspections, pictures, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.transaction import Inspection, Picture, PointAnswer, Result, Transaction
from gateway.locale import N_, choose

pages = Pages()

FOUND = (
    N_("damaged"),
    N_("missing"),
    N_("loose"),
    N_("open or not locked"),
    N_("repaired or painted over"),
    N_("something is hidden there"),
)
"""What a guard finds most often, to tap; a text may follow."""

UPLOAD = uploads.PICTURE_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class PointShown:
    """One point: `state` is ``open``, ``ok``, ``bad`` or ``na``."""

    id: str
    number: int
    words: str
    state: str
    optional: bool
    note: str
    inspector: str
    at: datetime | None
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An inspection for its page; `now` is the point to answer, None if none is open."""

    tx: Transaction
    checklist: str
    unit: str
    title: str
    points: list[PointShown]
    drawings: list[drawings.Drawing]
    now: PointShown | None
    next: str
    begun: bool
    finished: bool
    pictures_kept: bool

    @property
    def open(self) -> int:
        """How many points have no answer."""
        return sum(point.state == "open" for point in self.points)

    def point(self, key: str) -> PointShown:
        """A point by its id."""
        return next(point for point in self.points if point.id == key)


@pages.get("/trucks/{number:int}/inspect", roles=GUARDS)
async def inspection(page: Page) -> Response:
    """One list of one unit.  `?point=` chooses a point; else it is the first without an answer."""
    return await _answered(page, page.query("list"), page.query("unit"), page.query("point"))


@pages.post("/trucks/{number:int}/inspect", roles=GUARDS, upload=UPLOAD)
async def answered(page: Page) -> Response:
    """Begin an inspection, or answer one point, or say that all the rest is good."""
    number, name, unit = int(page.path("number")), page.field("list"), page.field("unit")
    point, wrong = page.field("point"), ""
    finished = False
    try:
        picture = await _picture(page, page.file("picture"), point)
        finished = await page.run(_told, page, number, name, unit, picture)
    except (DeskError, uploads.UploadError) as error:
        wrong = str(error)
    finally:
        await page.nudge()
    if finished:
        return page.back(f"/trucks/{number}")
    if wrong:
        return await _answered(page, name, unit, point, wrong)
    if page.fragment:
        return await _answered(page, name, unit, "")
    return page.back(address(number, name, unit))


def address(number: int, checklist: str, unit: str, point: str = "") -> str:
    """The address of an inspection's page."""
    query = {"list": checklist, "unit": unit, **({"point": point} if point else {})}
    return f"/trucks/{number}/inspect?{urlencode(query)}"


async def _picture(page: Page, file: UploadFile | None, point: str) -> Picture | None:
    """The photograph that came with the form, read by a process of its own and kept if the site
    keeps pictures.  Its hash goes on record either way."""
    if file is None:
        return None
    data = await uploads.picture(await uploads.taken(file, uploads.PICTURE_BYTES))
    keep = page.site.settings.tables.freight.pictures_dir
    name = f"{point}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jpg"
    try:
        return await page.run(pictures.record, name, data, ".jpg", keep, point=point)
    except OSError as error:
        raise DeskError(
            "bad_picture", "the photograph can't be kept: {why}", why=error.strerror or ""
        ) from error


def _told(page: Page, number: int, name: str, unit: str, picture: Picture | None) -> bool:
    """Record what the form says; returns whether the inspection is finished."""
    with acting(page) as act:
        tx = store.load(act.db, number)
        listed = act.policy.checklists.lists.get(name)
        if listed is not None and not listed.per_unit and unit != tx.whole:
            raise DeskError("changed", "it pulls something else now: look at the truck again")
        known = tx.latest(name, unit)
        again = page.field("again") == "yes"
        if page.field("begin"):
            if known is None or (again and known.finished_at is not None):
                _inspect(act, number, name, unit, again=again)
            return False
        if page.field("rest"):
            if known is None or known.finished_at is None:
                _inspect(act, number, name, unit, rest=True)
            return True
        given = _given(page)
        if picture is None and known is not None and _same(known, given):
            return known.finished_at is not None  # a second tap
        tx = _inspect(act, number, name, unit, given, picture)
        item = tx.latest(name, unit)
        return item is not None and item.finished_at is not None


def _inspect(
    act: Act,
    number: int,
    name: str,
    unit: str,
    given: PointAnswer | None = None,
    picture: Picture | None = None,
    *,
    rest: bool = False,
    again: bool = False,
) -> Transaction:
    known = act.policy.checklists.lists.get(name)
    told = Answers(
        checklist=name,
        points=[given] if given else [],
        inspector=act.by.name or act.by,
        person=act.by.person,
        rest_good=rest,
        unit=unit if known is not None and known.per_unit else "",
        pictures=[picture] if picture else [],
    )
    return inspections.inspect(act, number, told, again=again)


def _given(page: Page) -> PointAnswer:
    results: tuple[Result, ...] = ("ok", "bad", "na")
    result = next((item for item in results if item == page.field("result")), None)
    if result is None:
        raise DeskError("missing", "say whether it is good")
    note = ""
    if result == "bad":
        note = "; ".join(filter(None, (*page.fields("found"), page.field("note"))))
    return PointAnswer(page.field("point"), result, note)


def _same(item: Inspection, given: PointAnswer) -> bool:
    return any(
        (a.point, a.result, a.note) == (given.point, given.result, given.note) for a in item.answers
    )


async def _answered(page: Page, name: str, unit: str, point: str, wrong: str = "") -> Response:
    shown = await page.run(_read, page, int(page.path("number")), name, unit, point)
    if shown is None:
        return await answer(page, int(page.path("number")), wrong=wrong)
    template = "trucks/inspection-part.html" if page.fragment else "trucks/inspection.html"
    # A part is swapped in whatever its status; the refusal stands in it, beside what was typed.
    status = 409 if wrong and not page.fragment else 200
    facts = {"shown": shown, "wrong": wrong, "found": FOUND, "address": address}
    return page.render(template, status=status, **facts)


def _read(page: Page, number: int, name: str, unit: str, point: str) -> Shown | None:
    """The inspection for its page; None if there is no such list."""
    with acting(page) as act:
        tx = store.load(act.db, number)
    known = act.policy.checklists.lists.get(name)
    if known is None:
        return None
    item = tx.latest(name, unit)
    answers = {a.point: a for a in item.answers} if item else {}
    points = []
    for n, spot in enumerate(known.points, 1):
        found = answers.get(spot.id)
        points.append(
            PointShown(
                id=spot.id,
                number=n,
                words=choose(spot.words),
                state=found.result if found else "open",
                optional=spot.optional,
                note=found.note if found else "",
                inspector=found.inspector if found else "",
                at=found.at if found else None,
                pictures=tuple(p for p in item.pictures if p.point == spot.id) if item else (),
            )
        )
    left = [shown.id for shown in points if shown.state == "open"]
    ids = {shown.id: shown for shown in points}
    now = ids.get(point) or (ids[left[0]] if left else None)
    return Shown(
        tx=tx,
        checklist=name,
        unit=unit,
        title=choose(known.title),
        points=points,
        drawings=drawings.of(known),
        now=now,
        next=next((key for key in left if now is None or key != now.id), ""),
        begun=item is not None,
        finished=item is not None and item.finished_at is not None,
        pictures_kept=page.site.settings.tables.freight.pictures_dir is not None,
    )
