"""Verifies the PIN of a second person at the desk, for a command that may not read the site key.

The control socket asks.  Only persons of `[operators]` with the role supervisor are verified, one
at a time, with the limits of the doors' PIN pads.  Each answer is on record before it is given,
with the account that asked.  A PIN is never logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.daemon.control import Refused
from gateway.decide.model import PinOutcome
from gateway.desk.second import SUPERVISOR
from gateway.doors.pinpad import PinLimits
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import worded
from gateway.locale.text import tidy
from gateway.people.operators import Operators
from gateway.people.pins import LONGEST, Pins, outcome

Append = Callable[[NewEvent], Awaitable[Event]]


class OperatorPins:
    """The handler of ``operator_pin``."""

    def __init__(
        self, operators: Operators, people: Path, pins: Pins, limits: PinLimits, append: Append
    ) -> None:
        self._operators, self._people, self._pins = operators, people, pins
        self._limits, self._append = limits, append
        self._one = asyncio.Lock()  # a hash takes 64 MiB, and no try may outrun the count

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Verify `pin` of `person`.  Answers `outcome` (correct, duress, wrong, locked or
        unavailable) and the `id` of the record.  Raises Refused for anybody else."""
        person, pin = str(request["person"]), request["pin"]
        found = await asyncio.to_thread(self._operators.find, person)
        if found is None or found.person != person or SUPERVISOR not in found.roles:
            raise Refused(worded("{name} is no supervisor of this site", name=person[:60]))
        about = {"act": tidy(request.get("act", ""), 100), "by": request.get("by", "")}
        return await self.verify(found.person, found.name, pin, about)

    async def verify(
        self, person: str, name: str, pin: object, about: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Whether `pin` is that of `person`, an operator of that `name` on the list: the answer of
        `asked`.  `about` is what the record says beside it: `act`, `by` and more."""
        async with self._one:
            return await self._verified(person, name, str(pin)[: LONGEST + 1], about)

    async def _verified(
        self, person: str, name: str, pin: str, about: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        now = asyncio.get_running_loop().time()
        result = "locked"
        if not self._limits.locked(person, now):
            became = await asyncio.to_thread(outcome, self._people, self._pins, person, pin)
            self._limits.tried(person, became, now)
            result = became.value
        good = result in (PinOutcome.CORRECT.value, PinOutcome.DURESS.value)
        data = {"person": person, "name": name, **about}
        kind = EventType.OPERATOR_PIN_ACCEPTED if good else EventType.OPERATOR_PIN_REFUSED
        record = await self._append(NewEvent(kind, person, {**data, "pin": "" if good else result}))
        if result == PinOutcome.DURESS.value:
            await self._append(NewEvent(EventType.ALARM_DURESS, person, data))
        return {"outcome": "correct" if good else result, "id": record.id}
