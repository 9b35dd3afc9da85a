"""Who is in which area, from the records alone.

In: the log's events, in order, live or read back.  Out: for `decide()` what is known of the area
that a door leads to; for people, who is inside and since when.  A grant counts when the door's
contact says that somebody went in, or at once where there is no contact or the door stands open.
A checkpoint on disk spares reading the log from its beginning; without one that is what happens.
Nothing here decides, and no count is ever below zero: areas are sets of people.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gateway.config import Settings
from gateway.decide.model import AreaFacts, Place
from gateway.decide.policy import Direction
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.origin import chain_of
from gateway.vault.files import write_whole

log = logging.getLogger("garita.state.presence")

SETTLED = timedelta(minutes=2)  # a grant of which nothing more was heard counts as an entry
CHUNK = 2000


class Records(Protocol):
    """What is read of the log."""

    @property
    def last_seq(self) -> int: ...
    def after(self, seq: int, limit: int) -> list[Event]: ...
    def get(self, seq: int) -> Event | None: ...


@dataclass(frozen=True, slots=True)
class Link:
    """What a door joins: it leads from `from_area` into `area`; `watched`: it has a contact."""

    area: str = ""
    from_area: str = ""
    watched: bool = False

    def leads_to(self, direction: Direction) -> str:
        return self.from_area if direction is Direction.OUT else self.area


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A person as the records have them; `area` "" is outside."""

    name: str
    company: str
    area: str
    since: datetime
    free: bool = False


@dataclass(frozen=True, slots=True)
class _Pending:
    """A grant that the door has not confirmed yet."""

    person: str
    name: str
    company: str
    area: str
    at: datetime
    levels: tuple[str, ...]


