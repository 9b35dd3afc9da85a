"""The addresses of the console, and who may use each.

A screen's module makes a `Pages` and declares its handlers on it; gateway/console/app.py collects
them.  An address without roles can't be declared, so none is open by mistake.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from starlette.responses import Response

from gateway.console.page import Page

Handler = Callable[[Page], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Screen:
    """One address: `roles` may use it; `NOBODY` opens it to people without a session.

    `upload` is the largest body in bytes that a POST may have.  `fresh`: a second factor that was
    shown just now is needed.
    """

    method: str
    path: str
    handler: Handler
    roles: frozenset[str]
    upload: int
    fresh: bool = False


FORM_BYTES = 64 * 1024


class Pages:
    """The addresses of one screen."""

    def __init__(self) -> None:
        self._screens: list[Screen] = []

    def __iter__(self) -> Iterator[Screen]:
        return iter(self._screens)

    def get(
        self, path: str, *, roles: frozenset[str], fresh: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare what answers GET `path`.  It changes nothing."""
        return self._add("GET", path, roles, 0, fresh)

    def post(
        self, path: str, *, roles: frozenset[str], upload: int = FORM_BYTES, fresh: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare what answers POST `path`: an act.  The form's token was checked before."""
        return self._add("POST", path, roles, upload, fresh)

    def _add(
        self, method: str, path: str, roles: frozenset[str], upload: int, fresh: bool
    ) -> Callable[[Handler], Handler]:
        def declared(handler: Handler) -> Handler:
            self._screens.append(Screen(method, path, handler, roles, upload, fresh))
            return handler

        return declared
