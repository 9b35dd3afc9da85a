"""One truck's way through the gate: its steps, what to do next, what is in the way and who may
clear it.

In: the truck and the findings of gateway/desk/freight/findings.py.  Out: values that a template
shows.  Nothing here judges: it puts into words what the policy found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.desk.freight.findings import Finding, FreightPolicy, Step, releasable, required
from gateway.desk.freight.transaction import HERE, OVER, Inspection, Stage, Transaction
from gateway.locale import N_, _, choose, pgettext

ACTS: Mapping[str, str] = {
    "driver_id_missing": "identify",
    "seal_not_verified": "check",
    "checklist_missing": "inspect",
    "checklist_unfinished": "inspect",
    "checklist_failed": "again",
    "pests_found": "again",
    "checklist_unsigned": "sign",
    "loading_unfinished": "load",
    "documents_missing": "papers",
    "seal_not_on_documents": "papers",
    "seal_not_affixed": "seal",
    "affixed_not_verified": "seal",
    "seal_class_low": "seal",
    "seal_used_twice": "seal",
    "seal_format": "seal",
    "seal_not_in_inventory": "seal",
    "spot_check_open": "spot",
}
"""What puts a finding right, by its code: the name of an act of the page."""

ACT_WORDS: Mapping[str, str] = {
    "arrive": N_("check the truck in"),
    "identify": N_("record the driver's photo ID"),
    "check": N_("look at the seal it came with"),
    "inspect": N_("inspect"),
    "again": N_("inspect again after the repair"),
    "sign": N_("a supervisor signs the inspections"),
    "release": N_("a supervisor releases what is held"),
    "spot": N_("spot check by somebody who did not inspect"),
    "cargo": N_("load it, or let it go"),
    "load": N_("loading is finished"),
    "seal": N_("put the seal on"),
    "papers": N_("add the documents"),
    "depart": N_("let it go"),
}
BY_SECOND = frozenset({"sign", "spot"})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A finding that stops the truck.  `now` says that it stops the next step; `act` is what puts
    it right, "" for nothing; `who` says who may clear it."""

    words: str
    code: str
    criteria: str
    hold: bool
    now: bool
    act: str
    who: str


def obstacles(
    tx: Transaction,
    policy: FreightPolicy,
    findings: Sequence[Finding],
    supervisors: Mapping[str, str],
) -> list[Obstacle]:
    """What is in the way, in the order of the gate.

    `supervisors` has the names of those who may ``sign``, ``spot`` and ``release``.
    """
    step = next_step(tx)
    return [
        Obstacle(
            words=words(finding, policy),
            code=finding.code,
            criteria=", ".join(policy.criteria.of(finding.code)),
            hold=finding.action == "hold",
            now=finding.kind.stops <= step,
            act=ACTS.get(finding.code, ""),
            who=_who(tx, finding, supervisors),
        )
        for finding in findings
        if finding.open and tx.stage in HERE
    ]


def words(finding: Finding, policy: FreightPolicy) -> str:
    """A finding as a guard reads it: a checklist by its title."""
    told = finding.told or finding.about
    name, _space, rest = str(told).partition(" ")
    known = policy.checklists.lists.get(name)
    if known is None:
        return str(finding.message)
    about = f"{choose(known.title)} {rest}".rstrip()
    return str(replace(finding, told=about).message)


def _who(tx: Transaction, finding: Finding, supervisors: Mapping[str, str]) -> str:
    act = ACTS.get(finding.code, "")
    if act == "papers" and tx.loading is None:
        act = ""  # documents come with the arrival or with the loading
    if finding.action == "hold":
        names = supervisors["release"]
        if act:
            return _("put it right, or a supervisor releases it: {names}").format(names=names)
        return _("a supervisor who took no part releases it: {names}").format(names=names)
    if act in BY_SECOND:
        return _("a supervisor who did not inspect: {names}").format(names=supervisors[act])
    if finding.code == "carrier_denied":
        return _("nobody at the gate: whoever keeps the register of partners")
    if act:
        return _("the guard puts it right; nobody can release it")
    return _("nobody can release it: the fact itself has to be put right")


def next_step(tx: Transaction) -> Step:
    """The step before which the truck stands."""
    if tx.stage in (Stage.SEALED, *OVER) or tx.spot is not None:
        return Step.DEPART
    return Step.SEAL if tx.stage is Stage.LOADING else Step.LOAD


