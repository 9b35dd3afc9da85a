"""The doors as a guard sees them, from the records alone: a fold without I/O.

In: records of the log in order, and now and then the daemon's own word (`adopt`), which says what
no record tells: a contact that has not reported since a restart, a device that is away.  Out: for
each door its state in the words of `gateway.doors.machine.DoorState`, since when, and who passed or
was refused last.

A record that is not in its form changes nothing.  A door that the configuration does not name is
not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.ledger.event import Event, EventType
from gateway.locale.text import tidy

_OPENINGS = {
    EventType.DOOR_ENTERED: "grant",
    EventType.DOOR_EXIT: "exit",
    EventType.DOOR_OPENED: "fire",
    EventType.DOOR_FOUND_OPEN: "unknown",
    EventType.DOOR_FORCED: "forced",
}
_CLOSINGS = (
    EventType.DOOR_CLOSED,
    EventType.DOOR_FORCED_CLEARED,
    EventType.DOOR_HELD_CLEARED,
)
OPENINGS = tuple(_OPENINGS)
DECISIONS = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
_ANSWERS = (EventType.DOOR_CONFIRMED, EventType.DOOR_CONFIRM_REFUSED)


@dataclass(frozen=True, slots=True)
class Passage:
    """Who passed a door last, or was refused there.

    `who` is a name, or the masked badge of somebody who is not known.  `entered` says whether
    somebody went in after a grant; None where no contact says so (yet).  `by` is the operator who
    opened the door from afar; then nobody is known.  `reason` is a code, `rule` its detail.
    """

    seq: int
    at: str
    granted: bool
    who: str = ""
    person: str = ""
    company: str = ""
    reason: str = ""
    rule: str = ""
    way: str = ""
    reader: str = ""
    entered: bool | None = None
    by: str = ""
    why: str = ""
    count: int = 1


@dataclass(slots=True)
class DoorNow:
    """One door.  Times are those of records: RFC 3339 text in UTC."""

    name: str
    watched: bool = False
    released: bool = False
    released_at: str = ""
    open: bool | None = None
    opened_at: str = ""
    opened_by: str = ""
    forced: bool = False
    held: bool = False
    warned: bool = False
    fire: bool = False
    lock_fault: bool = False
    out_of_service: str = ""
    tampers: set[str] = field(default_factory=set)
    waits: bool = False
    away: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    passage: Passage | None = None
    seq: int = 0
    at: str = ""

    @property
    def state(self) -> str:
        """The state that a guard should know first, as the daemon orders them."""
        shown = (
            (self.out_of_service, "out_of_service"),
            (self.forced, "forced"),
            (self.held, "held"),
            (self.tampers, "tampered"),
            (self.open, "open"),
            (self.released, "unlocked"),
            (self.waits, "waiting"),
        )
        return next((state for holds, state in shown if holds), "locked")

    @property
    def since(self) -> str:
        """Since when the door is open, forced or unlocked; "" where it is not known."""
        if self.state in ("forced", "held", "open"):
            return self.opened_at
        return self.released_at if self.state == "unlocked" else ""

    @property
    def blind(self) -> bool:
        """Whether nobody knows if the door is open, although it has a contact."""
        return self.watched and self.open is None


class Doors:
    """All doors, by name.  `watched` says of each door whether it has a contact, `parts` which
    devices it needs, as (kind, name)."""

    def __init__(
        self,
        watched: Mapping[str, bool],
        parts: Mapping[str, Iterable[tuple[str, str]]] | None = None,
    ) -> None:
        self.all = {name: DoorNow(name, watched=has) for name, has in watched.items()}
        self.seq = 0
        self._parts: dict[tuple[str, str], set[str]] = {}
        for door, devices in (parts or {}).items():
            for device in devices:
                self._parts.setdefault(device, set()).add(door)
        self._device_states: dict[tuple[str, str], str] = {}

    def apply(self, event: Event) -> set[str]:
        """Take in one record; returns the names of the doors that look different now."""
        if event.seq <= self.seq:
            return set()
        self.seq = event.seq
        kind = event.type
        try:
            if kind.startswith("device."):
                return self._device(event)
            if kind in (EventType.GATEWAY_STARTED, EventType.GATEWAY_STOPPED):
                return self._restarted(event)
            name = event.subject
            if kind.startswith("access."):
                name = str(event.data.get("door") or event.subject)
            door = self.all.get(name)
            if door is None or not self._take(door, event):
                return set()
        except (TypeError, ValueError, KeyError, AttributeError):
            return set()
        door.seq, door.at = event.seq, event.time
        return {name}

    def adopt(self, status: Mapping[str, Any]) -> set[str]:
        """The daemon's answer to ``status``; returns the names of the doors that differ from what
        the records said.

        An answer from before the newest record of a door is not used for that door.
        """
        last = int(status.get("last_seq", 0))
        devices = status.get("devices") or ()
        self._device_states = {
            (str(item["kind"]), str(item["name"])): str(item["state"]) for item in devices
        }
        changed = set()
        for name, told in (status.get("doors") or {}).items():
            door = self.all.get(name)
            if door is None:
                continue
            before = _look(door)
            self._mark_devices(door)
            if door.seq <= last:
                _adopt(door, told)
            if _look(door) != before:
                changed.add(name)
        return changed

    def seed(self, event: Event) -> None:
        """A record from before those that were taken in: the newest decision at a door, or its
        newest opening."""
        name = str(event.data.get("door") or event.subject)
        door = self.all.get(name)
        if door is None:
            return
        if event.type in _OPENINGS:
            door.opened_at = door.opened_at or event.time
        elif door.passage is None and event.type in DECISIONS:
            door.passage = _passage(event)

    def _take(self, door: DoorNow, event: Event) -> bool:
        kind, data = event.type, event.data
        if kind in DECISIONS:
            door.passage, door.waits = _passage(event), False
        elif kind == EventType.DOOR_REMOTE_OPENED:
            door.passage = Passage(
                event.seq,
                event.time,
                granted=True,
                reason="granted",
                by=tidy(data.get("by_name") or data.get("by", "")),
                why=tidy(data.get("reason", "")),
            )
        elif kind == EventType.DOOR_UNLOCKED:
            door.released, door.released_at, door.lock_fault = True, event.time, False
        elif kind == EventType.DOOR_LOCKED:
            door.released = False
        elif kind == EventType.DOOR_LOCK_FAULT:
            door.released, door.lock_fault = False, True
        elif kind == EventType.DOOR_NO_ENTRY:
            self._entered(door, data, entered=False)
        elif kind in _OPENINGS:
            door.open, door.opened_at = True, event.time
            door.opened_by = _OPENINGS[EventType(kind)]
            door.forced = kind == EventType.DOOR_FORCED
            if kind == EventType.DOOR_ENTERED:
                self._entered(door, data, entered=True)
        elif kind in _CLOSINGS:
            door.open, door.opened_by = False, ""
            door.forced = door.held = door.warned = False
        elif kind == EventType.DOOR_HELD_WARNING:
            door.open, door.warned = True, True
        elif kind == EventType.DOOR_HELD:
            door.open, door.held = True, True
        elif kind in (EventType.DOOR_FIRE, EventType.DOOR_FIRE_CLEARED):
            door.fire = kind == EventType.DOOR_FIRE
        elif kind == EventType.DOOR_TAMPER:
            door.tampers.add(str(data.get("device", "")))
        elif kind == EventType.DOOR_TAMPER_CLEARED:
            door.tampers.discard(str(data.get("device", "")))
        elif kind == EventType.DOOR_OUT_OF_SERVICE:
            door.out_of_service = tidy(data.get("reason") or "-")
        elif kind == EventType.DOOR_IN_SERVICE:
            door.out_of_service = ""
        elif kind == EventType.DOOR_CONFIRM_ASKED:
            door.waits = True
        elif kind in _ANSWERS:
            door.waits = False
        else:
            return False
        return True

    @staticmethod
    def _entered(door: DoorNow, data: Mapping[str, Any], *, entered: bool) -> None:
        """Somebody went in after the grant, or nobody did.  A grant since then is another one."""
        seen = door.passage
        if seen is not None and seen.granted and seen.seq <= int(data.get("grant", 0)):
            door.passage = replace(seen, entered=entered)

    def _restarted(self, event: Event) -> set[str]:
        """A start or a stop: relays rest, and contacts tell anew.  Alarms stand until the contact
        says shut (gateway/doors/machine.py, `resume`)."""
        for door in self.all.values():
            door.released = door.waits = door.fire = door.warned = False
            if not (door.forced or door.held):
                door.open = None
            door.seq, door.at = event.seq, event.time
        return set(self.all)

    def _device(self, event: Event) -> set[str]:
        device = (str(event.data.get("kind", "")), event.subject)
        self._device_states[device] = event.type.removeprefix("device.")
        doors = self._parts.get(device, set())
        for name in doors:
            door = self.all[name]
            self._mark_devices(door)
            door.at = event.time
        return set(doors)

    def _mark_devices(self, door: DoorNow) -> None:
        """Which devices of the door are away, and which come and go."""
        found: dict[str, list[str]] = {"offline": [], "unstable": []}
        for device, doors in self._parts.items():
            state = self._device_states.get(device, "online")
            if door.name in doors and state in found:
                found[state].append(device[1])
        door.away, door.unstable = tuple(sorted(found["offline"])), tuple(sorted(found["unstable"]))


def _passage(event: Event) -> Passage:
    data = event.data
    person, card = data.get("person"), data.get("credential")
    person = person if isinstance(person, Mapping) else {}
    card = card if isinstance(card, Mapping) else {}
    return Passage(
        event.seq,
        event.time,
        granted=event.type == EventType.ACCESS_GRANTED,
        who=tidy(person.get("name") or card.get("masked") or ""),
        person=str(person.get("id", "")),
        company=tidy(person.get("company", "")),
        reason=str(data.get("reason", "")),
        rule=str(data.get("rule", "")),
        way=str(data.get("way", "")),
        reader=str(data.get("reader", "")),
        count=int(data.get("count", 1)),
    )


def _adopt(door: DoorNow, told: Mapping[str, Any]) -> None:
    state = str(told.get("state", "locked"))
    door.released = told.get("released") is True
    door.open = told["open"] if isinstance(told.get("open"), bool) else None
    door.tampers = set(map(str, told.get("tampered") or ()))
    door.out_of_service = str(told.get("out_of_service") or "")
    door.waits = state == "waiting"
    if state == "forced":
        door.forced = True
    elif state not in ("out_of_service",):
        door.forced = False
    if state == "held":
        door.held = True
    elif state not in ("out_of_service", "forced"):
        door.held = False


def _look(door: DoorNow) -> tuple[object, ...]:
    return (
        door.state,
        door.open,
        door.released,
        frozenset(door.tampers),
        door.out_of_service,
        door.away,
        door.unstable,
    )
