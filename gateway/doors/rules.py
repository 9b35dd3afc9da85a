"""The rules that attempts go by: a frozen value, and the place where a reload puts another one.

An attempt takes the rules with which it begins and keeps them to its end.  While a change of the
rules is being recorded no attempt begins, so that no decision by the rules of before is recorded
after the record of their change.  Only an attempt that was under way then, waiting for a PIN, a
face, another badge or a guard, ends by them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.decide.policy import Site


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy, and two times (seconds) that people have: `pin_timeout_s` to type a PIN,
    `escort_s` for a visitor to wait for an escort or to follow one."""

    site: Site
    pin_timeout_s: float = 15.0
    escort_s: float = 20.0


class RulesInForce:
    """`now` are the rules in force."""

    def __init__(self, rules: Rules) -> None:
        self.now = rules
        self._settled = asyncio.Event()
        self._settled.set()

    async def begin(self) -> Rules:
        """The rules for an attempt that begins; waits while they are being changed."""
        await self._settled.wait()
        return self.now

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """No attempt begins until this ends, however it ends.  Assign `now` inside."""
        self._settled.clear()
        try:
            yield
        finally:
            self._settled.set()
