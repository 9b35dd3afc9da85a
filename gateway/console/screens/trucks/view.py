"""Everything that the page of one truck shows, read in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.screens.trucks import comparison, way
from gateway.console.seconds import Candidate, Check, active, judged, names
from gateway.desk.errors import DeskError
from gateway.desk.freight import departures, inspections, seals, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.findings import (
    Finding,
    FreightPolicy,
    judge,
    releasable,
    required,
    status,
)
from gateway.desk.freight.report import Report, Section, unit_kind
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import HERE, OVER, PAPERS, STAGE_WORDS, Stage, Transaction
from gateway.locale import N_, _, choose
from gateway.locale.text import name_key

REASONS = (
    N_("the carrier confirmed it by telephone"),
    N_("the company contact confirmed it"),
    N_("I looked at it myself and it is in order"),
)
AWAY = (
    N_("the carrier does not know the driver"),
    N_("something was found in the inspection"),
    N_("the seal is not the one that was announced"),
    N_("it comes another day"),
)
AT_HAND = 8


@contextmanager
def acting(page: Page) -> Iterator[Act]:
    """An act of the page's operator, now, with people.db open.  Use it in a thread."""
    with page.site.people() as db:
        policy = freight_policy(page.site.settings)
        yield Act(db, policy, by=page.operator, now=datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Other:
    """An act beside the next one: its name in the address, and its words."""

    act: str
    words: str


@dataclass(frozen=True, slots=True)
class Truck:
    """One truck for its page.  `act` is the panel to show, `next` what to do by the rules."""

    tx: Transaction
    state: str
    state_words: str
    act: str
    next: str
    steps: list[way.StepShown]
    obstacles: list[way.Obstacle]
    noted: list[str]
    released: list[str]
    rows: list[comparison.Row]
    lists: list[way.ListShown]
    next_list: way.ListShown | None
    releasable: list[Finding]
    supervisors: Mapping[str, list[Candidate]]
    others: list[Other]
    record: list[Section]
    at_hand: list[str]
    papers: list[tuple[str, str, bool]]
    papers_here: list[tuple[str, str]]
    id_kinds: list[tuple[str, str]]
    pictures_kept: bool
    desk_reader: bool

    @property
    def name(self) -> str:
        """The truck in a few words: plates, else the driver."""
        told = self.tx.arrival or self.tx.expected
        return (told.tractor or told.driver) if told else ""

    @property
    def unit_pairs(self) -> list[tuple[str, str]]:
        """Its trailers and containers, to choose from."""
        return [(unit.number, unit.number) for unit in self.tx.units]

    @property
    def unsealed(self) -> str:
        """The first unit without a seal; "" if each has one."""
        sealed = dict(self.tx.seals_now)
        return next((unit.number for unit in self.tx.units if unit.number not in sealed), "")

    @property
    def at_hand_pairs(self) -> list[tuple[str, str]]:
        """The seals that were issued to the guard, to choose from."""
        return [(number, number) for number in self.at_hand]

    @property
    def unit_kinds(self) -> list[tuple[str, str]]:
        """Kinds of trailers and containers, to choose from."""
        return [(kind, unit_kind(kind)) for kind in comparison.KINDS]

    @property
    def here(self) -> bool:
        """Whether it is at the gate."""
        return self.tx.stage in HERE


_CHECKS: Mapping[str, Callable[[Transaction], Check]] = {
    "sign": lambda tx: lambda who: inspections.may_sign(tx, who),
    "spot": lambda tx: lambda who: inspections.may_check(tx, who),
    "release": lambda tx: lambda who: departures.may_release(tx, who),
}

OTHERS: Mapping[str, str] = {
    "identify": N_("record the driver's photo ID"),
    "check": N_("look at the seal it came with"),
    "hook": N_("it takes another trailer"),
    "papers": N_("add the documents"),
    "seal": N_("put another seal on"),
    "spot": N_("spot check"),
    "turn-away": N_("send it away"),
}


def read(page: Page, number: int, act: str = "") -> Truck:
    """One truck; `act` asks for a panel.  Call it in a thread.  Raises NotFound."""
    with acting(page) as acts:
        tx = store.load(acts.db, number)
        issued = seals.listed(acts.db, state="issued", limit=1000)
    return _truck(page, tx, acts.policy, issued, act)


def _truck(
    page: Page, tx: Transaction, policy: FreightPolicy, issued: list[seals.Seal], act: str
) -> Truck:
    findings = judge(tx, policy)
    state = status(tx, findings)
    next_act = way.next_act(tx, policy, findings)
    supervisors = active(page)
    may = {name: judged(page, supervisors, check(tx)) for name, check in _CHECKS.items()}
    shown = way.lists(tx, policy)
    others = _others(page, tx, next_act)
    wanted = act if act in {other.act for other in others} | {next_act, "again"} else next_act
    held = releasable(tx, findings)
    if held and "release" not in (wanted, *(o.act for o in others)) and tx.stage in HERE:
        others.insert(0, Other("release", _(way.ACT_WORDS["release"])))
        wanted = "release" if act == "release" else wanted
    return Truck(
        tx=tx,
        state=state,
        state_words=STAGE_WORDS[state].say(),
        act=wanted if page.may(*GUARDS) else "",
        next=next_act,
        steps=way.steps(tx, next_act),
        obstacles=way.obstacles(
            tx, policy, findings, {name: names(found) for name, found in may.items()}
        ),
        noted=[way.words(f, policy) for f in findings if f.action == "note"],
        released=[way.words(f, policy) for f in findings if f.released],
        rows=comparison.rows(tx),
        lists=shown,
        next_list=way.next_list([i for i in shown if (i.checklist, i.unit) in required(tx, policy)])
        if tx.stage in HERE
        else None,
        releasable=held,
        supervisors=may,
        others=others,
        record=[
            (title, kept)
            for title, lines in Report(
                policy, page.site.settings.tables.visits.id_kinds, tx
            ).sections()
            if (kept := [line for line in lines if line])
        ],
        at_hand=[
            item.number
            for item in issued
            if name_key(item.issued_to) == name_key(page.operator.name or page.operator)
        ][:AT_HAND],
        papers=paper_kinds(tx, policy),
        papers_here=_papers_here(tx),
        id_kinds=id_kinds(page),
        pictures_kept=page.site.settings.tables.freight.pictures_dir is not None,
        desk_reader=bool(page.site.settings.tables.console.desk_reader),
    )


def _others(page: Page, tx: Transaction, next_act: str) -> list[Other]:
    """The acts that are possible now, beside the next one."""
    if tx.stage in OVER:
        return []
    if tx.stage is Stage.EXPECTED:
        return [Other("turn-away", _("it does not come"))]
    possible = {"turn-away"}
    if tx.arrival is not None and not tx.arrival.id_kind:
        possible.add("identify")
    if tx.seals_seen or tx.loaded:
        possible.add("check")
    if tx.stage in (Stage.ARRIVED, Stage.INSPECTED):
        possible.add("hook")
    if tx.loading is not None:
        possible.add("papers")
    if tx.loaded and tx.stage is not Stage.ARRIVED:
        possible.add("seal")
    if tx.spot is not None and tx.spot.drawn:
        possible.add("spot")
    return [Other(act, _(words)) for act, words in OTHERS.items() if act in possible - {next_act}]


def paper_kinds(tx: Transaction | None, policy: FreightPolicy) -> list[tuple[str, str, bool]]:
    """(kind, words, needed and missing) of the documents that a guard may add."""
    had = {kind for kind, _number in _papers_here(tx)} if tx else set()
    kinds = dict.fromkeys((*policy.documents, *PAPERS))
    return [
        (kind, _(PAPERS.get(kind, kind)), kind in policy.documents and kind not in had)
        for kind in kinds
    ]


def _papers_here(tx: Transaction) -> list[tuple[str, str]]:
    papers = (
        *(tx.arrival.documents if tx.arrival else ()),
        *(tx.loading.documents if tx.loading else ()),
    )
    return [(paper.kind, paper.number) for paper in papers]


def id_kinds(page: Page) -> list[tuple[str, str]]:
    """The site's kinds of photo ID, with their words."""
    kinds = page.site.settings.tables.visits.id_kinds
    return [(name, choose((kind.en, kind.es))) for name, kind in kinds.items()]


async def answer(
    page: Page, number: int, *, act: str = "", wrong: str = "", status: int = 200
) -> Response:
    """The page of one truck.  After a refusal it says why, and keeps what was typed."""
    truck = await page.run(read, page, number, act)
    facts = {"words": comparison.VVTT_WORDS, "unit_kind": unit_kind, "state_word": way.state_word}
    choices = {"reasons": REASONS, "away": AWAY, "acts": way.ACT_WORDS}
    return page.render(
        "trucks/truck.html", status=status, truck=truck, wrong=wrong, **facts, **choices
    )


async def done(
    page: Page, number: int, act: str, work: Callable[[], object], to: str = ""
) -> Response:
    """Do `work` in a thread and go on to `to`, by default the truck; if the desk refuses, show the
    truck with the reason and what was typed."""
    try:
        await page.run(work)
    except DeskError as error:
        return await answer(page, number, act=act, wrong=error.say(), status=409)
    finally:
        await page.nudge()  # also after a refusal: the try may be an event
    return page.back(to or f"/trucks/{number}")


def version(page: Page) -> int | None:
    """The version that the operator looked at, from the form."""
    text = page.field("version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
