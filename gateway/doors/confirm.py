"""A guard's word where something failed: requests that wait for it, each answered once.

Each request has an id of its own that never comes again.  So an answer has no effect if it is
late, comes twice or belongs to another request.  Nobody can answer before a request was made, or
for all requests to come.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.decide.model import Confirmation, Person
from gateway.locale import GaritaError, worded


class NoSuchRequest(GaritaError, LookupError):
    """Nobody waits under that id, or no more."""


@dataclass(slots=True)
class Waiting:
    """One person who waits at one reader; `why` is what does not work."""

    id: str
    door: str
    reader: str
    person: Person
    why: str
    since: str
    answer: asyncio.Future[Confirmation] = field(repr=False)
    extended: bool = False
    limit: asyncio.Timeout | None = field(default=None, repr=False)

    def about(self) -> Mapping[str, Any]:
        """The request for a guard's list and for the log."""
        return {
            "id": self.id,
            "door": self.door,
            "reader": self.reader,
            "person": self.person.id,
            "name": self.person.name,
            "company": self.person.company,
            "why": self.why,
            "since": self.since,
            **({"extended": True} if self.extended else {}),
        }


class Confirmations:
    """Readers ask here and guards answer.  A guard has `confirm_s` seconds, and may ask once for as
    many again: somebody who reads slowly needs them (WCAG 2.2, 2.2.1), and nothing opens by it."""

    def __init__(self, confirm_s: float = 60.0) -> None:
        self.confirm_s = confirm_s
        self._waiting: dict[str, Waiting] = {}

    @property
    def longest_s(self) -> float:
        """How long a request may wait (s)."""
        return 2 * self.confirm_s

    def ask(self, door: str, reader: str, person: Person, why: str) -> Waiting:
        """Make a request; the caller then waits with `hear`."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        answer: asyncio.Future[Confirmation] = asyncio.get_running_loop().create_future()
        request = Waiting(
            id=secrets.token_hex(4),
            door=door,
            reader=reader,
            person=person,
            why=why,
            since=now,
            answer=answer,
        )
        self._waiting[request.id] = request
        return request

    async def hear(self, request: Waiting) -> Confirmation:
        """Wait for the guard's word; MISSING if none comes in time, or the person gives up."""
        try:
            async with asyncio.timeout(self.confirm_s) as request.limit:
                return await request.answer
        except TimeoutError:
            return Confirmation.MISSING
        finally:
            self._waiting.pop(request.id, None)

    def give_up(self, request: Waiting) -> None:
        """Another badge was shown: a word for this request must not let that person in."""
        if not request.answer.done():
            request.answer.set_result(Confirmation.MISSING)

    def find(self, request_id: str, door: str) -> Waiting:
        """The request that waits under that id at that door.  Raises NoSuchRequest."""
        request = self._waiting.get(request_id)
        if request is None or request.door != door or request.answer.done():
            raise NoSuchRequest(
                worded(
                    "nobody waits at {door} under {request_id} (any more)",
                    door=door,
                    request_id=request_id,
                )
            )
        return request

    def answer(self, request: Waiting, *, yes: bool) -> bool:
        """Give the guard's word; returns False if the request ended in the meantime."""
        if request.answer.done():
            return False
        request.answer.set_result(Confirmation.CONFIRMED if yes else Confirmation.REFUSED)
        return True

    def extend(self, request: Waiting) -> bool:
        """Give the guard `confirm_s` seconds more, once; False if the request has ended or had them
        already."""
        limit = request.limit
        when = limit.when() if limit is not None else None
        if limit is None or when is None or request.answer.done() or request.extended:
            return False
        limit.reschedule(when + self.confirm_s)
        request.extended = True
        return True

    def waiting(self) -> list[Mapping[str, Any]]:
        """All requests that wait, the oldest first."""
        return [request.about() for request in self._waiting.values()]
