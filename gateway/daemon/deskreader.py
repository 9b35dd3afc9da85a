"""The reader on the guard's desk: it belongs to no door and tells the console whose badge it read.

`[console] desk_reader` names it.  A badge's number stays in this process: the console gets the
person, the last digits and a random token, which is good for a minute.  With the token it may

* have the badge's holder prove who they are by their PIN (`desk_proof`): a change of operators at a
  shared screen, or the second person of an act;
* get the number of a badge that is nobody's (`desk_card`), to hand it out to a visitor.

Readings are held only while somebody asks, and only those of that time: a badge that was read
before anybody waited for one proves nothing.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from drivers.base import CardRead, Reading, Signal
from gateway.daemon.control import Handler, Refused
from gateway.daemon.operatorpins import OperatorPins
from gateway.decide.model import Credential
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.locale.text import tidy
from gateway.people import RosterUnavailable
from gateway.people.operators import Operators
from gateway.vault.sitekey import Marks

LEASE_S = 15.0  # badges are taken for so long after the last question
LONGEST_WAIT_S = 20.0
GOOD_S = 60.0  # a token is good for so long after its badge was read
KEPT = 20
MOST_TRIES = 3  # wrong PINs for one reading of a badge

_OF_VISIT = "SELECT visit_id, person_id, name, company FROM visit_badge WHERE key = ?"
_OF_PERSON = (
    "SELECT c.person_id, coalesce(p.name, ''), coalesce(p.company, '') FROM credential c "
    "LEFT JOIN person p ON p.id = c.person_id WHERE c.key = ? AND NOT EXISTS "
    "(SELECT 1 FROM lost_badge l WHERE l.key = c.key AND l.person_id = c.person_id)"
)

NOBODY, PERSON, VISITOR = "nobody", "person", "visitor"


@dataclass(slots=True)
class Read:
    """A badge that was read at `at` (monotonic seconds)."""

    number: int
    at: float
    credential: Credential = field(repr=False)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a badge: `kind` is ``nobody``, ``person`` (of the list) or ``visitor``.  `login` is
    the name under which a person is an operator, "" for others."""

    kind: str
    person: str = ""
    name: str = ""
    company: str = ""
    login: str = ""
    visit: int = 0