def next_act(tx: Transaction, policy: FreightPolicy, findings: Sequence[Finding]) -> str:
    """What to do now, a key of ACT_WORDS; "" for a truck that is gone."""
    if tx.stage is Stage.EXPECTED:
        return "arrive"
    if tx.stage not in HERE:
        return ""
    open_now = {f.code for f in findings if f.open}
    for code in ("driver_id_missing", "seal_not_verified"):
        if code in open_now:
            return ACTS[code]
    if open_now & {"checklist_missing", "checklist_unfinished"}:
        return "inspect"
    if releasable(tx, [f for f in findings if not f.kind.todo]):
        return "release"
    for code in ("checklist_unsigned", "spot_check_open", "loading_unfinished"):
        if code in open_now:
            return ACTS[code]
    if tx.stage is Stage.INSPECTED:
        return "depart" if tx.spot is not None or not tx.units else "cargo"
    if open_now & {"seal_not_affixed", "affixed_not_verified", "seal_class_low"}:
        return "seal"
    if open_now & {"documents_missing"}:
        return "papers"
    if releasable(tx, findings):
        return "release"
    return "depart"


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step of the way; `state` is ``done``, ``now`` or ``later``."""

    title: str
    state: str


def steps(tx: Transaction, act: str) -> list[StepShown]:
    """The steps of this truck; `act` is what to do now."""
    named = [
        (N_("Arrival"), {"arrive", "identify", "check"}),
        (N_("Inspection"), {"inspect", "again"}),
        (N_("Signature"), {"sign"}),
    ]
    if tx.loading is not None or (tx.arrival is None or (tx.units and not tx.loaded)):
        named += [(N_("Loading"), {"cargo", "load"}), (N_("Seal"), {"seal", "papers"})]
    named.append((N_("Departure"), {"depart", "spot"}))
    if tx.stage in OVER:
        return [StepShown(_(title), "done") for title, _acts in named]
    at = next((n for n, (_title, acts) in enumerate(named) if act in acts), None)
    if at is None:  # held: the step that comes next waits
        titles = [title for title, _acts in named]
        wanted = {Step.LOAD: "Loading", Step.SEAL: "Seal", Step.DEPART: "Departure"}
        step = wanted[next_step(tx)]
        at = titles.index(step) if step in titles else len(titles) - 1
    return [
        StepShown(_(title), "done" if n < at else "now" if n == at else "later")
        for n, (title, _acts) in enumerate(named)
    ]


@dataclass(frozen=True, slots=True)
class ListShown:
    """An inspection that the truck needs; `state` is ``open``, ``begun``, ``good`` or ``bad``."""

    checklist: str
    unit: str
    title: str
    answered: int
    points: int
    state: str


def lists(tx: Transaction, policy: FreightPolicy) -> list[ListShown]:
    """The inspections of a truck: those it needs, then others that somebody did."""
    wanted = required(tx, policy) if tx.arrival is not None else []
    done = [(item.checklist, item.unit) for item in tx.inspections]
    return [
        _list(name, unit, tx.latest(name, unit), policy)
        for name, unit in dict.fromkeys((*wanted, *done))
    ]


def _list(name: str, unit: str, item: Inspection | None, policy: FreightPolicy) -> ListShown:
    known = policy.checklists.lists.get(name)
    title = choose(known.title) if known else name
    points = len(item.points) if item else len(known.points) if known else 0
    answered = len(item.answers) if item else 0
    state = "open"
    if item is not None:
        state = "begun" if item.finished_at is None else "bad" if item.bad else "good"
    return ListShown(name, unit, title, answered, points, state)


def next_list(shown: Sequence[ListShown]) -> ListShown | None:
    """The inspection to go on with: the one that is begun, else the first that is not."""
    for state in ("begun", "open"):
        for item in shown:
            if item.state == state:
                return item
    return None


def state_word(state: str) -> str:
    """The state of an inspection, for people."""
    return {
        "open": pgettext("inspection", "not begun"),
        "begun": pgettext("inspection", "begun"),
        "good": pgettext("inspection", "in order"),
        "bad": pgettext("inspection", "something found"),
    }[state]
