"""What an operator sees of the live page: the `View` of a request."""

from __future__ import annotations

from gateway.console.follow.view import View
from gateway.console.page import Page
from gateway.state.alarms.who import sees_secret


def view_of(page: Page) -> View:
    """Language, roles and areas of the page's operator."""
    operator = page.operator
    secrets = sees_secret(operator.roles, page.site.settings.tables.alarms)
    return View(page.language, operator.roles, operator.areas, secrets)
