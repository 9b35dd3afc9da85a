"""The hardware of one door: its lock, its inputs, its timer, its interlock.

`DoorHardware` feeds the state machine (gateway/doors/machine.py) with what devices report, and
carries out the effects that the machine returns: drive the relay, record an event, show an alarm.
It knows nothing of badges and decides about nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.base import Signal
from gateway.doors.interlock import Interlock
from gateway.doors.machine import Door, DoorTimes, Effect, Note
from gateway.doors.services import Display, Services, loop_time
from gateway.ledger.event import EventType, NewEvent

log = logging.getLogger("garita.doors.hardware")

_LOCK_NOTES = (EventType.DOOR_UNLOCKED, EventType.DOOR_LOCKED)


class Lock(Protocol):
    """The relay of a door.  `ready` is False while its board does not answer; `drive` raises
    whatever its driver raises."""

    @property
    def ready(self) -> bool: ...
    def drive(self, door: str, released: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class DoorCondition:
    """What an attempt has to know of the door.  `blocked_by` is the door of the interlock that must
    be shut first; "" if there is none."""

    lock_ready: bool
    out_of_service: bool
    tampered: bool
    blocked_by: str


class DoorHardware:
    """One door's lock and inputs.  `watched`: the door has a contact; `fire_releases`: the fire
    input unlocks it; `interlock`: the group of which never two doors may be open."""

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
        self.door = Door(name, times, watched=watched, fire_releases=fire_releases)
        self._lock = lock
        self._services = services
        self._interlock = interlock
        self._displays: list[Display] = []
        self._alarming = False
        self._lock_failed = ""
        self._timer: asyncio.TimerHandle | None = None
        if interlock is not None:
            interlock.add(name, self.door, lambda: lock.ready)

    def add_display(self, display: Display) -> None:
        """A reader of this door that shows the alarm of a door left open."""
        self._displays.append(display)

    # For attempts

    def condition(self) -> DoorCondition:
        """The door as it is now."""
        blocked_by = ""
        if self._interlock is not None:
            blocked_by = self._interlock.blocked_by(self.name, loop_time())
        return DoorCondition(
            lock_ready=self._lock.ready,
            out_of_service=bool(self.door.out_of_service),
            tampered=bool(self.door.tampers),
            blocked_by=blocked_by,
        )

    def waits(self, reader: str, waiting: bool) -> None:
        """Somebody at `reader` is asked for something, or no more."""
        self.carry_out(self.door.waits(reader, waiting))

    def reserve(self) -> None:
        """A grant is about to be recorded: until it is carried out, no other door may open."""
        if self._interlock is not None:
            self._interlock.reserve(self.name)

    def give_back(self) -> None:
        """The grant of a `reserve` was carried out, or did not come about."""
        if self._interlock is not None:
            self._interlock.give_back(self.name)

    def release(self, grant: int) -> None:
        """Unlock: the grant is on record, as number `grant`."""
        try:
            self.carry_out(self.door.release(loop_time(), grant))
        finally:
            self.give_back()

    # For operators

    def set_out_of_service(self, reason: str, by: str = "") -> None:
        """Take the door out of service for `reason`; an empty reason returns it to service."""
        self.carry_out(self.door.set_out_of_service(reason, by))

    def resume(self, alarms: Mapping[str, float]) -> None:
        """After a restart: alarms that are on record without their end, and since when (loop
        time)."""
        self.carry_out(self.door.resume(alarms, loop_time()))

    # What devices report

    def on_contact(self, is_open: bool) -> None:
        """The door contact says that the door is open, or shut."""
        self.carry_out(self.door.contact(is_open, loop_time()))
        if is_open and self._interlock is not None:
            other = self._interlock.breach(self.name)
            if other:
                self._note(EventType.INTERLOCK_BREACHED, {"other": other})

    def on_contact_lost(self) -> None:
        """The device that reads the contact is away."""
        self.carry_out(self.door.contact_lost())

    def on_rex(self, active: bool) -> None:
        """The request to exit began or ended."""
        self.carry_out(self.door.rex(active, loop_time()))

    def on_fire(self, active: bool) -> None:
        """The fire panel's input went on or off."""
        self.carry_out(self.door.fire_alarm(active, loop_time()))

    def on_tamper(self, device: str, active: bool) -> None:
        """Somebody opened or closed the case of `device`."""
        self.carry_out(self.door.tamper(device, active))

    def on_chatter(self, kind: str, name: str, count: int) -> None:
        """The input `name` (``contact``, ``rex``, ``fire``) changed `count` times in a row."""
        self._note(EventType.DOOR_INPUT_CHATTER, {"input": kind, "device": name, "count": count})

    def on_lock_lost(self) -> None:
        """The relay board does not answer any more."""
        self.carry_out(self.door.fault())

    def on_lock_wrong(self, detail: str) -> None:
        """The lock reports a state in which nobody put it."""
        log.error("door %s: %s", self.name, detail)
        self._note(EventType.DOOR_LOCK_FAULT, {"detail": detail})

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """Drive the relay and record what the door did.

        If the relay can't be driven, that is recorded as a fault and the unlocking is dropped: it
        is not done later.
        """
        failed = False
        for effect in effects:
            if isinstance(effect, Note):
                if not (failed and effect.type in _LOCK_NOTES):
                    self._note(effect.type, effect.data)
                continue
            try:
                self._lock.drive(self.name, effect.released)
                self._lock_failed = ""
            except Exception as error:
                failed = True
                self._lock_fault(str(error))
        self._show_alarm()
        self._set_timer()

    def _lock_fault(self, detail: str) -> None:
        log.error("door %s: the lock can't be driven: %s", self.name, detail)
        again = self.door.fault() == [] and self._lock_failed == detail
        self._lock_failed = detail
        if not again:  # during a fire the relay is driven again and again: one record is enough
            self._note(EventType.DOOR_LOCK_FAULT, {"detail": detail})

    def _show_alarm(self) -> None:
        """Ask the people at the door to shut it, at each of its readers."""
        if self.door.alarming != self._alarming:
            self._alarming = self.door.alarming
            for display in self._displays:
                display.signal(Signal.ALARM if self._alarming else Signal.IDLE)

    def _set_timer(self) -> None:
        """One timer for what is due next; it is set anew each time, because it may fire early."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.door.deadline is not None:
            wait = max(0.0, self.door.deadline - loop_time())
            self._timer = asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        self.carry_out(self.door.expire(loop_time()))

    def _note(self, kind: EventType, data: Mapping[str, object]) -> None:
        self._services.note(NewEvent(kind, self.name, dict(data)))
