"""Watches whether other gates have the list that this one has, and records when all of them do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from gateway.config import MqttSettings
from gateway.daemon.status import about_list
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.event import NewEvent
from gateway.people import Roster, RosterUnavailable
from gateway.people.fleet import Fleet, GateList, Reach, of_people
from gateway.uplink.connection import client_id
from gateway.uplink.renew import renewed
from gateway.uplink.states import hear_states

log = logging.getLogger("garita.daemon.fleetwatch")

LOOK_S = 2.0


class FleetWatch:
    """`gates` should have this gate's list within `late_s` seconds."""

    def __init__(
        self,
        *,
        gateway: str,
        mqtt: MqttSettings,
        gates: list[str],
        late_s: float,
        roster: Roster,
        ledger: Ledger,
        now: Callable[[], datetime | None],
    ) -> None:
        self._gateway = gateway
        self._mqtt = mqtt
        self._changed = asyncio.Event()
        self._gates = gates
        self._roster = roster
        self._ledger = ledger
        self._now = now
        self._fleet = Fleet()
        self._reach = Reach(gates, late_s)

    def use(self, mqtt: MqttSettings) -> None:
        """Reach the brokers by other settings."""
        if mqtt != self._mqtt:
            self._mqtt = mqtt
            self._changed.set()

    async def run(self) -> None:
        """Look for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(renewed(self._hear, self._changed))
            group.create_task(self._look())

    async def _hear(self) -> None:
        me = client_id(self._mqtt, self._gateway)
        await hear_states(self._mqtt, me, self._gates, self._fleet.hear)

    async def _look(self) -> None:
        due: list[NewEvent] = []
        while True:
            now = self._now()
            if now is not None:  # an alarm must not come of a wrong clock
                due += self._reach.look(self._mine(), self._fleet.lists, now)
            try:
                while due:
                    await self._ledger.append(due[0])
                    del due[0]
            except LedgerUnavailable as error:
                log.warning("what is to be said of lists waits: %s", error)
            await asyncio.sleep(LOOK_S)

    def _mine(self) -> GateList | None:
        try:
            version = self._roster.version()
        except RosterUnavailable:
            return None
        return of_people(self._gateway, about_list(version)) if version else None
