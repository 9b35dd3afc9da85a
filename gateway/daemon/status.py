"""What the gateway tells about itself: over MQTT, and to `garita status`.

JSON values only, and nothing secret.
"""

from __future__ import annotations

import inspect
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway import __version__
from gateway.config import Settings
from gateway.config.inforce import InForce
from gateway.daemon.wiring import Plant
from gateway.ledger import Ledger
from gateway.people import Roster, RosterUnavailable
from gateway.people.lookup import ListVersion
from gateway.state.clock import Clock
from gateway.state.flapping import DeviceStates
from gateway.state.presence import Presence
from gateway.state.threat import ThreatState


class Status:
    """Reads the parts; changes nothing."""

    def __init__(
        self,
        *,
        in_force: InForce,
        ledger: Ledger,
        clock: Clock,
        roster: Roster,
        devices: DeviceStates,
        plant: Plant,
        presence: Presence,
        threat: ThreatState,
    ) -> None:
        self._in_force = in_force
        self._ledger = ledger
        self._clock = clock
        self._roster = roster
        self._devices = devices
        self._plant = plant
        self._presence = presence
        self._threat = threat
        self._started = time.monotonic()
        self.boot = secrets.token_hex(8)
        """Names this run of the gateway, for records and for commands that are for this run."""
        self._more: dict[str, Callable[[], Any]] = {}

    @property
    def _settings(self) -> Settings:
        return self._in_force.now

    def add(self, name: str, about: Callable[[], Any]) -> None:
        """Have `about()` shown under `name` to people at the box; it may be awaitable."""
        self._more[name] = about

    def state(self) -> dict[str, Any]:
        """The gateway's health, for MQTT and `garita status`."""
        people: dict[str, Any] | None
        try:
            version = self._roster.version()
            people = about_list(version) if version else None
        except RosterUnavailable as error:
            people = {"error": str(error)}
        refused = self._ledger.failed_since
        return {
            "gateway": self._settings.site.gateway,
            "boot": self.boot,
            "version": __version__,
            "policy_version": self._settings.site.policy_version,
            "people": people,
            "ledger": {"ok": refused == 0, "refused": refused, "follows": self._ledger.follows},
            "clock_trusted": self._clock.trusted,
            "clock_sure": self._clock.sure,
            "devices": self._devices.shown(),
            "doors": {name: door.status() for name, door in self._plant.doors.items()},
            "threat": self._threat.status(),
            "areas": {
                name: {"inside": self._presence.occupancy(name), "maximum": area.maximum or None}
                for name, area in self._settings.site.areas.items()
            },
        }

    def bound(self) -> dict[str, Any]:
        """What the record before each checkpoint of the log binds to it."""
        try:
            version = self._roster.version()
        except RosterUnavailable:
            version = None
        return {
            "boot": self.boot,
            "clock_trusted": self._clock.trusted,
            "clock_sure": self._clock.sure,
            "list_version": version.number if version else None,
            "policy_version": self._settings.site.policy_version,
            "version": __version__,
        }

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Everything, for the control socket."""
        doors = self._plant.doors
        return {
            **self.state(),
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._started, 1),
            # Not in state(): it grows each second, and state() is published when it changes.
            "clock_behind_s": round(self._clock.behind_s, 1),
            "clock_ahead_s": round(self._clock.ahead_s, 1),
            "last_seq": self._ledger.last_seq,
            "last": {name: door.last for name, door in doors.items()},
            "unrecorded": sum(
                reader.unrecorded for door in doors.values() for reader in door.readers
            ),
            "readers": {n: reader.status() for n, reader in self._plant.bus_readers().items()},
            **{name: await _had(about()) for name, about in self._more.items()},
        }


async def _had(about: Any) -> Any:
    """What is shown, or had from the disk first."""
    return await about if inspect.isawaitable(about) else about


def about_list(version: ListVersion) -> dict[str, Any]:
    """Which list is in force, so that others see who has which."""
    return {
        "version": version.number,
        "total": version.total,
        "applied_at": version.applied_at,
        "generated_at": version.generated_at,
        "sha256": version.sha256,
    }
