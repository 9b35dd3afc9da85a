"""One door: its hardware, and the readers at it.

`DoorController` puts them together and answers for the whole door.  Calls run down only: from the
controller and its readers (gateway/doors/reader.py) to the hardware (gateway/doors/hardware.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.decide.policy import Direction
from gateway.doors.hardware import DoorHardware, Lock
from gateway.doors.interlock import Interlock
from gateway.doors.machine import DoorTimes
from gateway.doors.reader import DoorReader
from gateway.doors.remote import open_once
from gateway.doors.services import AccessPoint, Display, NoDisplay, Services
from gateway.ledger.event import Event


class DoorController:
    """One door with its hardware and its readers; the arguments are those of `DoorHardware`."""

    def __init__(
        self,
        name: str,
        *,
        lock: Lock,
        times: DoorTimes,
        services: Services,
        watched: bool = False,
        fire_releases: bool = False,
        interlock: Interlock | None = None,
    ) -> None:
        self.name = name
        self.hardware = DoorHardware(
            name,
            lock=lock,
            times=times,
            services=services,
            watched=watched,
            fire_releases=fire_releases,
            interlock=interlock,
        )
        self.readers: list[DoorReader] = []
        self._services = services

    def add_reader(
        self, reader: str, direction: Direction, camera: str | None, display: Display | None = None
    ) -> DoorReader:
        """Add the reader of that name, for people who pass in that direction.

        `camera` sees who stands at it; `display` is what the reader can show.
        """
        added = DoorReader(
            self._services,
            AccessPoint(self.name, reader, direction, camera),
            self.hardware,
            display if display is not None else NoDisplay(),
        )
        self.readers.append(added)
        if display is not None:
            self.hardware.add_display(display)
        return added

    @property
    def watched(self) -> bool:
        """Whether the door has a contact."""
        return self.hardware.door.watched

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The newest answer at this door; None before the first."""
        newest = max(self.readers, key=lambda reader: reader.last_at, default=None)
        return newest.last if newest is not None else None

    async def open_once(self, about: Mapping[str, Any], expired: Callable[[], bool]) -> Event:
        """Open to an operator's command from afar: `gateway/doors/remote.py`."""
        return await open_once(self.hardware, self._services, about, expired)

    def status(self) -> dict[str, Any]:
        """The door in one word and its parts, for `garita status` and MQTT."""
        door = self.hardware.door
        return {
            "state": door.state.value,
            "released": door.released,
            "open": None if not door.watched or door.blind else door.open,
            "tampered": sorted(door.tampers),
            "out_of_service": door.out_of_service,
        }
