"""One door as a sans-I/O state machine: its lock, its contact, and what people do to it.

In: grants that are on record, the door contact, requests to exit, the fire input, tamper switches,
faults, time.  Out: a list of effects, which `DoorHardware` carries out: `Relay(released)` for the
lock, `Note(type, data)` for the ledger.  The machine reads no clock and writes to no port; times
are seconds of a monotonic clock.

    LOCKED --badge--> WAITING --grant--> UNLOCKED --opens--> OPEN --closes--> LOCKED
                                         UNLOCKED --pulse over, never opened--> LOCKED (no entry)
    LOCKED --opens without grant, exit or fire--> FORCED --closes--> LOCKED
    OPEN --too long--> HELD --closes--> LOCKED
    TAMPERED and OUT OF SERVICE are shown in place of these until they end.

Nothing in here keeps a person inside.  The door's hardware lets people out (docs/doors.md); a
request to exit only tells us that an opening is not a break-in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.ledger.event import EventType

REX_LONGEST_S = 60.0  # a longer request to exit is a stuck button or a cut wire


class DoorState(StrEnum):
    """The state of a door in one word, as `garita status` shows it."""

    LOCKED = "locked"
    WAITING = "waiting"  # somebody at a reader is asked for something
    UNLOCKED = "unlocked"
    OPEN = "open"
    HELD = "held"
    FORCED = "forced"
    TAMPERED = "tampered"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Relay:
    """Drive the lock: `released` True lets people through, False locks."""

    released: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Record a door event."""

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)


Effect = Relay | Note


@dataclass(frozen=True, slots=True)
class DoorTimes:
    """Times of one door, in seconds.

    `pulse_s`        how long a grant releases the lock
    `rex_s`          how long after a request to exit an opening counts as an exit
    `held_warn_s`    how long the door may stand open until its readers warn
    `held_alarm_s`   ... and until it is an alarm
    """

    pulse_s: float
    rex_s: float = 5.0
    held_warn_s: float = 20.0
    held_alarm_s: float = 30.0