class Presence:
    """`doors` by name; `alone` names the areas in which one person left inside is told, `first` the
    access levels of which somebody has to enter first somewhere (None: any may be)."""

    def __init__(
        self,
        doors: Mapping[str, Link],
        alone: frozenset[str] = frozenset(),
        first: frozenset[str] | None = None,
    ) -> None:
        self.seq = 0
        self.known = True  # False: the records can't be read, so nothing is known
        self.damage = ""  # what was wrong with the checkpoint at the start, if anything
        self._doors = doors
        self._alone = alone
        self._first = first
        self._people: dict[str, Whereabouts] = {}
        self._inside: dict[str, set[str]] = {}
        self._pending: dict[str, dict[int, _Pending]] = {}
        self._expected: Counter[str] = Counter()
        self._open: set[str] = set()
        self._entered: dict[str, dict[str, datetime]] = {}

    # What is known

    def facts(self, door: str, direction: Direction, person: str, now: datetime) -> AreaFacts:
        """For `decide()`: the area that `door` leads to, and `person`."""
        link = self._doors.get(door)
        if link is None or not self.known:
            return AreaFacts(known=link is None)
        self.settle(now)
        seen = self._people.get(person)
        place = Place(seen.area, seen.since, seen.free) if seen is not None else None
        entered = dict(self._entered.get(door, {}))
        return AreaFacts(place, self.occupancy(link.leads_to(direction)), entered)

    def occupancy(self, area: str) -> int:
        """How many are in `area` or on the way in."""
        inside = self._inside.get(area, set())
        coming = {
            item.person
            for pending in self._pending.values()
            for item in pending.values()
            if item.area == area
        }
        return len(inside | coming) + self._expected[area]

    def inside(self, area: str = "") -> Iterator[tuple[str, Whereabouts]]:
        """Who is in `area`, or in any: (person's id, what is known), longest first."""
        found = [
            (key, seen)
            for key, seen in self._people.items()
            if seen.area and (not area or seen.area == area)
        ]
        yield from sorted(found, key=lambda item: (item[1].area, item[1].since, item[0]))

    # What happens

    def expect(self, door: str, direction: Direction) -> None:
        """Somebody is being granted: they count until `expect_no_more`."""
        link = self._doors.get(door)
        if link is not None and (area := link.leads_to(direction)):
            self._expected[area] += 1

    def expect_no_more(self, door: str, direction: Direction) -> None:
        """Their grant is on record (and counts by itself), or was not made."""
        link = self._doors.get(door)
        if link is not None and (area := link.leads_to(direction)):
            self._expected[area] = max(0, self._expected[area] - 1)

    def apply(self, event: Event) -> list[NewEvent]:
        """Take in one record; returns what is to be told because of it.  One that was taken in
        before, or is not in its form, changes nothing."""
        if event.seq <= self.seq:
            return []
        self.seq = event.seq
        if not event.type.startswith(_OF_INTEREST):
            return []
        try:
            at = datetime.fromisoformat(event.time)
            if event.type == EventType.ACCESS_GRANTED:
                return self._granted(event, at)
            if event.type == EventType.GATEWAY_STARTED:
                self._open.clear()  # contacts tell anew
            if event.type == EventType.AREA_FORGIVEN:
                return self._forgiven(event.data, at)
            if event.type.startswith("door."):
                return self._door(event, at)
            if event.type == EventType.LEDGER_LATE:  # those doors stayed shut
                for pending in self._pending.values():
                    for seq in event.data["seqs"]:
                        pending.pop(seq, None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.error("record %d is not in its form: %s", event.seq, error)
        return []

    def _granted(self, event: Event, at: datetime) -> list[NewEvent]:
        door, person = str(event.data["door"]), event.data.get("person")
        link = self._doors.get(door)
        if link is None or person is None:
            return []
        item = _Pending(
            str(person["id"]),
            str(person.get("name", "")),
            str(person.get("company", "")),
            link.leads_to(Direction.read(event.data.get("way"))),
            at,
            tuple(event.data.get("facts", {}).get("levels", ())),
        )
        if link.watched and door not in self._open:
            self._pending.setdefault(door, {})[event.seq] = item
            return []
        return self._enter(door, item, at)

    def _door(self, event: Event, at: datetime) -> list[NewEvent]:
        kind, door = event.type, event.subject
        if kind in _OPENS:
            self._open.add(door)
        elif kind in _SHUTS:
            self._open.discard(door)
        told: list[NewEvent] = []
        if kind in (EventType.DOOR_ENTERED, EventType.DOOR_NO_ENTRY):
            grant = int(event.data.get("grant", 0))
            pending = self._pending.get(door, {})
            for seq in [seq for seq in pending if seq <= grant]:
                item = pending.pop(seq)
                if kind == EventType.DOOR_ENTERED:
                    told += self._enter(door, item, at)
        # Of two who leave together, neither leaves the other behind.
        return [e for e in told if len(self._inside.get(str(e.data["area"]), ())) == 1]

    def _enter(self, door: str, item: _Pending, at: datetime) -> list[NewEvent]:
        levels = [n for n in item.levels if self._first is None or n in self._first]
        if levels:
            self._entered.setdefault(door, {}).update(dict.fromkeys(levels, at))
        link = self._doors[door]
        if not link.area and not link.from_area:
            return []
        return self._move(item.person, Whereabouts(item.name, item.company, item.area, at))

    def _move(self, person: str, seen: Whereabouts) -> list[NewEvent]:
        before = self._people.get(person)
        self._people[person] = seen
        if before is not None and before.area:
            self._inside.get(before.area, set()).discard(person)
        if seen.area:
            self._inside.setdefault(seen.area, set()).add(person)
        if before is None or before.area == seen.area or before.area not in self._alone:
            return []
        left = self._inside.get(before.area, set())
        if len(left) != 1:
            return []
        last = next(iter(left))
        name = self._people[last].name
        return [NewEvent(EventType.AREA_ALONE, last, {"area": before.area, "name": name})]

    def _forgiven(self, data: Mapping[str, Any], at: datetime) -> list[NewEvent]:
        person = data.get("person")
        for key in [person] if person is not None else list(self._people):
            seen = self._people.get(str(key))
            if seen is None:
                continue
            if data.get("left"):
                self._move(str(key), Whereabouts(seen.name, seen.company, "", at, free=True))
            else:
                self._people[str(key)] = replace(seen, free=True)
        return []

    def settle(self, now: datetime) -> None:
        """Grants of which nothing more was heard: for whoever counts heads, they are inside."""
        for door, pending in self._pending.items():
            for seq in [seq for seq, item in pending.items() if now - item.at > SETTLED]:
                item = pending.pop(seq)
                self._enter(door, item, item.at)

    # The checkpoint

    def checkpoint(self, chain: str) -> Checkpoint:
        """Everything as it is now, for `save`; `chain` names the log that it is of."""
        header = {
            "chain": chain,
            "seq": self.seq,
            "pending": [
                [
                    door,
                    seq,
                    item.person,
                    item.name,
                    item.company,
                    item.area,
                    item.at.isoformat(),
                    list(item.levels),
                ]
                for door, items in self._pending.items()
                for seq, item in items.items()
            ],
            "open": sorted(self._open),
            "entered": {
                door: {level: at.isoformat() for level, at in levels.items()}
                for door, levels in self._entered.items()
            },
            "people": len(self._people),
        }
        return Checkpoint(header, list(self._people.items()))

    def _load(self, text: str, chain: str, last_seq: int) -> None:
        """Raises ValueError (or what nonsense raises) for a checkpoint that is not of this log;
        then nothing was taken over."""
        head, *lines = text.splitlines()
        data = json.loads(head)
        seq = int(data["seq"])
        if data["chain"] != chain or not 0 < seq <= last_seq:
            raise ValueError("not of this log")
        people = {}
        for key, name, company, area, since, free in map(json.loads, lines):
            at = datetime.fromisoformat(since)
            people[str(key)] = Whereabouts(str(name), str(company), str(area), at, bool(free))
        if len(people) != data["people"]:
            raise ValueError("cut off")
        pending: dict[str, dict[int, _Pending]] = {}
        for door, number, person, name, company, area, at, levels in data["pending"]:
            when = datetime.fromisoformat(at)
            item = _Pending(person, name, company, area, when, tuple(levels))
            pending.setdefault(str(door), {})[int(number)] = item
        entered = {
            str(door): {str(level): datetime.fromisoformat(at) for level, at in levels.items()}
            for door, levels in data["entered"].items()
        }
        self._people, self._pending, self._entered = people, pending, entered
        self._open, self.seq = set(map(str, data["open"])), seq
        self._inside = {}
        for key, seen in people.items():
            if seen.area:
                self._inside.setdefault(seen.area, set()).add(key)

    def restore(self, path: Path, records: Records) -> int:
        """From the checkpoint, or without a good one from the log's beginning, to the newest
        record; returns how many records were read.  Raises what `records` raises."""
        chain, last = chain_of(records), records.last_seq
        try:
            self._load(path.read_text("utf-8"), chain, last)
        except FileNotFoundError:
            log.info("no checkpoint of who is inside: the log is read from its beginning")
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
        ) as error:
            self.damage = str(error) or type(error).__name__
            log.error("%s can't be used (%s): the log is read from its beginning", path, error)
        count = 0
        while events := records.after(self.seq, CHUNK):
            for event in events:
                self.apply(event)
                self.seq = event.seq
            count += len(events)
        return count


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of `Presence`; lines of JSON, so that writing many people holds nobody up."""

    header: Mapping[str, Any]
    people: list[tuple[str, Whereabouts]]

    def save(self, path: Path) -> None:
        """Write it whole or not at all; for a thread.  Raises OSError."""
        lines: list[Any] = [self.header]
        lines += [
            [key, seen.name, seen.company, seen.area, seen.since.isoformat(), seen.free]
            for key, seen in self.people
        ]
        write_whole(path, [json.dumps(line, ensure_ascii=True).encode() + b"\n" for line in lines])


_OF_INTEREST = (
    EventType.ACCESS_GRANTED,
    EventType.AREA_FORGIVEN,
    "door.",
    EventType.LEDGER_LATE,
    EventType.GATEWAY_STARTED,
)
_OPENS = (
    EventType.DOOR_ENTERED,
    EventType.DOOR_EXIT,
    EventType.DOOR_OPENED,
    EventType.DOOR_FOUND_OPEN,
    EventType.DOOR_FORCED,
)
_SHUTS = (EventType.DOOR_CLOSED, EventType.DOOR_FORCED_CLEARED, EventType.DOOR_HELD_CLEARED)


def muster(presence: Presence, area: str = "") -> list[dict[str, Any]]:
    """Who is inside, for a list: longest first within each area."""
    presence.settle(datetime.now(UTC))
    return [
        {
            "area": seen.area,
            "person": key,
            "name": seen.name,
            "company": seen.company,
            "since": seen.since.isoformat(timespec="seconds"),
            "forgiven": seen.free,
        }
        for key, seen in presence.inside(area)
    ]


def new_presence(settings: Settings) -> Presence:
    """Who is inside, as far as nothing is known yet."""
    doors = {
        name: Link(door.area, door.from_area, door.contact is not None)
        for name, door in settings.tables.doors.items()
    }
    alone = frozenset(name for name, area in settings.site.areas.items() if area.alone)
    first = frozenset(schedule.first_in for schedule in settings.site.schedules.values())
    return Presence(doors, alone, first - {""})
