"""Who moved where, at this gate or at another one that leads into the same area.

A `Move` is what gates tell each other (`area.moved` in the log).  Two gates that can't hear each
other decide alone, and each may let in the same person.  When they hear each other again, `Trails`
finds what does not fit: a movement that was decided without knowing the one before it.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from gateway.decide.policy import Direction
from gateway.ledger.event import EventType, NewEvent

TRAIL = 4  # movements of one person that are kept to find contradictions
LONGEST_TEXT = 300
_VISITOR = "visit-"  # ids that a gate gives to its own visitors (gateway/desk/visits/visit.py)


@dataclass(frozen=True, slots=True)
class Link:
    """What a door joins: it leads from `from_area` into `area`; `watched`: it has a contact."""

    area: str = ""
    from_area: str = ""
    watched: bool = False

    def leads_to(self, direction: Direction) -> str:
        return self.from_area if direction is Direction.OUT else self.area

    def other_side(self, area: str) -> str:
        """Where somebody comes from who passes into `area`."""
        return self.area if area == self.from_area else self.from_area


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A person as the records have them; `area` "" is outside.  `gate` is another gate whose record
    `seq` says so, "" if it is a record of this one."""

    name: str
    company: str
    area: str
    since: datetime
    free: bool = False
    gate: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """`person` passed from `came_from` into `area` (either may be "", outside) at the time `at`.

    `gate` is where, `door` and the record `grant` by what.  `was` is where that gate held them to
    be until then; None: it did not know them.  `apart` names the gates that it could not hear.
    """

    gate: str
    person: str
    name: str
    company: str
    area: str
    came_from: str
    was: str | None
    at: datetime
    door: str = ""
    grant: int = 0
    seq: int = 0
    apart: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same for the same movement, however often it is told."""
        parts = (self.gate, self.person, self.area, self.at.isoformat())
        return "moved-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    @property
    def key(self) -> str:
        """Whom presence counts.  Visitors have numbers of their gate's own, people of the list have
        the same id at all gates."""
        return f"{self.gate}/{self.person}" if self.person.startswith(_VISITOR) else self.person

    def event(self) -> NewEvent:
        """As the log has it."""
        data: dict[str, Any] = {
            "area": self.area,
            "from": self.came_from,
            "was": self.was,
            "at": self.at.isoformat(),
            "door": self.door,
            "grant": self.grant,
            "name": self.name,
            "company": self.company,
        }
        if self.apart:
            data["apart"] = list(self.apart)
        return NewEvent(EventType.AREA_MOVED, self.person, data, id=self.id)

    @classmethod
    def read(cls, gate: str, seq: int, person: str, data: Mapping[str, Any]) -> Move:
        """What the record `seq` of another gate says.  Raises KeyError, TypeError or ValueError if
        it is not in its form."""
        at = datetime.fromisoformat(data["at"])
        if at.tzinfo is None:
            raise ValueError("a time without its zone")
        texts = [data[key] for key in ("area", "from", "door", "name", "company")]
        was = data["was"]
        for text in (person, *texts, *(() if was is None else (was,))):
            if not isinstance(text, str) or len(text) > LONGEST_TEXT:
                raise TypeError("a text is missing, or too long")
        if not person:
            raise ValueError("nobody moved")
        area, came_from, door, name, company = texts
        apart = tuple(str(one)[:64] for one in list(data.get("apart", ()))[:32])
        grant = int(data.get("grant", 0))
        return cls(gate, person, name, company, area, came_from, was, at, door, grant, seq, apart)


class SharedAreas:
    """The areas that other gates lead into as well, and what those gates need to know of here.

    `gates` says of each such area which other gates lead into it; `me` is this gate.
    """

    def __init__(self, me: str, gates: Mapping[str, frozenset[str]]) -> None:
        self._me = me
        self._gates = dict(gates)
        self._pardons: dict[str, datetime] = {}  # by other gates; "" is everybody

    def __contains__(self, area: str) -> bool:
        return area in self._gates

    def __bool__(self) -> bool:
        return bool(self._gates)

    def of(self, gate: str) -> frozenset[str]:
        """The areas that are shared with `gate`."""
        return frozenset(area for area, gates in self._gates.items() if gate in gates)

    def pardon(self, person: str | None, at: datetime) -> None:
        """Another gate forgave a person, or everybody (None)."""
        key = person or ""
        self._pardons[key] = max(at, self._pardons.get(key, at))

    def pardoned(self, move: Move) -> bool:
        """Whether the person was forgiven after that movement."""
        pardons = (self._pardons.get(key) for key in (move.key, ""))
        return any(at is not None and move.at <= at for at in pardons)

    def later(self, one: Whereabouts, other: Whereabouts) -> bool:
        """Whether `one` is the later of two; records of one gate have their order, and the clocks
        of two gates give it."""
        if one.gate and one.gate == other.gate:
            return one.seq > other.seq
        return (one.since, one.gate or self._me) > (other.since, other.gate or self._me)


class Trails:
    """The last movements of each person in areas that several gates lead into, in the order in
    which they happened, whichever order they are heard in."""

    def __init__(self, strict: frozenset[str]) -> None:
        """`strict` names the areas in which a second entry without an exit matters."""
        self.strict = strict
        self._trails: dict[str, list[tuple[datetime, str, str, Move]]] = {}

    def add(self, move: Move) -> Iterator[NewEvent]:
        """Take in a movement; gives what contradicts it."""
        trail = self._trails.setdefault(move.key, [])
        entry = (move.at, move.gate, move.id, move)
        if any(one[:3] == entry[:3] for one in trail):
            return
        insort(trail, entry)
        at = trail.index(entry)
        around = [one[3] for one in trail[max(0, at - 1) : at + 2]]
        del trail[:-TRAIL]
        for first, second in pairwise(around):
            if self._contradict(first, second):
                yield _contradiction(first, second)

    def forget(self, person: str | None) -> None:
        """An operator forgave a person (None: everybody): what was before does not matter."""
        if person is None:
            self._trails.clear()
        else:
            self._trails.pop(person, None)

    def _contradict(self, first: Move, second: Move) -> bool:
        """Whether `second` was decided without knowing `first`, and does not fit it."""
        if first.gate == second.gate or second.was == first.area:
            return False
        entered_twice = bool(second.area) and second.area == first.area
        left_twice = second.came_from in self.strict and first.area != second.came_from
        return (entered_twice and second.area in self.strict) or left_twice


def _contradiction(first: Move, second: Move) -> NewEvent:
    data = {
        "name": second.name,
        "company": second.company,
        "area": second.area or second.came_from,
        "first_gate": first.gate,
        "first_area": first.area,
        "first_at": first.at.isoformat(),
        "second_gate": second.gate,
        "second_area": second.area,
        "second_at": second.at.isoformat(),
        "apart": sorted({*first.apart, *second.apart}),
    }
    mark = hashlib.sha256(f"{first.id}\0{second.id}".encode()).hexdigest()[:32]
    return NewEvent(EventType.AREA_CONTRADICTION, second.person, data, id=f"contradiction-{mark}")
