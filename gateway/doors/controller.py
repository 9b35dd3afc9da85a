"""One door at work: its state machine, its lock, its inputs, its readers.

`DoorController` carries out what `gateway/doors/machine.py` says (drive the relay, note an
event), sets its timer, and keeps the interlock.  Its lanes (`gateway/doors/reader.py`) decide who
passes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from drivers.base import Signal
from gateway.decide.policy import Direction
from gateway.doors.attempt import Services, seen
from gateway.doors.interlock import Interlock
from gateway.doors.machine import Door, DoorTimes, Effect, Note
from gateway.doors.reader import DoorReader
from gateway.ledger.event import EventType, NewEvent

log = logging.getLogger("garita.doors.controller")

_LOCK_NOTES = (EventType.DOOR_UNLOCKED, EventType.DOOR_LOCKED)


class Lock(Protocol):
    @property
    def ready(self) -> bool: ...
    def drive(self, door: str, released: bool) -> None: ...


class Signals(Protocol):
    """A reader that can show something: LED, buzzer, display."""

    def signal(self, signal: Signal) -> None: ...


class DoorController:
    """One door with its lock, inputs and lanes."""

    def __init__(
        self,
        name: str,
        *,
        lock: Lock,
        times: DoorTimes,
        parts: Services,
        watched: bool = False,
        fire_releases: bool = False,
        interlock: Interlock | None = None,
    ) -> None:
        self.name = name
        self.door = Door(name, times, watched=watched, fire_releases=fire_releases)
        self.lanes: list[DoorReader] = []
        self._lock = lock
        self._parts = parts
        self._interlock = interlock
        self._readers: dict[str, Signals] = {}
        self._alarming = False
        self._lock_failed = ""
        self._timer: asyncio.TimerHandle | None = None
        if interlock is not None:
            interlock.add(name, self.door, lambda: lock.ready)

    def add_lane(
        self, reader: str, direction: Direction, camera: str | None, signals: Signals | None = None
    ) -> DoorReader:
        """A reader at this door, for one way through it."""
        lane = DoorReader(
            self, reader=reader, direction=direction, camera=camera, parts=self._parts
        )
        self.lanes.append(lane)
        if signals is not None:
            self._readers[reader] = signals
        return lane

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The newest answer at this door."""
        newest = max(self.lanes, key=lambda lane: lane.last_at, default=None)
        return newest.last if newest is not None else None

    def status(self) -> dict[str, Any]:
        """The door in one word and its parts, for `garita status` and MQTT."""
        door = self.door
        return {
            "state": door.state.value,
            "released": door.released,
            "open": None if not door.watched or door.blind else door.open,
            "tampered": sorted(door.tampers),
            "out_of_service": door.out_of_service,
        }

    # What lanes ask and say

    @property
    def lock_ready(self) -> bool:
        return self._lock.ready

    @property
    def out_of_service(self) -> bool:
        return bool(self.door.out_of_service)

    @property
    def tampered(self) -> bool:
        return bool(self.door.tampers)

    def blocked_by(self) -> str:
        """The door of the interlock that must be shut first; "" if none."""
        if self._interlock is None:
            return ""
        return self._interlock.blocked_by(self.name, time.monotonic())

    def reserve(self) -> None:
        """A grant is about to be recorded: until it is carried out, no other door may open."""
        if self._interlock is not None:
            self._interlock.reserve(self.name)

    def give_back(self) -> None:
        if self._interlock is not None:
            self._interlock.give_back(self.name)

    def waits(self, reader: str, waiting: bool) -> None:
        self.carry_out(self.door.waits(reader, waiting))

    def release(self, grant: int) -> None:
        """The grant is on record."""
        try:
            self.carry_out(self.door.release(time.monotonic(), grant))
        finally:
            self.give_back()

    def signal(self, reader: str, signal: Signal) -> None:
        """Show something at one reader."""
        shown = self._readers.get(reader)
        if shown is not None:
            shown.signal(signal)

    # What devices tell

    def on_contact(self, is_open: bool) -> None:
        self.carry_out(self.door.contact(is_open, time.monotonic()))
        if is_open and self._interlock is not None:
            other = self._interlock.breach(self.name)
            if other:
                self._note(NewEvent(EventType.INTERLOCK_BREACHED, self.name, {"other": other}))

    def on_contact_lost(self) -> None:
        self.carry_out(self.door.contact_lost())

    def on_rex(self, active: bool) -> None:
        self.carry_out(self.door.rex(active, time.monotonic()))

    def on_fire(self, active: bool) -> None:
        self.carry_out(self.door.fire_alarm(active, time.monotonic()))

    def on_tamper(self, device: str, active: bool) -> None:
        self.carry_out(self.door.tamper(device, active))

    def on_chatter(self, kind: str, name: str, count: int) -> None:
        """An input (``contact``, ``rex``, ``fire``) went to and fro `count` times."""
        self._note(
            NewEvent(
                EventType.DOOR_INPUT_CHATTER,
                self.name,
                {
                    "input": kind,
                    "device": name,
                    "count": count,
                },
            )
        )

    def on_lock_lost(self) -> None:
        """The relay board went away."""
        self.carry_out(self.door.fault())

    def on_lock_wrong(self, detail: str) -> None:
        """The lock says that it is not as it was told to be."""
        log.error("door %s: %s", self.name, detail)
        self._note(NewEvent(EventType.DOOR_LOCK_FAULT, self.name, {"detail": detail}))

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """Drive the relay and note what the door did.

        A relay that can't be driven is a fault that is noted; the wish to unlock is dropped.
        """
        failed = False
        for effect in effects:
            if isinstance(effect, Note):
                if not (failed and effect.type in _LOCK_NOTES):
                    self._note(NewEvent(effect.type, self.name, dict(effect.data)))
                continue
            try:
                self._lock.drive(self.name, effect.released)
                self._lock_failed = ""
            except Exception as error:
                failed = True
                log.error("door %s: the lock can't be driven: %s", self.name, error)
                again = self.door.fault() == [] and self._lock_failed == str(error)
                self._lock_failed = str(error)
                if not again:  # during a fire it is tried again and again
                    self._note(
                        NewEvent(EventType.DOOR_LOCK_FAULT, self.name, {"detail": str(error)})
                    )
        self._show_alarm()
        self._set_timer()

    def _show_alarm(self) -> None:
        """Tell whoever stands there to shut it, at every reader of the door."""
        if self.door.alarming != self._alarming:
            self._alarming = self.door.alarming
            for shown in self._readers.values():
                shown.signal(Signal.ALARM if self._alarming else Signal.IDLE)

    def _set_timer(self) -> None:
        """One timer for what is due next; set anew, because a timer may fire early."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.door.deadline is not None:
            wait = max(0.0, self.door.deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        self.carry_out(self.door.expire(time.monotonic()))

    def _note(self, event: NewEvent) -> None:
        self._parts.ledger.append_soon(event).add_done_callback(seen)
