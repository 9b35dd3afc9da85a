"""A guard's word where something failed: requests that wait, each answered once.

A request has an id of its own that never comes again, so an answer that is late, doubled or of
another request answers nothing.  There is no standing answer, and none before it was asked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway import GaritaError
from gateway.decide.model import Confirmation, Person


class NoSuchRequest(GaritaError, LookupError):
    """Nobody waits under that id (any more)."""


@dataclass(slots=True)
class Waiting:
    """One person at one reader."""

    id: str
    door: str
    reader: str
    person: Person
    why: str
    since: str
    answer: asyncio.Future[Confirmation] = field(repr=False)

    def about(self) -> Mapping[str, Any]:
        return {
            "id": self.id,
            "door": self.door,
            "reader": self.reader,
            "person": self.person.id,
            "name": self.person.name,
            "company": self.person.company,
            "why": self.why,
            "since": self.since,
        }


class Confirmations:
    """Where lanes ask and guards answer; `confirm_s`: how long a guard has."""

    def __init__(self, confirm_s: float = 60.0) -> None:
        self.confirm_s = confirm_s
        self._waiting: dict[str, Waiting] = {}

    def ask(self, door: str, reader: str, person: Person, why: str) -> Waiting:
        """A request begins to wait."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        answer: asyncio.Future[Confirmation] = asyncio.get_running_loop().create_future()
        request = Waiting(secrets.token_hex(4), door, reader, person, why, now, answer)
        self._waiting[request.id] = request
        return request

    async def hear(self, request: Waiting) -> Confirmation:
        """The guard's word, or MISSING when time is up or the person gave up."""
        try:
            async with asyncio.timeout(self.confirm_s):
                return await request.answer
        except TimeoutError:
            return Confirmation.MISSING
        finally:
            self._waiting.pop(request.id, None)

    def give_up(self, request: Waiting) -> None:
        """Another badge was shown: whoever confirms now must not let that one in."""
        if not request.answer.done():
            request.answer.set_result(Confirmation.MISSING)

    def find(self, request_id: str, door: str) -> Waiting:
        """The request that waits under that id at that door; raises NoSuchRequest."""
        request = self._waiting.get(request_id)
        if request is None or request.door != door or request.answer.done():
            raise NoSuchRequest(f"nobody waits at {door} under {request_id} (any more)")
        return request

    def answer(self, request: Waiting, *, yes: bool) -> bool:
        """Answer it; False if it ended in the meantime."""
        if request.answer.done():
            return False
        request.answer.set_result(Confirmation.CONFIRMED if yes else Confirmation.REFUSED)
        return True

    def waiting(self) -> list[Mapping[str, Any]]:
        """Who waits, longest first."""
        return [request.about() for request in self._waiting.values()]