class DeskReader:
    """The handlers of ``desk_read``, ``desk_proof`` and ``desk_card``.

    `today` is the site's day; `shown` answers at the reader, if it can.
    """

    def __init__(
        self,
        people: Path,
        operators: Operators,
        pins: OperatorPins,
        marks: Marks,
        today: Callable[[], date],
        shown: Callable[[Signal], None] = lambda signal: None,
    ) -> None:
        self._people, self._operators, self._pins = people, operators, pins
        self._marks, self._today, self._shown = marks, today, shown
        self._held: list[Read] = []
        self._next = 0
        self._news = asyncio.Event()
        self._open_until = -math.inf  # monotonic; after it nobody asks, and no badge is taken

    def table(self) -> dict[str, Handler]:
        """The handlers by the name of the operation."""
        return {
            "desk_read": self.desk_read,
            "desk_proof": self.desk_proof,
            "desk_card": self.desk_card,
        }

    def take(self, reading: Reading, now: float) -> None:
        """The reader read something."""
        if time.monotonic() > self._open_until or not isinstance(reading, CardRead):
            return
        badge = Credential(reading.format, reading.facility, reading.number)
        read = Read(self._next, time.monotonic(), badge)
        self._held.append(read)
        del self._held[:-KEPT]
        asyncio.get_running_loop().call_later(GOOD_S, self._forget, read)
        self._next += 1
        self._news.set()

    async def desk_read(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first badge that was read since number `after`, or none: without `after` the answer
        says only where to begin (`next`).  Waits up to `wait_s` seconds.

        `badge` has `token`, `masked` (the last digits), `kind`, `person`, `name`, `company`,
        `login`, `visit` and `age_s`.
        """
        after = request.get("after")
        wait_s = min(LONGEST_WAIT_S, max(0.0, float(request.get("wait_s", 0))))
        self._open_until = max(self._open_until, time.monotonic() + wait_s + LEASE_S)
        if after is None:
            return {"next": self._next, "badge": None}
        found = await self._since(int(after), wait_s)
        if found is None:
            return {"next": self._next, "badge": None}
        holder = await asyncio.to_thread(self._holder, found.credential)
        self._shown(Signal.DENIED if holder.kind == NOBODY else Signal.GRANTED)
        badge = {
            "token": found.token,
            "masked": found.credential.masked,
            "kind": holder.kind,
            "person": holder.person,
            "name": holder.name,
            "company": holder.company,
            "login": holder.login,
            "visit": holder.visit,
            "age_s": round(time.monotonic() - found.at, 1),
        }
        return {"next": found.number + 1, "badge": badge}

    async def desk_proof(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The holder of the badge of `token` proves by `pin` that they are there, for `act`.

        Answers `outcome` (correct, wrong, locked or unavailable), `login`, `person` and `name` of
        the operator, and the `id` of the record, which is written before.  A token that was
        answered ``correct`` is used up.  Raises Refused for the badge of somebody who is not an
        operator or not active on the list today, and for a token that is too old.
        """
        found = self._by_token(str(request["token"]))
        holder = await asyncio.to_thread(self._holder, found.credential)
        listed = None
        if holder.login:
            listed = await asyncio.to_thread(self._operators.listed, holder.person, self._today())
        if listed is None or not listed.active:
            raise Refused(worded("this badge is not one of an operator who is active today"))
        if found.tries >= MOST_TRIES:
            self._forget(found)
            raise Refused(worded("too many wrong PINs: hold the badge to the reader again"))
        found.tries += 1
        about = {
            "act": tidy(request.get("act", ""), 100),
            "by": _by(request),
            "badge": found.credential.masked,
            "fingerprint": self._marks.fingerprint(found.credential.key),
        }
        answer = await self._pins.verify(holder.person, listed.name, request.get("pin"), about)
        if answer["outcome"] == "correct":
            self._forget(found)
        return {**answer, "login": holder.login, "person": holder.person, "name": listed.name}

    async def desk_card(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The number of the badge of `token` (`card`), and its `fingerprint`, once, to hand it out
        to a visitor.  Raises Refused if the badge is somebody's."""
        found = self._by_token(str(request["token"]))
        holder = await asyncio.to_thread(self._holder, found.credential)
        if holder.kind != NOBODY:
            raise Refused(
                worded("this badge is out: it is that of {name}", name=holder.name or holder.person)
            )
        self._forget(found)
        key = found.credential.key
        mark = self._marks.fingerprint(key)
        return {"card": key, "fingerprint": mark, "masked": found.credential.masked}

    async def _since(self, after: int, wait_s: float) -> Read | None:
        """The first reading from number `after` on."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    for read in self._held:
                        if read.number >= after:
                            return read
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None

    def _by_token(self, token: str) -> Read:
        for read in self._held:
            if secrets.compare_digest(read.token.encode(), token.encode("utf-8", "replace")):
                return read
        raise Refused(worded("hold the badge to the reader again"))

    def _holder(self, badge: Credential) -> Holder:
        """Who has `badge` now, by the list and the visits.  Blocks.  Raises RosterUnavailable."""
        uri = f"{self._people.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=2)) as db:
                visit, person = (
                    db.execute(sql, (badge.key,)).fetchone() for sql in (_OF_VISIT, _OF_PERSON)
                )
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{self._people.name}: {error}") from error
        if visit is not None and person is None:
            number, key, name, company = visit
            return Holder(VISITOR, key, name, company, visit=number)
        if person is not None and visit is None:
            key, name, company = person
            return Holder(PERSON, key, name, company, self._operators.login(key))
        # A badge in both tables is nobody's at a door.  It is not handed out again either.
        return Holder(NOBODY if person is None else PERSON)

    def _forget(self, read: Read) -> None:
        if read in self._held:
            self._held.remove(read)


def _by(request: Mapping[str, Any]) -> Operator:
    by = request.get("by", "")
    return by if isinstance(by, Operator) else Operator(str(by))
