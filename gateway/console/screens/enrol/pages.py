"""``/people/ID/enrol``: a face is enrolled at the gate's camera, with a word on what is wrong.

Consent first, then the camera, then pictures until there are enough, then one tap to keep them.
The templates stay in the running gateway (gateway/daemon/enrolling.py): this screen shows pictures
and words.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import PEOPLE
from gateway.console.routes import Pages
from gateway.daemon.control import LONGEST_S, ControlError
from gateway.face.refusal import SENTENCES, Refusal, sentence
from gateway.locale import _
from gateway.people import faces
from gateway.wording import words

pages = Pages()
NOTE_LIMIT = 200


@pages.get("/people/{person}/enrol", roles=PEOPLE)
async def begin_page(page: Page) -> Response:
    """Who is to be enrolled, whether they have agreed, and the cameras."""
    return await _begin_page(page)


async def _begin_page(page: Page, wrong: str = "", **typed: str) -> Response:
    person = page.path("person")
    face = page.site.settings.tables.face
    found = await page.run(_person, page, person)
    if found is None:
        return page.refused(
            _("nobody on the list has the id {person}").format(person=person[:120]), 404
        )
    return page.render(
        "enrol/begin.html",
        status=422 if wrong else 200,
        who=found,
        cameras=_cameras(page),
        face=face,
        wrong=wrong,
        typed={"note": "", "until": "", **typed},
        today=_today(page),
        done=page.query("done") if page.query("done").isdecimal() else "",
    )


@pages.post("/people/{person}/enrol/consent", roles=PEOPLE)
async def consent(page: Page) -> Response:
    """Write down that the person agreed today, where the paper is, and until when."""
    person, note = page.path("person"), page.field("note")
    typed = {"note": note, "until": page.field("until")}
    if page.field("agreed") != "yes":
        return await _begin_page(page, _("tick that the person has signed"), **typed)
    if len(note) > NOTE_LIMIT:
        return await _begin_page(page, _("at most {n} characters").format(n=NOTE_LIMIT), **typed)
    until = None
    if typed["until"]:
        try:
            until = date.fromisoformat(typed["until"])
        except ValueError:
            return await _begin_page(page, _("the last day is not a date"), **typed)
        if until < _today(page):
            return await _begin_page(page, _("the last day is past"), **typed)

    def write() -> bool:
        with page.site.people() as db:
            given = _today(page)
            return faces.set_consent(
                db, person, given_at=given, until=until, note=note, by=page.operator
            )

    if not await page.run(write):
        return await _begin_page(page)
    await page.nudge()
    return page.back(_address(person))


@pages.post("/people/{person}/enrol/begin", roles=PEOPLE)
async def begin(page: Page) -> Response:
    """Begin at a camera."""
    person = page.path("person")
    try:
        made = await page.ask("enrol_begin", person=person, camera=page.field("camera"))
    except ControlError as error:
        return await _begin_page(page, str(error))
    return page.back(f"{_address(person)}/{made['id']}")


@pages.get("/people/{person}/enrol/{enrolment}", roles=PEOPLE)
async def camera_page(page: Page) -> Response:
    """The picture of the camera, what is wrong with the face, and how many are taken."""
    return await _camera_page(page)


async def _camera_page(
    page: Page, refusal: Mapping[str, Any] | None = None, *, peek: bool = True
) -> Response:
    person = page.path("person")
    found = await page.run(_person, page, person)
    if found is None:
        return await _begin_page(page)
    looked = await _look(page, peek=peek)
    return page.render(
        "enrol/camera.html",
        status=409 if refusal else 200,
        who=found,
        enrolment=page.path("enrolment"),
        look=looked,
        refusal=refusal,
    )


@pages.post("/people/{person}/enrol/{enrolment}/look", roles=PEOPLE)
async def look(page: Page) -> Response:
    """One more look: a few times a second by htmx, or by a button."""
    if not page.fragment:
        return await _camera_page(page, peek=False)
    return page.render(
        "enrol/look.html",
        who={"id": page.path("person")},
        enrolment=page.path("enrolment"),
        look=await _look(page),
    )


@pages.post("/people/{person}/enrol/{enrolment}/store", roles=PEOPLE)
async def store(page: Page) -> Response:
    """Keep what was taken; if the gateway has doubts, the page says which and asks."""
    person = page.path("person")
    try:
        done = await page.ask(
            "enrol_store",
            timeout_s=LONGEST_S,
            id=page.path("enrolment"),
            mode=page.field("mode") or "renew",
            allow_duplicate=page.field("duplicate") == "yes",
        )
    except ControlError as error:
        return await _begin_page(page, str(error))
    if done["refused"]:
        return await _camera_page(page, _doubt(done))
    return page.back(f"{_address(person)}?done={int(done['total'])}")


@pages.post("/people/{person}/enrol/{enrolment}/end", roles=PEOPLE)
async def end(page: Page) -> Response:
    """Stop; the pictures are forgotten."""
    with contextlib.suppress(ControlError):
        await page.ask("enrol_end", id=page.path("enrolment"))
    return page.back(_address(page.path("person")))


async def _look(page: Page, *, peek: bool = False) -> dict[str, Any]:
    """A look, with its hint in words; ``over`` if the enrolment is over, and why."""
    try:
        found = await page.ask("enrol_look", id=page.path("enrolment"), peek=peek)
    except ControlError as error:
        return {"over": str(error)}
    left, top, right, bottom = found.get("box") or (0, 0, 0, 0)
    return {
        "still": "",
        **found,
        "over": "",
        "hint": hint(str(found["refused"])),
        "done": found["taken"] >= found["wanted"],
        "frame": {"x": left, "y": top, "width": right - left, "height": bottom - top},
        "boxed": bool(found.get("box")),
        "peek": peek,
    }


def hint(code: str) -> str:
    """What the person or the camera should do; "" for a good look."""
    if not code:
        return ""
    if code in SENTENCES:
        return sentence(Refusal(code))
    return _("camera: {state}").format(state=words.word(code))


def _doubt(done: Mapping[str, Any]) -> dict[str, str]:
    """Why nothing was stored, in words, and what the operator may say to it (``mode`` or
    ``duplicate``)."""
    code, facts = str(done["refused"]), done["facts"]
    if code == "duplicate":
        return {
            "why": _("this face is enrolled already, as {other} ({name})").format(**facts),
            "ask": _("They are twins: keep both"),
            "field": "duplicate",
            "value": "yes",
        }
    if code == "another_face":
        why = _("this is not the face that was enrolled before")
        ask = _("It is the same person: take the new face")
    elif code == "uncomparable":
        why = _("the face that was enrolled before can't be compared with this one")
        ask = _("Take the new face")
    elif code == "incomplete":
        why = _("too few good pictures for a new enrolment")
        return {"why": why, "ask": _("Add them to those before"), "field": "mode", "value": "add"}
    elif code == "no_consent":
        return {"why": _("the person has not agreed"), "ask": "", "field": "", "value": ""}
    else:
        return {"why": str(facts.get("error", code)), "ask": "", "field": "", "value": ""}
    return {"why": why, "ask": ask, "field": "mode", "value": "replace"}


def _person(page: Page, person: str) -> dict[str, Any] | None:
    with page.site.people() as db:
        db.row_factory = sqlite3.Row
        row = db.execute(
            "SELECT p.id, p.name, p.company, c.given_at, c.until, c.note, "
            "(SELECT count(*) FROM template t WHERE t.person_id = p.id) AS templates, "
            "(SELECT made_at FROM portrait o WHERE o.person_id = p.id) AS portrait "
            "FROM person p LEFT JOIN face_consent c ON c.person_id = p.id WHERE p.id = ?",
            (person,),
        ).fetchone()
        if row is None:
            return None
        agreed = faces.has_consent(db, person, _today(page))
    known = {name: row[name] for name in ("id", "name", "company", "note", "templates", "portrait")}
    days = {
        name: date.fromisoformat(row[name]) if row[name] else None for name in ("given_at", "until")
    }
    return {**known, **days, "agreed": agreed}


def _cameras(page: Page) -> list[tuple[str, str]]:
    """The cameras by name, with the doors that they are for."""
    doors: dict[str, list[str]] = {name: [] for name in page.site.settings.tables.cameras}
    for name, door in page.site.settings.tables.doors.items():
        if door.camera in doors:
            doors[door.camera].append(name)
    return [(name, ", ".join(found)) for name, found in doors.items()]


def _today(page: Page) -> date:
    return datetime.now(page.zone).date()


def _address(person: str) -> str:
    return f"/people/{quote(person, safe='')}/enrol"
