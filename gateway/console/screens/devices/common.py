"""What the pages of the devices share."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console.page import Page
from gateway.daemon.control import ControlError
from gateway.locale import _

Status = dict[str, Any] | None
"""What the running gateway says of itself; None while it does not answer."""


async def status_of(page: Page) -> Status:
    """Ask the running gateway."""
    try:
        return await page.ask("status")
    except ControlError:
        return None


def render(page: Page, template: str, here: str, **facts: Any) -> Response:
    """A page of the devices with its tabs; `here` is the tab's address."""
    tables = page.site.settings.tables
    tabs = [
        ("/devices", _("Health"), True),
        ("/devices/doors", _("Doors and locks"), True),
        ("/devices/readers", _("Readers"), True),
        ("/devices/cameras", _("Cameras"), bool(tables.cameras)),
        ("/devices/inputs", _("Inputs"), True),
        ("/devices/threat", _("Threat level"), bool(tables.threat_levels)),
    ]
    shown = [(path, title, path == here) for path, title, there in tabs if there]
    return page.render(f"devices/{template}", tabs=shown, here=here, **facts)
