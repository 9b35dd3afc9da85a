"""What is wrong with a truck or not done yet, and what the policy does about it.  Pure.

`judge(transaction, policy)` takes the facts and returns findings.  Each finding has a stable reason
code, a sentence, and the policy's action:

    refuse   stops the truck until somebody puts the fact right; nobody can release it
    hold     stops the truck until somebody puts it right or a second person releases it
    note     is on record and stops nothing

A finding stops one step (load, seal, depart) and every later one.  Its key says exactly what was
found, so that the release of one seal does not cover another.  An unknown fact is a finding too.

The table of codes is most of this file's length; it stays beside the code that finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from gateway.config.criteria import Criteria, standard
from gateway.desk.errors import DeskError
from gateway.desk.freight.checklists import Checklists
from gateway.desk.freight.iso6346 import compact
from gateway.desk.freight.transaction import OVER, PAPERS, Guard, Stage, Transaction
from gateway.desk.partners import WORDS as CLEARANCES
from gateway.desk.partners import PartnerPolicy
from gateway.locale import N_, Message, choose
from gateway.locale.text import name_key


class Step(IntEnum):
    """The steps that a finding can stop, in the order of the gate."""

    LOAD = 1
    SEAL = 2
    DEPART = 3


@dataclass(frozen=True, slots=True)
class Code:
    """A reason code: its words and the first step that it stops.

    `todo` marks work that is not done yet, as against something wrong.  The criteria's file says
    which criteria a code is evidence for.
    """

    text: str
    stops: Step = Step.LOAD
    todo: bool = False


CODES: Mapping[str, Code] = {
    "arrival_unexpected": Code(N_("nobody announced this truck")),
    "arrival_off_time": Code(
        N_("it came at another time than announced"),
    ),
    "driver_unexpected": Code(N_("another driver than announced")),
    "driver_id_missing": Code(
        N_("the driver's photo ID was not verified"),
    ),
    "driver_id_of_other_name": Code(
        N_("the driver's ID was shown before by another name"),
    ),
    "carrier_unexpected": Code(N_("another carrier than announced")),
    "carrier_not_cleared": Code(
        N_("the carrier is not a cleared partner"),
    ),
    "carrier_denied": Code(
        N_("the carrier is denied as a partner"),
    ),
    "tractor_unexpected": Code(N_("another tractor than announced")),
    "unit_unexpected": Code(
        N_("another trailer or container than announced"),
    ),
    "unit_number_wrong": Code(
        N_("the container's check digit is wrong"),
    ),
    "seal_missing": Code(N_("it came loaded and without a seal")),
    "seal_differs": Code(N_("another seal than announced")),
    "seal_broken": Code(N_("the seal is broken or was tampered with")),
    "seal_not_verified": Code(
        N_("view, verify, tug, twist are not all confirmed"),
        todo=True,
    ),
    "affixed_not_verified": Code(
        N_("the seal put on was not viewed, verified, tugged and twisted"),
        Step.DEPART,
        todo=True,
    ),
    "checklist_missing": Code(N_("an inspection was not begun"), todo=True),
    "checklist_unfinished": Code(
        N_("an inspection is not finished"),
        todo=True,
    ),
    "checklist_failed": Code(N_("an inspection found something")),
    "checklist_unsigned": Code(
        N_("a supervisor has not signed an inspection"),
        todo=True,
    ),
    "checklist_hasty": Code(
        N_("an inspection was answered faster than somebody can look"),
    ),
    "pests_found": Code(N_("pests were found")),
    "loading_unfinished": Code(N_("loading is not finished"), Step.SEAL, todo=True),
    "documents_missing": Code(
        N_("a shipping document is missing"),
        Step.DEPART,
        todo=True,
    ),
    "seal_not_affixed": Code(
        N_("it is loaded and not sealed"),
        Step.DEPART,
        todo=True,
    ),
    "seal_class_low": Code(
        N_("the seal is not of a high-security class (ISO 17712)"),
        Step.DEPART,
    ),
    "seal_format": Code(
        N_("the seal's number has another form"),
        Step.DEPART,
    ),
    "seal_not_in_inventory": Code(
        N_("the seal is not in the inventory"),
        Step.DEPART,
    ),
    "seal_used_twice": Code(
        N_("the seal was used or voided before"),
        Step.DEPART,
    ),
    "seal_not_on_documents": Code(
        N_("the documents name another seal"),
        Step.DEPART,
    ),
    "spot_check_open": Code(
        N_("drawn for a spot check that was not done"),
        Step.DEPART,
        todo=True,
    ),
    "spot_check_failed": Code(
        N_("the spot check found something"),
        Step.DEPART,
    ),
    "clock_odd": Code(
        N_("times are out of order: the clock was changed"),
        Step.DEPART,
    ),
}


@dataclass(frozen=True, slots=True)
class FreightPolicy:
    """`[freight]` of the configuration; `actions` by code: refuse, hold or note."""

    zone: ZoneInfo
    checklists: Checklists
    actions: Mapping[str, str] = field(default_factory=dict)
    seal_pattern: str = ".*"
    seal_classes: tuple[str, ...] = ("H",)
    early_min: int = 120
    late_min: int = 120
    documents: tuple[str, ...] = ()
    supervisor_signs: bool = True
    pests: bool = True
    point_s: float = 3.0
    spot_check_percent: float = 0.0
    partners: PartnerPolicy = field(default_factory=PartnerPolicy)
    criteria: Criteria = field(default_factory=standard)

    def action(self, code: str) -> str:
        """The action for a code: ``refuse``, ``hold`` or ``note``; ``refuse`` for an unknown code
        or word."""
        action = self.actions.get(code, "refuse")
        return action if action in ("hold", "note") else "refuse"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or missing.  `about` says what exactly: a number, a name.

    `told` is `about` in words for people, where codes stand in it.
    """

    code: str
    about: str
    action: str
    released: bool = False
    told: str | Message = ""

    @property
    def key(self) -> str:
        return f"{self.code}:{self.about}"

    @property
    def kind(self) -> Code:
        return CODES[self.code]

    @property
    def message(self) -> Message:
        """What is wrong, and with what."""
        what = Message(self.kind.text)
        if not self.about:
            return what
        return Message("{what}: {about}", {"what": what, "about": self.told or self.about})

    @property
    def open(self) -> bool:
        """Whether it stops a step."""
        return self.action == "refuse" or (self.action == "hold" and not self.released)


