"""What an operator sees of the live page: the `View` of a request."""

from __future__ import annotations

from gateway.console.follow.view import View
from gateway.console.page import Page


def view_of(page: Page) -> View:
    """Language, roles and areas of the page's operator."""
    operators = page.site.settings.tables.operators
    table = operators.get(page.session.operator) if page.session is not None else None
    areas = frozenset(table.areas) if table is not None else frozenset[str]()
    return View(page.language, page.operator.roles, areas)
