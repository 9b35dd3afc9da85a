"""The inspections of trucks as the records tell them: who looked at what, when, and what was found.

Two topics stand on it: inspections, and pests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from gateway.desk.errors import DeskError
from gateway.desk.freight import checklists
from gateway.evidence.handling import ENDS, Handled, Way
from gateway.evidence.model import Place, When
from gateway.evidence.taking import Taker, inner, number, real, text, texts, who
from gateway.evidence.trucks import OVER, ByTruck, flag, supervisor
from gateway.ledger.event import Event, EventType
from gateway.locale import choose

_CARGO = frozenset({EventType.FREIGHT_LOADING, EventType.FREIGHT_DEPARTED})


@dataclass(slots=True)
class Look:
    """One checklist answered for one unit.  `began` says where in time its first record lies,
    `bad` has the points that were not good with their notes."""

    number: int
    checklist: str
    unit: str
    began: When
    begun_at: str
    finished_at: str = ""
    took_s: float | None = None
    points: dict[str, str] = field(default_factory=dict)
    bad: dict[str, tuple[str, str]] = field(default_factory=dict)
    inspectors: list[str] = field(default_factory=list)
    persons: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    camera: str = ""
    pictures: int = 0
    signed_by: str = ""
    signer: tuple[str, str] = ("", "")
    signed_at: str = ""
    records: list[int] = field(default_factory=list)

    def about(self, pests: bool) -> str:
        """The finding of what is bad in it, as the desk names it."""
        where = f"{self.checklist} {self.unit}" if self.unit else self.checklist
        code = "pests_found" if pests else "checklist_failed"
        return f"{code}:{where} #{self.number}: {', '.join(self.bad)}"


@dataclass(slots=True)
class Truck:
    """A truck with its inspections in order.  `early` is the first record of cargo that moved, or
    of a departure with a trailer, while no inspection was finished."""

    truck: int
    units: list[str] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    early: tuple[str, int] | None = None
    way: Way = field(default_factory=Way)

    def mended(self, look: Look) -> str:
        """When a later inspection of the same was signed that found nothing; "" if none was."""
        for one in self.looks.values():
            same = (one.checklist, one.unit) == (look.checklist, look.unit)
            if same and one.number > look.number and one.signed_at and not one.bad:
                return one.signed_at
        return ""

    def _released(self, look: Look, pests: bool) -> str:
        """The finding of this inspection that a release names, however its points stand in it; a
        release that names no inspection covers those before it."""
        code = "pests_found:" if pests else "checklist_failed:"
        mine = [key for key in self.way.released if key.startswith(code)]
        exact = [key for key in mine if f" #{look.number}: " in key]
        older = [key for key in mine if "#" not in key]
        later = [key for key in older if self.way.released[key].at >= look.begun_at]
        return next(iter((*exact, *later)), "")

    def became(self, look: Look, pests: bool) -> Handled:
        """What was done about what it found."""
        key = self._released(look, pests) or look.about(pests)
        if key in self.way.released or self.mended(look) or self.way.ended != "departed":
            return self.way.of(key, self.mended(look))
        return Handled(open=True)


class Looks(Taker):
    """Takes the records of inspections, those from before the span for what was not over then."""

    reads: ClassVar[frozenset[EventType]] = (
        frozenset(
            {
                EventType.FREIGHT_ARRIVED,
                EventType.FREIGHT_HOOKED,
                EventType.FREIGHT_INSPECTED,
                EventType.FREIGHT_SIGNED,
            }
        )
        | _CARGO
        | ENDS
    )
    before: ClassVar[frozenset[EventType]] = reads

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.trucks = ByTruck(Truck)
        table = place.settings.tables.freight
        try:
            self.lists = checklists.load(table.checklists, table.checklist_set).lists
        except DeskError:  # the site's file is damaged: ours has the lists that most records name
            self.lists = checklists.load().lists

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        truck = self.trucks.of(event)
        if event.type in (EventType.FREIGHT_ARRIVED, EventType.FREIGHT_HOOKED):
            truck.units = texts(data, "units")
        if event.type == EventType.FREIGHT_INSPECTED:
            _looked(truck, event, when)
        elif event.type == EventType.FREIGHT_SIGNED:
            _signed(truck, event)
        finished = any(one.finished_at for one in truck.looks.values())
        moves = event.type == EventType.FREIGHT_LOADING or (
            event.type == EventType.FREIGHT_DEPARTED and truck.units
        )
        if moves and when is When.INSIDE and not finished and truck.early is None:
            truck.early = (event.time, event.seq)
        if event.type in ENDS:
            truck.way.take(event)
        if event.type in OVER:
            if when is When.BEFORE:
                self.trucks.forget(event)
            else:
                self.trucks.leave(event)

    def is_pests(self, look: Look) -> bool:
        """Whether what it finds is a pest."""
        known = self.lists.get(look.checklist)
        return known.pests if known is not None else look.checklist == "pests"

    def list_title(self, name: object) -> str:
        """The name of a checklist in the language in use."""
        known = self.lists.get(str(name))
        return choose(known.title) if known is not None else str(name)

    def point_title(self, code: object) -> str:
        """A point, given as `checklist/point`, in the language in use."""
        name, _, point = str(code).partition("/")
        known = self.lists.get(name)
        titles = {one.id: choose(one.words) for one in known.points} if known is not None else {}
        return titles.get(point, point)


def _looked(truck: Truck, event: Event, when: When) -> None:
    data = event.data
    which = number(data, "inspection")
    look = truck.looks.get(which)
    if look is None:
        look = Look(which, text(data, "checklist"), text(data, "unit"), when, event.time)
        truck.looks[which] = look
    notes = inner(data, "notes")
    for point, result in inner(data, "answers").items():
        look.points[str(point)] = str(result)
        if result == "bad":
            look.bad[str(point)] = (text(notes, str(point)), text(data, "inspector"))
    if (name := text(data, "inspector")) and name not in look.inspectors:
        look.inspectors.append(name)
    look.persons |= {text(data, "inspector_person")} - {""}
    look.accounts |= {text(data, "by")} - {""}
    look.camera = text(data, "camera") or look.camera
    look.pictures += len(texts(data, "pictures"))
    look.records.append(event.seq)
    if flag(data, "finished") and not look.finished_at:
        look.finished_at, look.took_s = event.time, real(data, "took_s")


def _signed(truck: Truck, event: Event) -> None:
    name = supervisor(event.data) or who(event.data)
    second = inner(event.data, "second")
    for look in truck.looks.values():
        if look.finished_at and not look.signed_at:
            look.signed_by, look.signed_at = name, event.time
            look.signer = (text(second, "person"), text(second, "account"))
            look.records.append(event.seq)