class Held(DeskError):
    """The act did not do a step, because of `findings`."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        refuse = [f for f in self.findings if f.action == "refuse"]
        code = "freight_refused" if refuse else "freight_held"
        facts = {"findings": tuple(f.message for f in self.findings)}
        text = N_("refused: {findings}") if refuse else N_("held: {findings}")
        super().__init__(code, Message(text, facts), tuple(f.code for f in self.findings))


def judge(tx: Transaction, policy: FreightPolicy) -> list[Finding]:
    """All findings of a truck, in the order of the gate."""
    released = tx.released
    found = []
    for code, about in (*_at_arrival(tx, policy), *_inspected(tx, policy), *_leaving(tx, policy)):
        action = policy.action(code)
        finding = Finding(code, about, action)
        done = action == "hold" and finding.key in released
        found.append(Finding(code, about, action, done, _told(code, about, policy)))
    return found


def _told(code: str, about: str, policy: FreightPolicy) -> str | Message:
    """`about` with words in place of codes: documents, verdicts on a carrier, points of a list."""
    if code == "documents_missing":
        # With the code, because that is what the guard types.
        if about in PAPERS:
            return Message("{paper} ({code})", {"paper": Message(PAPERS[about]), "code": about})
        return about
    if code in ("carrier_denied", "carrier_not_cleared"):
        carrier, _, verdict = about.rpartition(", ")
        facts = {"carrier": carrier, "why": Message(CLEARANCES.get(verdict, verdict))}
        return Message("{carrier}, {why}", facts)
    if code in ("pests_found", "checklist_failed"):
        which, _, bad = about.partition(": ")
        known = policy.checklists.lists.get(which.partition(" ")[0])
        titles = {point.id: choose(point.words) for point in known.points} if known else {}
        return f"{which}: " + ", ".join(titles.get(point, point) for point in bad.split(", "))
    return ""


def in_the_way(findings: Iterable[Finding], step: Step) -> list[Finding]:
    """The findings that stop `step`."""
    return [finding for finding in findings if finding.open and finding.kind.stops <= step]


def releasable(tx: Transaction, findings: Iterable[Finding]) -> list[Finding]:
    """The held findings that are there now.

    Work that is not done yet counts from the step before which it has to be done: a document that
    the truck needs at the departure is not missing at the arrival.
    """
    now = _next_step(tx)
    held = (f for f in findings if f.action == "hold" and f.open)
    return [f for f in held if not f.kind.todo or f.kind.stops <= now]


def _next_step(tx: Transaction) -> Step:
    """The step before which the truck stands.  The first try to depart draws for a spot check, so
    from then on that step is the departure, until the truck takes another unit."""
    tried = tx.spot is not None and (tx.hooked_at is None or tx.spot.at >= tx.hooked_at)
    if tried or tx.stage is Stage.SEALED:
        return Step.DEPART
    return Step.SEAL if tx.stage is Stage.LOADING else Step.LOAD


def guard(policy: FreightPolicy, step: Step) -> Guard:
    """A function that raises `Held` if findings stop `step`; transaction.py calls it."""

    def allowed(tx: Transaction) -> None:
        if stopped := in_the_way(judge(tx, policy), step):
            raise Held(stopped)

    return allowed


def status(tx: Transaction, findings: Iterable[Finding]) -> str:
    """The stage; or ``refused`` or ``held`` while something is wrong, beyond work not done yet."""
    if tx.stage in OVER or tx.stage is Stage.EXPECTED:
        return tx.stage.value
    wrong = {f.action for f in findings if f.open and not f.kind.todo}
    if "refuse" in wrong:
        return "refused"
    return "held" if wrong else tx.stage.value


def required(tx: Transaction, policy: FreightPolicy) -> list[tuple[str, str]]:
    """(checklist, unit) of every inspection that this truck needs.  For a list of the whole truck
    `unit` is `Transaction.whole`."""
    lists = policy.checklists
    wanted: list[tuple[str, str]] = []
    pulled: list[tuple[str, str]] = [(unit.kind, unit.number) for unit in tx.units]
    for kind, number in pulled or [("none", "")]:
        for name in lists.needed(kind, tx.checklist_set):
            known = lists.lists.get(name)
            wanted.append((name, number if known and known.per_unit else tx.whole))
    if policy.pests and tx.units:
        names = [name for name, item in lists.lists.items() if item.pests] or ["pests"]
        wanted += [(name, tx.whole) for name in names]
    return list(dict.fromkeys(wanted))


def complete(tx: Transaction, policy: FreightPolicy) -> bool:
    """Whether every inspection that the truck needs is finished."""
    found = (tx.latest(*wanted) for wanted in required(tx, policy))
    return all(item is not None and item.finished_at is not None for item in found)


Found = Iterator[tuple[str, str]]


def _at_arrival(tx: Transaction, policy: FreightPolicy) -> Found:
    arrival = tx.arrival
    if arrival is None:
        return
    expected = tx.expected
    if expected is None:
        yield "arrival_unexpected", ""
    else:
        early = expected.eta - timedelta(minutes=policy.early_min)
        late = expected.eta + timedelta(minutes=policy.late_min)
        if not early <= arrival.at <= late:
            yield "arrival_off_time", f"{expected.eta.astimezone(policy.zone):%Y-%m-%d %H:%M}"
        if name_key(expected.driver) != name_key(arrival.driver):
            yield "driver_unexpected", f"{arrival.driver} / {expected.driver}"
        if name_key(expected.carrier) != name_key(arrival.carrier):
            yield "carrier_unexpected", f"{arrival.carrier} / {expected.carrier}"
        if expected.tractor and compact(expected.tractor) != compact(arrival.tractor):
            yield "tractor_unexpected", f"{arrival.tractor} / {expected.tractor}"
        came = {compact(unit.number) for unit in arrival.units}
        told = {compact(number) for number in expected.units}
        if told and came != told:
            yield "unit_unexpected", f"{', '.join(sorted(came))} / {', '.join(sorted(told))}"
    if not arrival.id_kind:
        yield "driver_id_missing", arrival.driver
    if arrival.other_name:
        yield "driver_id_of_other_name", arrival.other_name
    if arrival.carrier_verdict == "deny":
        yield "carrier_denied", f"{arrival.carrier}, {arrival.carrier_code}"
    elif arrival.carrier_verdict != "pass":
        yield "carrier_not_cleared", f"{arrival.carrier}, {arrival.carrier_code}"
    for unit in dict.fromkeys((*arrival.units, *tx.units)):
        if not unit.number_ok:
            yield "unit_number_wrong", unit.number
    yield from _seals_seen(tx)


def _seals_seen(tx: Transaction) -> Found:
    seen = {seal.unit: seal for seal in tx.seals_seen}
    if tx.arrival is not None and tx.arrival.loaded:
        for unit in tx.arrival.units:
            if unit.number not in seen:
                yield "seal_missing", unit.number
    told = tuple(compact(seal) for seal in tx.expected.seals) if tx.expected else ()
    for seal in tx.seals_seen:
        if told and compact(seal.number) not in told:
            yield "seal_differs", f"{seal.number} / {', '.join(told)}"
        if not seal.intact:
            yield "seal_broken", seal.number
    for seal in seen.values():
        if not seal.vvtt.complete:
            yield "seal_not_verified", seal.number


def _inspected(tx: Transaction, policy: FreightPolicy) -> Found:
    if tx.arrival is None:
        return
    wanted = required(tx, policy)
    for name, unit in wanted:
        if tx.latest(name, unit) is None:
            yield "checklist_missing", _of(name, unit)
    # Inspections that nobody asked for count too.
    newest = {(item.checklist, item.unit): item for item in tx.inspections}
    for (name, unit), item in newest.items():
        about = f"{_of(name, unit)} #{item.number}"
        if item.open_points or item.finished_at is None:
            yield "checklist_unfinished", about
        elif policy.supervisor_signs and item.signed_at is None:
            yield "checklist_unsigned", about
        count = len(item.points)
        if item.took is not None and item.took.total_seconds() < count * policy.point_s:
            yield "checklist_hasty", f"{about}: {count}, {item.took.total_seconds():.0f} s"
    # Looking again does not undo what was found.  A later inspection that a supervisor signed does.
    for item in tx.inspections:
        last = newest[item.checklist, item.unit]
        mended = last.number > item.number and last.signed_at is not None and not last.bad
        if item.bad and not mended:
            about = f"{_of(item.checklist, item.unit)} #{item.number}"
            points = ", ".join(answer.point for answer in item.bad)
            yield "pests_found" if item.pests else "checklist_failed", f"{about}: {points}"


def _leaving(tx: Transaction, policy: FreightPolicy) -> Found:
    arrival = tx.arrival
    if arrival is None:
        return
    if tx.loading is not None and tx.loading.finished_at is None:
        yield "loading_unfinished", ""
    if tx.loaded:
        sealed = dict(tx.seals_now)
        for unit in tx.units:
            if unit.number not in sealed:
                yield "seal_not_affixed", unit.number
        papers = tx.loading.documents if tx.loading else ()
        had = {paper.kind for paper in (*arrival.documents, *papers)}
        for kind in policy.documents:
            if kind not in had:
                yield "documents_missing", kind
        if tx.loading is not None and all(unit.number in sealed for unit in tx.units):
            named = sorted(compact(seal) for seal in tx.loading.document_seals)
            if named != sorted(compact(number) for number in sealed.values()):
                yield "seal_not_on_documents", f"{_list(sealed.values())} / {_list(named)}"
    for seal in tx.affixed:
        if not seal.vvtt.complete:
            yield "affixed_not_verified", seal.number
        if not seal.format_ok:
            yield "seal_format", seal.number
        if seal.stock in ("used", "void"):
            yield "seal_used_twice", seal.number
        elif seal.stock != "ok":
            yield "seal_not_in_inventory", seal.number
        elif seal.seal_class not in policy.seal_classes:
            yield "seal_class_low", f"{seal.number}, {seal.seal_class}"
    if tx.spot is not None and tx.spot.drawn:
        if tx.spot.ok is None:
            yield "spot_check_open", ""
        elif not tx.spot.ok:
            yield "spot_check_failed", tx.spot.note
    if odd := _before(tx, arrival.at):
        yield "clock_odd", ", ".join(f"{t.astimezone(policy.zone):%Y-%m-%d %H:%M:%S}" for t in odd)


def _before(tx: Transaction, arrived: datetime) -> list[datetime]:
    """The times that lie before the arrival; they are named, so that a release covers no others."""
    times: list[datetime | None] = [seal.at for seal in tx.seals_seen]
    times += [seal.at for seal in tx.affixed]
    times += [time for item in tx.inspections for time in (item.started_at, item.finished_at)]
    if tx.loading:
        times += [tx.loading.started_at, tx.loading.finished_at]
    times += [tx.unloaded_at, tx.hooked_at, tx.departed_at, tx.spot.at if tx.spot else None]
    return sorted({time for time in times if time is not None and time < arrived})


def _list(items: Iterable[str]) -> str:
    return ", ".join(items) or "-"


def _of(name: str, unit: str) -> str:
    return f"{name} {unit}" if unit else name
