"""What the running gateway knows that the files don't say."""

from __future__ import annotations

from typing import Any

from gateway.console.page import Page
from gateway.daemon.control import ControlError


async def status_of(page: Page) -> dict[str, Any] | None:
    """The gateway's status; None while it does not run."""
    try:
        return await page.site.ask(None, "status")
    except ControlError:
        return None
