"""Devices and health: what works, what does not, and what an operator may ask of a device."""

from __future__ import annotations

import statistics
import time

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import ADMINISTRATORS, GUARDS, SUPERVISORS, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.devices import health, view
from gateway.console.screens.devices.common import render, status_of
from gateway.daemon.control import LONGEST_S, ControlError
from gateway.desk.errors import DeskError
from gateway.locale import ngettext, worded
from gateway.locale.text import tidy
from gateway.wording.details import detail

pages = Pages()

INSTALL_S = 60
TEST_S = 900.0  # a test of inputs ends by itself: nobody polls for ever


@pages.get("/devices", roles=WATCHERS)
async def overview(page: Page) -> Response:
    """The health of the gate, the worst first."""
    status = await status_of(page)
    found = await page.run(health.checks, page.site.settings, status)
    devices = [
        view.device(status, str(item["kind"]), str(item["name"]))
        for item in (status or {}).get("devices", ())
        if not item["online"] or item["state"] != "online"
    ]
    template = "health-part.html" if page.fragment else "health.html"
    return render(page, template, "/devices", checks=found, devices=devices)


@pages.get("/devices/doors", roles=WATCHERS)
async def doors(page: Page) -> Response:
    """Doors and what they hang on."""
    status = await status_of(page)
    settings = page.site.settings
    shown = [door for door in settings.tables.doors if page.may_door(door)]
    found = list(view.doors(settings, status, shown))
    template = "doors-part.html" if page.fragment else "doors.html"
    return render(page, template, "/devices/doors", doors=found)


@pages.post("/devices/doors/{door}/service", roles=GUARDS)
async def service(page: Page) -> Response:
    """Take a door out of service with a reason, or back into it."""
    door, out = page.path("door"), page.field("act") == "out"
    if door not in page.site.settings.tables.doors or not page.may_door(door):
        raise DeskError("unknown_door", worded("there is no door {door}", door=door))
    reason = tidy(page.field("reason"), 200)
    if out and not reason:
        raise DeskError("reason_missing", worded("say why the door goes out of service"))
    said = f"{reason} ({page.operator.name or page.operator})" if out else ""
    await page.ask("door_service", door=door, reason=said)
    return page.back("/devices/doors")


@pages.get("/devices/readers", roles=WATCHERS)
async def readers(page: Page) -> Response:
    """Readers with the quality of their links."""
    found = list(view.readers(page.site.settings, await status_of(page)))
    template = "readers-part.html" if page.fragment else "readers.html"
    return render(page, template, "/devices/readers", readers=found)


@pages.get("/devices/readers/{reader}", roles=WATCHERS)
async def reader(page: Page) -> Response:
    """One reader: who made it, its link, its key."""
    name = _reader(page)
    found = view.reader(page.site.settings, await status_of(page), name)
    template = "reader-part.html" if page.fragment else "reader.html"
    return render(page, template, "/devices/readers", reader=found, seconds=INSTALL_S)


@pages.post("/devices/readers/{reader}/test", roles=GUARDS)
async def reader_test(page: Page) -> Response:
    """Flash and beep, then ask twenty times."""
    name = _reader(page)
    answer = await page.ask("reader_test", reader=name, timeout_s=LONGEST_S)
    took = answer["took_ms"]
    said = ""
    if took:
        said = ngettext(
            "{count} answer: median {median:.1f} ms, slowest {worst:.1f} ms",
            "{count} answers: median {median:.1f} ms, slowest {worst:.1f} ms",
            len(took),
        ).format(count=len(took), median=statistics.median(took), worst=max(took))
    why = "" if answer["good"] else detail(str(answer["detail"]))
    template = "tested-part.html" if page.fragment else "tested.html"
    return render(page, template, "/devices/readers", name=name, said=said, why=why)


@pages.post("/devices/readers/{reader}/install", roles=ADMINISTRATORS)
async def install(page: Page) -> Response:
    """Open the install window of a reader, the one time in which the default key counts; or close
    it before its time."""
    name = _reader(page)
    if page.field("act") == "end":
        await page.ask("reader_install_end", reader=name)
    else:
        await page.ask("reader_install", reader=name, seconds=INSTALL_S)
    return page.back(f"/devices/readers/{name}")


@pages.get("/devices/cameras", roles=WATCHERS)
async def cameras(page: Page) -> Response:
    """Cameras, what they complain of, and a picture when somebody asks for one."""
    found = list(view.cameras(page.site.settings, await status_of(page)))
    template = "cameras-part.html" if page.fragment else "cameras.html"
    return render(page, template, "/devices/cameras", cameras=found)


@pages.post("/devices/cameras/{camera}/accept", roles=SUPERVISORS)
async def camera_accept(page: Page) -> Response:
    """Say that a camera looks where it should, after it was moved on purpose."""
    reason = tidy(page.field("reason"), 200)
    if not reason:
        raise DeskError("reason_missing", worded("say why the camera looks elsewhere now"))
    await page.ask("camera_accept", camera=page.path("camera"), reason=reason)
    return page.back("/devices/cameras")


@pages.get("/devices/inputs", roles=WATCHERS)
async def inputs(page: Page) -> Response:
    """Inputs; in test mode (`began` is when it began) they show their changes by themselves."""
    began = _began(page.query("began"))
    try:
        levels = (await page.ask("inputs"))["inputs"]
        away = ""
    except ControlError as error:
        levels, away = [], str(error)
    found = list(view.inputs(page.site.settings, levels, began))
    testing = 0.0 < time.time() - began < TEST_S
    facts = {"inputs": found, "testing": testing, "began": began, "away": away}
    facts["now"] = round(time.time(), 3)
    template = "inputs-part.html" if page.fragment else "inputs.html"
    return render(page, template, "/devices/inputs", **facts)


def _reader(page: Page) -> str:
    name = page.path("reader")
    if name not in page.site.settings.tables.readers:
        raise DeskError("unknown_reader", worded("there is no reader {name}", name=name))
    return name


def _began(text: str) -> float:
    try:
        began = float(text or 0)
    except ValueError:
        return 0.0
    return began if 0 < began < 1e11 else 0.0
