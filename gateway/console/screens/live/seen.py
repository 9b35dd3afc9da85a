"""What an operator sees of the live page: the `View` of a request."""

from __future__ import annotations

from gateway.console.follow.view import View
from gateway.console.page import Page


def view_of(page: Page) -> View:
    """Language, roles and areas of the page's operator, and whether they see duress."""
    return page.view
