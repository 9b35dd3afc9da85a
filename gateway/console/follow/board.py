"""What the live page shows, as values: kept for all browsers at once, and told in parts.

In: the records of the log as they come (`take`), and the daemon's answers (`adopt`).  Out: the
names of the parts that changed after a version, so that a browser that fell behind gets each part
once, as it is now, however much happened.  A part is a door's tile, the people who wait, who is
inside, the state of the gateway.  Other screens add theirs (`register`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.config import Settings
from gateway.console.follow.doors import Doors
from gateway.console.follow.topics import topics_of
from gateway.console.follow.waiting import Waiting
from gateway.ledger.event import Event, EventType

NEWS = 400
"""So many records are kept for browsers that come back; a page shows fewer."""

WAITING, INSIDE, GATE = "waiting", "inside", "gate"
DOOR = "door:"

QUIET = frozenset(
    {
        EventType.DOOR_LOCKED,
        EventType.DOOR_REX,
        EventType.DOOR_UNLOCKED,
        EventType.LEDGER_ARCHIVED,
        EventType.LEDGER_CHECKPOINT,
        EventType.PEOPLE_SYNCED_PART,
        EventType.TABLES_MARKED,
    }
)
"""What the feed leaves out: a guard can do nothing with it.  The records' page has everything."""

_MOVES = (
    EventType.ACCESS_GRANTED,
    EventType.AREA_FORGIVEN,
    EventType.AREA_MOVED,
    EventType.DOOR_ENTERED,
    EventType.DOOR_NO_ENTRY,
)
_STARTS = (EventType.GATEWAY_STARTED, EventType.GATEWAY_STOPPED)


@dataclass(slots=True)
class Gate:
    """The gateway itself.  `answers`: its socket does; None: nobody asked yet.  `as_of` is when it
    last did (UTC)."""

    answers: bool | None = None
    as_of: datetime | None = None
    threat: str = ""
    clock_trusted: bool = True
    log_written: bool = True
    log_read: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extra:
    """A part that another screen adds: it is rendered anew when one of `topics` changed."""

    name: str
    topics: frozenset[str]
    render: Callable[[Any], str]
    """Takes the `View` (gateway/console/follow/view.py) for which it is."""


class Board:
    """The state of the live page.  All methods are for the event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        tables = settings.tables
        self.settings = settings
        watched = {name: door.contact is not None for name, door in tables.doors.items()}
        parts = {name: tuple(_devices(door)) for name, door in tables.doors.items()}
        self.doors = Doors(watched, parts)
        self.waiting = Waiting(tables.health.confirm_s)
        self.gate = Gate()
        self.inside: dict[str, int | None] = dict.fromkeys(tables.areas)
        """How many are in each area; None: nobody has said yet."""
        self.news: deque[Event] = deque(maxlen=NEWS)
        self.seq = 0
        self.version = 1
        self._from = 0  # the first record from which on `news` is complete
        self.stale = True
        """Whether the daemon has to be asked, because something it alone knows has changed."""
        self.extras: dict[str, Extra] = {}
        doors = (DOOR + door for door in tables.doors)
        self._changed = dict.fromkeys((*doors, WAITING, INSIDE, GATE), (1, ""))

    def register(self, extra: Extra) -> None:
        """Add a part of another screen."""
        self.extras[extra.name] = extra
        self.mark(extra.name)

    def mark(self, part: str, at: str = "") -> None:
        """`part` looks different now, because of a record of the time `at`."""
        self.version += 1
        self._changed[part] = (self.version, at)

    def changed(self, have: int) -> dict[str, tuple[int, str]]:
        """The parts that changed after the version `have`: version and time of the record."""
        return {part: made for part, made in self._changed.items() if made[0] > have}

    def take(self, events: Sequence[Event]) -> None:
        """New records, in order."""
        if events and events[0].seq <= self.seq:
            self._begin_anew()
        if events and not self._from:
            self._from = events[0].seq
        for event in events:
            self._take(event)

    def adopt(self, status: Mapping[str, Any], waiting: Iterable[Mapping[str, Any]]) -> None:
        """What the daemon says of itself."""
        before = self._gate_look()
        if self.gate.answers is False:
            self.mark(INSIDE)
        self.gate.answers, self.gate.as_of = True, datetime.now(UTC)
        self.gate.threat = str((status.get("threat") or {}).get("level", ""))
        self.gate.clock_trusted = bool(status.get("clock_trusted", True))
        self.gate.log_written = bool((status.get("ledger") or {}).get("ok", True))
        self.gate.status = status
        if self._gate_look() != before:
            self.mark(GATE)
        for door in self.doors.adopt(status):
            self.mark(DOOR + door)
        if self.seq <= int(status.get("last_seq", 0)) and self.waiting.adopt(waiting):
            self.mark(WAITING)
        areas = status.get("areas") or {}
        self._count({name: int(areas.get(name, {}).get("inside", 0)) for name in self.inside})

    def silent(self, kept: Mapping[str, int]) -> None:
        """The daemon does not answer; `kept` is what its files say of who is inside, if they say
        anything."""
        if self.gate.answers is not False:
            self.gate.answers = False
            self.mark(GATE)
            self.mark(INSIDE)
        if kept:
            self._count({name: kept.get(name, 0) for name in self.inside})

    def _count(self, inside: Mapping[str, int]) -> None:
        if inside != self.inside:
            self.inside = dict(inside)
            self.mark(INSIDE, self.news[-1].time if self.news else "")

    def unread(self, why: str) -> None:
        """The log can't be read, because of `why`; "": it can again."""
        if why != self.gate.log_read:
            self.gate.log_read = why
            self.mark(GATE)

    def pass_time(self, now: datetime) -> None:
        """Waits that are over end."""
        end = self.waiting.next_end
        if end is not None and end <= now:
            self.waiting.all(now)
            self.mark(WAITING)

    def news_after(self, seq: int) -> tuple[list[Event], int]:
        """The records for the feed after `seq`, oldest first, and how many after `seq` are not kept
        here any more, so that a browser shows where its feed has a gap."""
        found = [event for event in self.news if event.seq > seq]
        left = self._from - seq - 1 if seq else 0
        return found, max(0, left)

    def _take(self, event: Event) -> None:
        self.seq = event.seq
        for door in self.doors.apply(event):
            self.mark(DOOR + door, event.time)
        if self.waiting.apply(event):
            self.mark(WAITING, event.time)
        if event.type in _MOVES or event.type in _STARTS or event.type.startswith("device."):
            self.stale = True
        if event.type in _STARTS:
            self.mark(GATE, event.time)
        topics = topics_of(event)
        for extra in self.extras.values():
            if topics & extra.topics:
                self.mark(extra.name, event.time)
        if event.type not in QUIET:
            if len(self.news) == NEWS:
                self._from = self.news[0].seq + 1
            self.news.append(event)

    def _begin_anew(self) -> None:
        """The log is another one than before: what it said counts no more."""
        self.doors.seq = self._from = 0
        self.news.clear()
        self.stale = True

    def _gate_look(self) -> tuple[object, ...]:
        gate = self.gate
        return gate.answers, gate.threat, gate.clock_trusted, gate.log_written, gate.log_read


def _devices(door: Any) -> Iterable[tuple[str, str]]:
    """The devices that a door needs, by kind and name."""
    yield "lock", door.lock
    yield "reader", door.reader
    if door.reader_out is not None:
        yield "reader", door.reader_out
    if door.camera is not None:
        yield "camera", door.camera
    for ref in (door.contact, door.rex, door.fire):
        if ref is not None:
            yield "inputs", ref.device
