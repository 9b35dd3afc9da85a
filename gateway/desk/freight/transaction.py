"""One truck at the gate as a value, and its life as a state machine.

Pure: facts in, a new value out; no table, no clock, no random numbers.

    expected -> arrived -> inspected -> loading -> sealed -> departed
                   |           '---------------------------------^  (empty, or still loaded)
                   '--> turned_away          expected --> cancelled

A truck that leaves its trailer and takes another (`hooked`) goes back to arrived, because nobody
has inspected the new one yet.

`Transaction` holds facts only.  findings.py judges from them what is wrong or missing, so no act
can set or forget a hold.  A step asks its `Guard` first.

More than 400 lines: one record with all its parts, and every step of its life.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from gateway.desk.errors import DeskError
from gateway.desk.second import Second
from gateway.locale import N_, Message, in_context


class Stage(StrEnum):
    """Where a truck is on its way through the gate."""

    EXPECTED = "expected"
    ARRIVED = "arrived"
    INSPECTED = "inspected"
    LOADING = "loading"
    SEALED = "sealed"
    DEPARTED = "departed"
    TURNED_AWAY = "turned_away"
    CANCELLED = "cancelled"


OVER = frozenset({Stage.DEPARTED, Stage.TURNED_AWAY, Stage.CANCELLED})
HERE = frozenset({Stage.ARRIVED, Stage.INSPECTED, Stage.LOADING, Stage.SEALED})
STAGE_WORDS: dict[str, Message] = {
    "expected": in_context("truck", "expected"),
    "arrived": in_context("truck", "arrived"),
    "inspected": in_context("truck", "inspected"),
    "loading": in_context("truck", "loading"),
    "sealed": in_context("truck", "sealed"),
    "departed": in_context("truck", "departed"),
    "turned_away": in_context("truck", "turned away"),
    "cancelled": in_context("truck", "cancelled"),
    "held": in_context("truck", "HELD"),
    "refused": in_context("truck", "REFUSED"),
}

# Kinds of shipping documents that a guard reads as words; a site may have others.
PAPERS: dict[str, str] = {
    "bill_of_lading": N_("bill of lading"),
    "manifest": N_("manifest"),
    "invoice": N_("invoice"),
    "packing_list": N_("packing list"),
}

UnitKind = Literal["trailer", "reefer", "container"]
Result = Literal["ok", "bad", "na"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A trailer (economic number or plates), reefer or container (ISO 6346).  `number_ok` is False
    if the check digit is wrong and the guard recorded the number as painted."""

    kind: UnitKind
    number: str
    plates: str = ""
    number_ok: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A shipping document: its kind, such as ``bill_of_lading``, and its number."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph by its file's name and SHA-256 (hex).  `point` is the point of a checklist that
    it shows, "" if nobody said."""

    name: str
    sha256: str
    point: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the carrier announced; "" or () for what it left out."""

    eta: datetime
    driver: str
    carrier: str
    tractor: str = ""
    units: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the guard saw.

    `id_kind` is "" if the guard verified no photo ID.  `other_name` is another name under which
    somebody showed the same document before.  `carrier_code` and `carrier_verdict` are the
    carrier's clearance, judged at the arrival and again at each step.
    """

    at: datetime
    by: str
    driver: str
    carrier: str
    tractor: str
    tractor_number: str = ""
    units: tuple[Unit, ...] = ()
    loaded: bool = False
    id_kind: str = ""
    id_fingerprint: str = ""
    other_name: str = ""
    carrier_code: str = "partner_unknown"
    carrier_verdict: str = "hold"
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Vvtt:
    """What the guard did with a seal: view seal and locks, verify the number, tug, twist and turn
    (CTPAT's VVTT)."""

    view: bool = False
    verify: bool = False
    tug: bool = False
    twist: bool = False

    @property
    def complete(self) -> bool:
        return self.view and self.verify and self.tug and self.twist


@dataclass(frozen=True, slots=True)
class SealSeen:
    """The seal that a unit came with."""

    unit: str
    number: str
    at: datetime
    by: str
    intact: bool = True
    vvtt: Vvtt = Vvtt()


@dataclass(frozen=True, slots=True)
class SealAffixed:
    """The seal that a unit leaves with.  `seal_class` and `stock` come from the inventory; `stock`
    is ``ok``, ``unknown``, ``used`` or ``void``."""

    unit: str
    number: str
    at: datetime
    by: str
    seal_class: str = ""
    stock: str = "unknown"
    format_ok: bool = True
    vvtt: Vvtt = Vvtt()


@dataclass(frozen=True, slots=True)
class PointAnswer:
    """An answer to one point, and when who gave it.

    `inspector` looked, and `person` is their id on the list; `by` is the account that typed.
    `command` counts the commands of this inspection: answers of one number were given at once.
    An answer that is older than these fields has None and "".
    """

    point: str
    result: Result
    note: str = ""
    at: datetime | None = None
    inspector: str = ""
    person: str = ""
    by: str = ""
    command: int = 0


@dataclass(frozen=True, slots=True)
class Inspection:
    """One checklist answered for one unit, or for the whole truck.

    `points` are the list's points at that time; `optional` are those that may be ``na``.  Of
    several inspections of the same list and unit the newest counts; the others stay on record.
    `inspector` and `operator` began it; each answer says who gave it.  `supervisor` is the name of
    whoever signed, `signed_by` who that is.
    """

    number: int
    checklist: str
    unit: str
    inspector: str
    operator: str
    started_at: datetime
    points: tuple[str, ...]
    optional: tuple[str, ...] = ()
    pests: bool = False
    answers: tuple[PointAnswer, ...] = ()
    finished_at: datetime | None = None
    supervisor: str = ""
    signed_at: datetime | None = None
    signed_by: Second | None = None
    camera: str = ""
    pictures: tuple[Picture, ...] = ()

    @property
    def open_points(self) -> tuple[str, ...]:
        """The points that have no answer yet."""
        answered = {answer.point for answer in self.answers}
        return tuple(point for point in self.points if point not in answered)

    @property
    def bad(self) -> tuple[PointAnswer, ...]:
        return tuple(answer for answer in self.answers if answer.result == "bad")

    @property
    def took(self) -> timedelta | None:
        """How long it took from its begin to the last answer; None if nobody recorded that."""
        times = [answer.at for answer in self.answers if answer.at is not None]
        if self.finished_at is None or len(times) < len(self.answers):
            return None
        return self.finished_at - self.started_at

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts from which it was typed."""
        return frozenset({self.operator, *(answer.by for answer in self.answers)} - {""})

    @property
    def persons(self) -> frozenset[str]:
        """The ids of those who looked."""
        return frozenset({answer.person for answer in self.answers} - {""})

    @property
    def inspectors(self) -> tuple[str, ...]:
        """The names of those who looked, in order."""
        names = [answer.inspector for answer in self.answers if answer.inspector]
        return tuple(dict.fromkeys((self.inspector, *names)))


@dataclass(frozen=True, slots=True)
class Loading:
    """`document_seals` are the seal numbers on the shipping documents."""

    started_at: datetime
    by: str
    finished_at: datetime | None = None
    documents: tuple[Document, ...] = ()
    document_seals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """The draw for a management spot check, also when the truck was not drawn, and its result."""

    percent: float
    drawn: bool
    at: datetime
    done_at: datetime | None = None
    done_by: str = ""
    ok: bool | None = None
    note: str = ""
    checked_by: Second | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A second person releases exactly the findings with these keys.  `by` is their name,
    `operator` the account that typed it, `second` who they are (None in older records)."""

    keys: tuple[str, ...]
    by: str
    operator: str
    at: datetime
    reason: str
    second: Second | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """An account that acted on a truck, and the person who had it then.  `part` says whether it
    did more than to sign, to release or to check as the second person."""

    account: str
    person: str = ""
    name: str = ""
    part: bool = True


@dataclass(frozen=True, slots=True)
class Transaction:
    """Everything about one truck at the gate, from the announcement to the departure.

    `version` counts changes.  `checklist_set` is the set of checklists that was in force when the
    truck arrived; "" in records that are older than the sets.
    """

    id: int
    version: int = 1
    stage: Stage = Stage.EXPECTED
    expected: Expected | None = None
    arrival: Arrival | None = None
    inspections: tuple[Inspection, ...] = ()
    seals_seen: tuple[SealSeen, ...] = ()
    unloaded_at: datetime | None = None
    loading: Loading | None = None
    affixed: tuple[SealAffixed, ...] = ()
    spot: SpotCheck | None = None
    releases: tuple[Release, ...] = ()
    hooked: tuple[Unit, ...] | None = None
    hooked_at: datetime | None = None
    hooked_loaded: bool = False
    departed_at: datetime | None = None
    departed_by: str = ""
    note: str = ""
    checklist_set: str = ""
    who: tuple[Who, ...] = ()

    @property
    def units(self) -> tuple[Unit, ...]:
        """What the tractor pulls now."""
        if self.hooked is not None:
            return self.hooked
        return self.arrival.units if self.arrival else ()

    @property
    def whole(self) -> str:
        """The unit's name on a checklist of the whole truck: all numbers that it pulls, joined by
        "+"; "" for a tractor alone."""
        return "+".join(unit.number for unit in self.units)

    @property
    def loaded(self) -> bool:
        """Whether the truck carries cargo now."""
        if self.loading is not None:
            return True
        if self.hooked is not None:
            return self.hooked_loaded
        return self.arrival is not None and self.arrival.loaded and self.unloaded_at is None

    @property
    def seals_now(self) -> tuple[tuple[str, str], ...]:
        """(unit, seal number) now: the seal put on here, else the one that the unit came with."""
        found = {s.unit: s.number for s in self.seals_seen} if self._as_it_came else {}
        found |= {s.unit: s.number for s in self.affixed}
        here = {unit.number for unit in self.units}
        return tuple(sorted(item for item in found.items() if item[0] in here))

    @property
    def _as_it_came(self) -> bool:
        return self.unloaded_at is None and self.loading is None and self.hooked is None

    def latest(self, checklist: str, unit: str) -> Inspection | None:
        """The newest inspection of this list and unit, which is the one that counts; or None."""
        same = [i for i in self.inspections if (i.checklist, i.unit) == (checklist, unit)]
        return same[-1] if same else None

    @property
    def released(self) -> frozenset[str]:
        return frozenset(key for release in self.releases for key in release.keys)

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts that took part; none of them can be the second person's."""
        found = {item.account for item in self.who if item.part}
        found |= {account for item in self.inspections for account in item.accounts}
        found |= {s.by for s in self.seals_seen} | {s.by for s in self.affixed}
        if self.arrival:
            found.add(self.arrival.by)
        if self.loading:
            found.add(self.loading.by)
        return frozenset(found)

    @property
    def persons(self) -> frozenset[str]:
        """The ids of the people who took part."""
        looked = {person for item in self.inspections for person in item.persons}
        return frozenset(looked | self.persons_of(self.accounts))

    def persons_of(self, accounts: Collection[str]) -> frozenset[str]:
        """The ids of the people who had these accounts when they acted on the truck."""
        return frozenset(w.person for w in self.who if w.person and w.account in accounts)

    @property
    def people(self) -> frozenset[str]:
        """The names and accounts of all who took part, and the driver's name."""
        names = {name for item in self.inspections for name in item.inspectors}
        names |= {item.name for item in self.who if item.part and item.name} | self.accounts
        return frozenset(names | {self.arrival.driver} if self.arrival else names)


Guard = Callable[[Transaction], None]
"""Raises DeskError if something stops the next step; `findings.guard` makes one."""


def need(tx: Transaction, *stages: Stage) -> None:
    """Raise DeskError unless the truck is at one of these stages."""
    if tx.stage not in stages:
        stage = STAGE_WORDS[tx.stage]
        raise DeskError("wrong_stage", "transaction {id} is {stage}", id=tx.id, stage=stage)


def arrived(tx: Transaction, arrival: Arrival, seals: tuple[SealSeen, ...] = ()) -> Transaction:
    """The truck is at the gate."""
    need(tx, Stage.EXPECTED)
    return replace(tx, stage=Stage.ARRIVED, arrival=arrival, seals_seen=seals)


def seal_seen(tx: Transaction, seal: SealSeen) -> Transaction:
    """The guard looked (again) at the seal that a unit came with.  The earlier look stays, so a
    second one can't undo a difference."""
    need(tx, *HERE)
    return replace(tx, seals_seen=(*tx.seals_seen, seal))


def identified(tx: Transaction, kind: str, fingerprint: str, other_name: str) -> Transaction:
    """The guard verified the driver's photo ID after the arrival.  Raises DeskError if it was
    verified before."""
    need(tx, *HERE)
    if tx.arrival is None or tx.arrival.id_kind:
        raise DeskError("identified", "the ID was verified already")
    arrival = replace(tx.arrival, id_kind=kind, id_fingerprint=fingerprint, other_name=other_name)
    return replace(tx, arrival=arrival)


def hooked(tx: Transaction, units: tuple[Unit, ...], at: datetime, *, loaded: bool) -> Transaction:
    """The tractor leaves what it pulled and takes `units`, or nothing."""
    need(tx, Stage.ARRIVED, Stage.INSPECTED)
    if loaded and not units:
        raise DeskError("no_unit", "a tractor alone carries nothing")
    return replace(tx, stage=Stage.ARRIVED, hooked=units, hooked_at=at, hooked_loaded=loaded)


def inspected(tx: Transaction, inspection: Inspection, *, complete: bool) -> Transaction:
    """An inspection with new answers.  `complete` says that all lists of the truck are finished."""
    need(tx, *HERE)
    others = tuple(i for i in tx.inspections if i.number != inspection.number)
    stage = tx.stage
    if stage in (Stage.ARRIVED, Stage.INSPECTED):
        stage = Stage.INSPECTED if complete else Stage.ARRIVED
    ordered = tuple(sorted((*others, inspection), key=lambda i: i.number))
    return replace(tx, inspections=ordered, stage=stage)


def unloaded(tx: Transaction, at: datetime, allowed: Guard) -> Transaction:
    """The cargo with which the truck came is off."""
    need(tx, Stage.INSPECTED)
    if not tx.loaded or tx.hooked is not None:
        raise DeskError("not_loaded", "it carries nothing")
    allowed(tx)
    return replace(tx, unloaded_at=at)


def loaded(tx: Transaction, loading: Loading, allowed: Guard) -> Transaction:
    """Loading begins; with `finished_at` it is done.  Documents may still come after the seal."""
    need(tx, Stage.INSPECTED, Stage.LOADING, Stage.SEALED)
    if not tx.units:
        raise DeskError("no_unit", "a tractor alone carries nothing")
    if loading.finished_at is not None and tx.loading is None:
        raise DeskError("not_loading", "loading has not begun")
    allowed(tx)
    stage = tx.stage if tx.stage is Stage.SEALED else Stage.LOADING
    return replace(tx, stage=stage, loading=loading)


def sealed(tx: Transaction, seal: SealAffixed, allowed: Guard) -> Transaction:
    """A seal is on a loaded unit; it takes the place of an earlier one on the same unit."""
    need(tx, Stage.INSPECTED, Stage.LOADING, Stage.SEALED)
    if not tx.loaded:
        raise DeskError("not_loaded", "it carries nothing")
    allowed(tx)
    affixed = (*(s for s in tx.affixed if s.unit != seal.unit), seal)
    done = {s.unit for s in affixed} >= {u.number for u in tx.units}
    return replace(tx, affixed=affixed, stage=Stage.SEALED if done else tx.stage)


def released(tx: Transaction, given: Release) -> Transaction:
    """A second person released what the policy holds."""
    need(tx, *HERE)
    return replace(tx, releases=(*tx.releases, given))


def departed(tx: Transaction, at: datetime, by: str, allowed: Guard) -> Transaction:
    """The truck leaves."""
    need(tx, *HERE)
    left = replace(tx, departed_at=at, departed_by=by)
    allowed(left)  # with the time, so that the guard finds one before the arrival
    return replace(left, stage=Stage.DEPARTED)


def turned_away(tx: Transaction, at: datetime, by: str, reason: str) -> Transaction:
    """The guard sent the truck away."""
    need(tx, *HERE)
    return replace(tx, stage=Stage.TURNED_AWAY, departed_at=at, departed_by=by, note=reason)


def cancelled(tx: Transaction, reason: str) -> Transaction:
    """An announced truck does not come."""
    need(tx, Stage.EXPECTED)
    return replace(tx, stage=Stage.CANCELLED, note=reason)
