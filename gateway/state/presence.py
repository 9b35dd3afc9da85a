"""Who is in which area, from the records alone.

In: the log's events, in order, live or read back, and movements at other gates that lead into the
same areas (gateway/uplink/peers.py).  Out: for `decide()` what is known of the area that a door
leads to; for people, who is inside and since when; for other gates, who moved here.  A grant counts
when the door's contact says that somebody went in, or at once where there is no contact or the door
stands open.  A checkpoint on disk spares reading the log from its beginning; without one that is
what happens.  Nothing here decides, and no count is ever below zero: areas are sets of people.

Where several gates say where a person is, the latest movement counts, whichever was heard first.
So gates that were cut off from each other come to the same state when each has heard the other.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gateway.config import Settings
from gateway.decide.model import AreaFacts, Place
from gateway.decide.policy import Direction, Passback, Subsystem
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.origin import chain_of
from gateway.state import presencefile
from gateway.state.movement import Link, Move, SharedAreas, Trails, Whereabouts
from gateway.state.presencefile import Checkpoint, Known, Pending
from gateway.vault.statefile import Kept, Tell, log_damage

log = logging.getLogger("garita.state.presence")

SETTLED = timedelta(minutes=2)  # a grant of which nothing more was heard counts as an entry
CHUNK = 2000


class Records(Protocol):
    """What is read of the log."""

    @property
    def last_seq(self) -> int: ...
    def after(self, seq: int, limit: int) -> list[Event]: ...
    def get(self, seq: int) -> Event | None: ...


def _none_apart(area: str) -> tuple[str, ...]:
    return ()


class Presence:
    """`doors` by name; `alone` names the areas in which one person left inside is told, `first` the
    access levels of which somebody has to enter first somewhere (None: any may be).  `shared` says
    of each area that other gates lead into as well which gates these are, `strict` names the areas
    with an anti-passback rule; `gateway` is this gate."""

    def __init__(
        self,
        doors: Mapping[str, Link],
        alone: frozenset[str] = frozenset(),
        first: frozenset[str] | None = None,
        *,
        gateway: str = "",
        shared: Mapping[str, frozenset[str]] | None = None,
        strict: frozenset[str] = frozenset(),
    ) -> None:
        self.known = True  # False: the records can't be read, so nothing is known
        self.apart: Callable[[str], tuple[str, ...]] = _none_apart
        """Which of the gates that lead into an area can't be heard now."""
        self._doors = doors
        self._alone = alone
        self._first = first
        self._gateway = gateway
        self._shared = SharedAreas(gateway, shared or {})
        self._state = Known()
        self._inside: dict[str, set[str]] = {}
        self._expected: Counter[str] = Counter()
        self._trails = Trails(strict)

    def use(self, layout: Layout) -> None:
        """Go on by another layout of the site.  Whoever is inside stays where they are; nobody
        moves by it."""
        self._doors, self._alone, self._first = layout.doors, layout.alone, layout.first
        self._trails.strict = layout.strict

    @property
    def seq(self) -> int:
        """The newest record that was taken in."""
        return self._state.seq

    @property
    def peers(self) -> dict[str, dict[str, Any]]:
        """How far the log of each other gate was read; kept with the checkpoint."""
        return self._state.peers

    # What is known

    def facts(self, door: str, direction: Direction, person: str, now: datetime) -> AreaFacts:
        """For `decide()`: the area that `door` leads to, and `person`."""
        link = self._doors.get(door)
        if link is None or not self.known:
            return AreaFacts(known=link is None)
        self.settle(now)
        seen = self._state.people.get(person)
        place = Place(seen.area, seen.since, seen.free, seen.gate) if seen is not None else None
        entered = dict(self._state.entered.get(door, {}))
        return AreaFacts(place, self.occupancy(link.leads_to(direction)), entered)

    def failing(self, door: str, direction: Direction) -> dict[Subsystem, str]:
        """For `decide()`: which gates that lead into the area behind `door` can't be heard."""
        link = self._doors.get(door)
        names = self.apart(link.leads_to(direction)) if link is not None and self._shared else ()
        return {Subsystem.PEERS: ", ".join(names)} if names else {}

    def occupancy(self, area: str) -> int:
        """How many are in `area` or on the way in."""
        inside = self._inside.get(area, set())
        coming = {
            item.person
            for pending in self._state.pending.values()
            for item in pending.values()
            if item.area == area
        }
        return len(inside | coming) + self._expected[area]

    def inside(self, area: str = "") -> Iterator[tuple[str, Whereabouts]]:
        """Who is in `area`, or in any: (person's id, what is known), longest first."""
        found = [
            (key, seen)
            for key, seen in self._state.people.items()
            if seen.area and (not area or seen.area == area)
        ]
        yield from sorted(found, key=lambda item: (item[1].area, item[1].since, item[0]))

    # What happens

    def expect(self, door: str, direction: Direction) -> str:
        """Somebody is being granted: they count in the area that is returned, until
        `expect_no_more` of it."""
        link = self._doors.get(door)
        area = link.leads_to(direction) if link is not None else ""
        if area:
            self._expected[area] += 1
        return area

    def expect_no_more(self, area: str) -> None:
        """Their grant is on record (and counts by itself), or was not made."""
        if area:
            self._expected[area] = max(0, self._expected[area] - 1)

    def apply(self, event: Event) -> list[NewEvent]:
        """Take in one record; returns what is to be told because of it.  One that was taken in
        before, or is not in its form, changes nothing."""
        if event.seq <= self._state.seq:
            return []
        self._state.seq = event.seq
        if not event.type.startswith(_OF_INTEREST):
            return []
        try:
            at = datetime.fromisoformat(event.time)
            if event.type == EventType.ACCESS_GRANTED:
                return self._granted(event, at)
            if event.type == EventType.GATEWAY_STARTED:
                self._state.open.clear()  # contacts tell anew
            if event.type == EventType.AREA_FORGIVEN:
                return self._forgiven(event.data, at)
            if event.type.startswith("door."):
                return self._door(event, at)
            if event.type == EventType.LEDGER_LATE:  # those doors stayed shut
                for pending in self._state.pending.values():
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
        item = Pending(
            str(person["id"]),
            str(person.get("name", "")),
            str(person.get("company", "")),
            link.leads_to(Direction.read(event.data.get("way"))),
            at,
            tuple(event.data.get("facts", {}).get("levels", ())),
        )
        if link.watched and door not in self._state.open:
            self._state.pending.setdefault(door, {})[event.seq] = item
            return []
        return self._enter(door, event.seq, item, at)

    def _door(self, event: Event, at: datetime) -> list[NewEvent]:
        kind, door = event.type, event.subject
        if kind in _OPENS:
            self._state.open.add(door)
        elif kind in _SHUTS:
            self._state.open.discard(door)
        told: list[NewEvent] = []
        if kind in (EventType.DOOR_ENTERED, EventType.DOOR_NO_ENTRY):
            grant = int(event.data.get("grant", 0))
            pending = self._state.pending.get(door, {})
            for seq in [seq for seq in pending if seq <= grant]:
                item = pending.pop(seq)
                if kind == EventType.DOOR_ENTERED:
                    told += self._enter(door, seq, item, at)
        # Of two who leave together, neither leaves the other behind.
        left = {area for area, people in self._inside.items() if len(people) == 1}
        return [e for e in told if e.type != EventType.AREA_ALONE or e.data["area"] in left]

    def _enter(self, door: str, seq: int, item: Pending, at: datetime) -> list[NewEvent]:
        levels = [n for n in item.levels if self._first is None or n in self._first]
        if levels:
            self._state.entered.setdefault(door, {}).update(dict.fromkeys(levels, at))
        link = self._doors[door]
        if not link.area and not link.from_area:
            return []
        told = self._tell_others(door, seq, item, at) if self._shared else []
        return told + self._move(item.person, Whereabouts(item.name, item.company, item.area, at))

    def _move(self, person: str, seen: Whereabouts) -> list[NewEvent]:
        """Somebody moved here, as far as no other gate saw them later."""
        before = self._state.people.get(person)
        if before is not None and before.gate and not self._shared.later(seen, before):
            return []
        self._put(person, seen)
        if before is None or before.area == seen.area or before.area not in self._alone:
            return []
        left = self._inside.get(before.area, set())
        if len(left) != 1:
            return []
        last = next(iter(left))
        name = self._state.people[last].name
        return [NewEvent(EventType.AREA_ALONE, last, {"area": before.area, "name": name})]

    def _put(self, person: str, seen: Whereabouts) -> None:
        before = self._state.people.get(person)
        self._state.people[person] = seen
        if before is not None and before.area:
            self._inside.get(before.area, set()).discard(person)
        if seen.area:
            self._inside.setdefault(seen.area, set()).add(person)

    def _forgiven(self, data: Mapping[str, Any], at: datetime) -> list[NewEvent]:
        person = data.get("person")
        self._trails.forget(None if person is None else str(person))
        for key in [person] if person is not None else list(self._state.people):
            seen = self._state.people.get(str(key))
            if seen is None:
                continue
            if data.get("left"):
                self._move(str(key), Whereabouts(seen.name, seen.company, "", at, free=True))
            else:
                self._state.people[str(key)] = replace(seen, free=True)
        return []

    def settle(self, now: datetime) -> None:
        """Grants of which nothing more was heard: for whoever counts heads, they are inside."""
        for door, pending in self._state.pending.items():
            for seq in [seq for seq, item in pending.items() if now - item.at > SETTLED]:
                item = pending.pop(seq)
                self._enter(door, seq, item, item.at)

    # Areas that several gates lead into

    def _tell_others(self, door: str, seq: int, item: Pending, at: datetime) -> list[NewEvent]:
        came_from = self._doors[door].other_side(item.area)
        if item.area not in self._shared and came_from not in self._shared:
            return []
        before = self._state.people.get(item.person)
        apart = {*self.apart(item.area), *self.apart(came_from)}
        move = Move(
            gate=self._gateway,
            person=item.person,
            name=item.name,
            company=item.company,
            area=item.area,
            came_from=came_from,
            was=before.area if before is not None else None,
            at=at,
            door=door,
            grant=seq,
            apart=tuple(sorted(apart)),
        )
        self._state.untold[move.id] = move
        return list(self._trails.add(move))

    def untold(self) -> list[NewEvent]:
        """Movements for other gates that are not on record yet."""
        return [move.event() for move in self._state.untold.values()]

    def told(self, event_id: str) -> None:
        self._state.untold.pop(event_id, None)

    def tell_anew(self) -> None:
        """Have told where everybody is who is inside; what is on record already is told once."""
        for key, seen in self._state.people.items():
            if seen.area in self._shared and not seen.gate:
                move = Move(
                    self._gateway, key, seen.name, seen.company, seen.area, "", None, seen.since
                )
                self._state.untold.setdefault(move.id, move)

    def take(self, move: Move) -> list[NewEvent]:
        """A movement at another gate, in whichever order they are heard; returns what contradicts
        it.  Areas that are not shared with that gate are not its business."""
        areas = self._shared.of(move.gate)
        if not {move.area, move.came_from} & areas:
            return []
        area = move.area if move.area in areas else ""
        free = self._shared.pardoned(move)
        seen = Whereabouts(move.name, move.company, area, move.at, free, move.gate, move.seq)
        before = self._state.people.get(move.key)
        if before is None or self._shared.later(seen, before):
            self._put(move.key, seen)
        return list(self._trails.add(replace(move, area=area)))

    def pardon(self, gate: str, person: str | None, at: datetime, *, left: bool) -> None:
        """Another gate forgave a person, or everybody (None), in the areas that it shares."""
        areas = {"", *self._shared.of(gate)}
        self._trails.forget(person)
        self._shared.pardon(person, at)
        for one in [person] if person is not None else list(self._state.people):
            seen = self._state.people.get(one)
            if seen is None or seen.area not in areas or seen.since > at:
                continue
            if left:
                self._put(one, replace(seen, area="", since=at, free=True))
            else:
                self._state.people[one] = replace(seen, free=True)

    # The checkpoint

    def checkpoint(self, chain: str) -> Checkpoint:
        """Everything as it is now, for `save`; `chain` names the log that it is of."""
        return presencefile.checkpoint(self._state, chain)

    def _load(self, known: Known) -> None:
        self._state = known
        self._inside = {}
        for key, seen in self._state.people.items():
            if seen.area:
                self._inside.setdefault(seen.area, set()).add(key)

    def restore(
        self, path: Path, records: Records, tell: Tell = log_damage, *, mend: bool = False
    ) -> int:
        """From the checkpoint, or without a good one from the log's beginning, to the newest
        record; returns how many records were read.  With `mend` a damaged checkpoint is put aside:
        the daemon alone does that.  Raises what `records` raises."""
        file = presencefile.of(path, chain_of(records), records.last_seq, tell)
        try:
            kept = file.restore(otherwise="from_log") if mend else file.read()
        except OSError as error:
            kept = Kept(damage=str(error))
        if kept.value is not None:
            self._load(kept.value)
        elif kept.damage:
            log.error("%s: the log is read from its beginning", kept.damage)
        else:
            log.info("no checkpoint of who is inside: the log is read from its beginning")
        count = 0
        while events := records.after(self.seq, CHUNK):
            for event in events:
                self.apply(event)
                self._state.seq = event.seq
            count += len(events)
        return count


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


@dataclass(frozen=True, slots=True)
class Layout:
    """What presence has to know of a site's doors and areas; the fields are those of `Presence`."""

    doors: Mapping[str, Link]
    alone: frozenset[str]
    first: frozenset[str]
    strict: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Layout:
        """That of a configuration."""
        areas = settings.site.areas
        first = frozenset(schedule.first_in for schedule in settings.site.schedules.values())
        return cls(
            {
                name: Link(door.area, door.from_area, door.contact is not None)
                for name, door in settings.tables.doors.items()
            },
            frozenset(name for name, area in areas.items() if area.alone),
            first - {""},
            frozenset(name for name, area in areas.items() if area.passback is not Passback.OFF),
        )


def new_presence(settings: Settings) -> Presence:
    """Who is inside, as far as nothing is known yet."""
    layout, areas = Layout.of(settings), settings.tables.areas
    return Presence(
        layout.doors,
        layout.alone,
        layout.first,
        gateway=settings.site.gateway,
        shared={name: frozenset(area.shared) for name, area in areas.items() if area.shared},
        strict=layout.strict,
    )
