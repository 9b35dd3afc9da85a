"""``/people/ID/portrait`` and ``/cameras/NAME/still``: pictures for the `img` of other screens.

The running gateway opens a portrait and asks the camera; it puts on record who looks before it
answers.  Nothing is kept here, and the browser is told to keep nothing.  Where there is no picture
the answer is 404, so that the page shows the words of its `alt`.
"""

from __future__ import annotations

import base64

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS, PEOPLE
from gateway.console.routes import Pages
from gateway.daemon.control import ControlError
from gateway.locale import _

pages = Pages()


@pages.get("/people/{person}/portrait", roles=GUARDS | PEOPLE)
async def portrait(page: Page) -> Response:
    """The portrait of a person.  Ask for it only where the site keeps portraits
    (`settings.tables.face.portraits`)."""
    return await _jpeg(page, "portrait", "jpeg", person=page.path("person"))


@pages.get("/cameras/{camera}/still", roles=GUARDS | PEOPLE)
async def still(page: Page) -> Response:
    """What a camera sees now.  An operator of some areas sees the cameras of their doors, and those
    of no door."""
    camera = page.path("camera")
    doors = [
        name for name, door in page.site.settings.tables.doors.items() if door.camera == camera
    ]
    if doors and not any(page.may_door(name) for name in doors):
        return Response(_("this camera is not in your areas"), 404, media_type="text/plain")
    return await _jpeg(page, "still", "still", camera=camera)


async def _jpeg(page: Page, op: str, field: str, **about: str) -> Response:
    try:
        answer = await page.ask(op, **about)
    except ControlError as error:
        return Response(str(error), 404, media_type="text/plain")
    data = base64.b64decode(str(answer[field]))
    return Response(data, media_type="image/jpeg")
