"""What changes the threat level of a running gateway beside the control socket.

An input raises it and never lowers it; a signed command does both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from drivers.base import InputState
from gateway.config import Settings
from gateway.daemon.commands import Counters, RemoteCommands
from gateway.daemon.signed import Command, Refused, sender_key
from gateway.devices import Listeners, input_number
from gateway.ledger import LedgerUnavailable
from gateway.locale.text import tidy
from gateway.state.threat import Append, ThreatState, UnknownLevel
from gateway.vault.statefile import Tell, log_damage

log = logging.getLogger("garita.daemon.triggers")


class ThreatTriggers:
    """`now` gives the time and whether the clock is to be trusted; `boot` names this run."""

    def __init__(
        self,
        settings: Settings,
        state: ThreatState,
        append: Append,
        now: Callable[[], tuple[datetime, bool]],
        boot: str,
        tell: Tell = log_damage,
    ) -> None:
        self.counters = Counters(settings.commands_path, tell)
        self._settings = settings
        self._state = state
        self._append = append
        self._raising: set[asyncio.Task[None]] = set()
        keys = {
            name: sender_key(
                table.public_key,
                list(table.commands),
                table.operator,
                list(table.doors),
                table.through,
            )
            for name, table in settings.tables.command_keys.items()
        }
        self.desk = RemoteCommands(
            settings.site.gateway,
            keys,
            self.counters,
            {"threat_set": self._command},
            append,
            now,
            boot=boot,
        )

    def listen(self, devices: Mapping[str, Listeners]) -> None:
        """Have the input of the policy raise the level; `devices` by name."""
        table = self._settings.tables.threat
        ref = table.input
        if ref is None:
            return
        resting = ref.normally == "closed"
        who = f"input {ref.input} of {ref.device}"

        def told(closed: bool) -> None:
            if closed != resting:
                task = asyncio.create_task(self._raise(table.input_level, who))
                self._raising.add(task)
                task.add_done_callback(self._raising.discard)

        devices[ref.device].listen(InputState, input_number(ref.input, told))

    async def _raise(self, level: str, who: str) -> None:
        try:
            await self._state.raise_to(level, who, "", self._append)
        except LedgerUnavailable as error:
            log.critical("threat level %s is in force and not on record: %s", level, error)

    async def _command(self, command: Command) -> Mapping[str, Any]:
        level, reason = str(command.body.get("level", "")), tidy(command.body.get("reason", ""))
        by = f"{command.by} ({command.key})"
        try:
            changed = await self._state.set(level, by, reason, self._append)
        except UnknownLevel as error:
            raise Refused("there is no such threat level") from error
        return {"level": level, "changed": changed}