class Door:
    """One door.  `watched`: it has a contact; `fire_releases`: the fire input unlocks it."""

    def __init__(
        self, name: str, times: DoorTimes, *, watched: bool = False, fire_releases: bool = False
    ) -> None:
        self.name = name
        self.times = times
        self.watched = watched
        self.relock_at: float | None = None
        self.open: bool | None = None  # None: the contact has not reported yet
        self.blind = watched  # the contact's input is away, so its last report is old
        self.fire = False
        self.out_of_service = ""
        self.tampers: set[str] = set()
        self._fire_releases = fire_releases
        self._waiting: set[str] = set()
        self._grant = 0
        self._entered = False
        self._rex = False
        self._rex_until = -math.inf
        self._renew_at: float | None = None
        self._opened_at = 0.0
        self._by = ""  # why it is open
        self._warn_at: float | None = None
        self._alarm_at: float | None = None
        self._held = False
        self._standing: dict[str, float] = {}  # alarms from before a restart: since when

    @property
    def state(self) -> DoorState:
        """The state that a guard should know first."""
        shown = (
            (self.out_of_service, DoorState.OUT_OF_SERVICE),
            (self._by == "forced" or EventType.DOOR_FORCED in self._standing, DoorState.FORCED),
            (self._held or EventType.DOOR_HELD in self._standing, DoorState.HELD),
            (self.tampers, DoorState.TAMPERED),
            (self.open, DoorState.OPEN),
            (self.released, DoorState.UNLOCKED),
            (self._waiting, DoorState.WAITING),
        )
        return next((state for holds, state in shown if holds), DoorState.LOCKED)

    @property
    def released(self) -> bool:
        """Whether the lock lets people through now, by the orders that we gave it."""
        return self.relock_at is not None or (self.fire and self._fire_releases)

    @property
    def secure(self) -> bool:
        """Whether we know that the door is shut and locked."""
        return not self.released and (not self.watched or (self.open is False and not self.blind))

    @property
    def alarming(self) -> bool:
        """Whether the readers should ask the people at the door to shut it, or to leave it."""
        standing = self._by == "forced" or self._held or bool(self._standing)
        return standing or (self.open is True and self._warned)

    @property
    def _warned(self) -> bool:
        return self._warn_at is None and self._alarm_at is not None

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do; None: never."""
        times = (self.relock_at, self._warn_at, self._alarm_at, self._renew_at)
        return min((at for at in times if at is not None), default=None)

    def waits(self, reader: str, waiting: bool) -> list[Effect]:
        """Somebody at `reader` is asked for something, or no more."""
        if waiting:
            self._waiting.add(reader)
        else:
            self._waiting.discard(reader)
        return []

    def release(self, now: float, grant: int = 0) -> list[Effect]:
        """Unlock for one pulse: a grant is on record, under the number `grant`.

        The relay gets an order at each grant, also while it is released.  If a frame gets lost, the
        next badge repairs that.
        """
        was = self.released
        self.relock_at = now + self.times.pulse_s
        self._grant, self._entered = grant, self.open is True
        effects: list[Effect] = [Relay(released=True)]
        return effects if was else [*effects, Note(EventType.DOOR_UNLOCKED, {"grant": grant})]

    def contact(self, is_open: bool, now: float) -> list[Effect]:
        """The door contact says that the door is open, or shut."""
        self.blind = False
        before, self.open = self.open, is_open
        if before == is_open:
            return []
        return self._opened(before, now) if is_open else self._closed(before, now)

    def resume(self, alarms: Mapping[str, float], now: float) -> list[Effect]:
        """Take up alarms from before a restart, which are on record without their end.

        `alarms` are ``door.forced`` and ``door.held`` with the time since when.  They last until
        the contact says shut.
        """
        if self.watched:
            self._standing.update(alarms)
        return self._end_standing(now) if self.open is False else []

    def contact_lost(self) -> list[Effect]:
        """The contact's input is away, so nobody knows whether the door is open.

        If the door was shut before and is open when the input returns, without a grant, somebody
        forced it meanwhile.
        """
        self.blind = True
        return []

    def rex(self, active: bool, now: float) -> list[Effect]:
        """Somebody inside wants to leave, and the door's hardware lets them.

        The request lasts while the button is held (at most `REX_LONGEST_S`) and `rex_s` more.
        Boards report the same state again and again; that is one request.
        """
        if active == self._rex:
            return []
        self._rex = active
        self._rex_until = now + (REX_LONGEST_S if active else self.times.rex_s)
        return [Note(EventType.DOOR_REX)] if active else []

    def fire_alarm(self, active: bool, now: float) -> list[Effect]:
        """The fire panel raised its alarm, or ended it.

        The panel itself cuts the power of the lock; this only follows it.
        """
        if active == self.fire:
            return []
        was = self.released
        self.fire = active
        renewed = active and self._fire_releases
        self._renew_at = now + self.times.pulse_s if renewed else None
        if not active and self._by == "fire":  # from now on the door stands open without a reason
            self._watch_opening(now)
        effects: list[Effect] = [
            Note(EventType.DOOR_FIRE if active else EventType.DOOR_FIRE_CLEARED)
        ]
        if self.released != was:
            effects.append(Relay(self.released))
        return effects

    def tamper(self, device: str, active: bool) -> list[Effect]:
        """Somebody opened the case of a device of this door, or closed it again."""
        if active == (device in self.tampers):
            return []
        if active:
            self.tampers.add(device)
        else:
            self.tampers.discard(device)
        return [
            Note(
                EventType.DOOR_TAMPER if active else EventType.DOOR_TAMPER_CLEARED,
                {"device": device},
            )
        ]

    def set_out_of_service(self, reason: str, by: str = "") -> list[Effect]:
        """Take the door out of service for `reason`; an empty reason returns it to service.

        `by` names who asked for it, for the record.
        """
        if reason == self.out_of_service:
            return []
        self.out_of_service = reason
        effects = self._lock() if reason and self.relock_at is not None else []
        kind = EventType.DOOR_OUT_OF_SERVICE if reason else EventType.DOOR_IN_SERVICE
        data = {"reason": reason} if reason else {}
        return [*effects, Note(kind, {**data, "by": by} if by else data)]

    def expire(self, now: float) -> list[Effect]:
        """Do what is due at `now`: end a pulse, repeat a fire's order, warn of a held door."""
        effects: list[Effect] = []
        if self.relock_at is not None and now >= self.relock_at:
            effects += self._lock()
            if self.watched and self.open is False and not self._entered:
                effects.append(Note(EventType.DOOR_NO_ENTRY, {"grant": self._grant}))
        if self._renew_at is not None and now >= self._renew_at:
            # The lock may time itself, or its board may have been away: repeat the order.
            self._renew_at = now + self.times.pulse_s
            effects.append(Relay(released=True))
        open_s = round(now - self._opened_at, 1)
        if self._warn_at is not None and now >= self._warn_at:
            self._warn_at = None
            effects.append(Note(EventType.DOOR_HELD_WARNING, {"open_s": open_s}))
        if self._alarm_at is not None and now >= self._alarm_at:
            self._alarm_at, self._held = None, True
            effects.append(Note(EventType.DOOR_HELD, {"open_s": open_s}))
        return effects

    def fault(self) -> list[Effect]:
        """The lock could not be driven, or its board went away: the unlocking is over."""
        was, self.relock_at = self.relock_at, None
        return [Note(EventType.DOOR_LOCK_FAULT)] if was is not None else []

    def _lock(self) -> list[Effect]:
        self.relock_at = None
        if self.released:  # the fire input holds it
            return []
        return [Relay(released=False), Note(EventType.DOOR_LOCKED)]

    def _opened(self, before: bool | None, now: float) -> list[Effect]:
        self._opened_at = now
        data: dict[str, Any] = {}
        if self.fire:
            self._by = "fire"
        elif self.relock_at is not None:
            self._by, self._entered = "grant", True
            data = {"grant": self._grant}
        elif now <= self._rex_until:
            self._by = "exit"
        elif before is None:
            self._by = "unknown"
        else:
            self._by = "forced"
        if self._by not in ("forced", "fire"):
            self._watch_opening(now)
        return [Note(_OPENED[self._by], data)]

    def _closed(self, before: bool | None, now: float) -> list[Effect]:
        if before is None:
            return self._end_standing(now)
        by, held = self._by, self._held
        open_s = round(now - self._opened_at, 1)
        self._forget_opening()
        kind = EventType.DOOR_FORCED_CLEARED if by == "forced" else EventType.DOOR_CLOSED
        if held:
            kind = EventType.DOOR_HELD_CLEARED
        self._standing.pop(kind.removesuffix("_cleared"), None)
        effects: list[Effect] = [Note(kind, {"open_s": open_s}), *self._end_standing(now)]
        if by == "grant" and self.relock_at is not None:
            # The person is inside: nobody else may use the rest of the pulse.
            effects += self._lock()
        return effects

    def _end_standing(self, now: float) -> list[Effect]:
        """End the alarms from before a restart.

        `open_s` is an upper limit, because nobody saw when the door was shut.
        """
        ended, self._standing = sorted(self._standing.items()), {}
        return [
            Note(
                EventType(f"{alarm}_cleared"),
                {"open_s": round(now - since, 1), "before_restart": True},
            )
            for alarm, since in ended
        ]

    def _watch_opening(self, now: float) -> None:
        self._warn_at = now + self.times.held_warn_s
        self._alarm_at = now + self.times.held_alarm_s

    def _forget_opening(self) -> None:
        self._by, self._held = "", False
        self._warn_at = self._alarm_at = None


_OPENED = {
    "grant": EventType.DOOR_ENTERED,
    "exit": EventType.DOOR_EXIT,
    "fire": EventType.DOOR_OPENED,
    "unknown": EventType.DOOR_FOUND_OPEN,
    "forced": EventType.DOOR_FORCED,
}
