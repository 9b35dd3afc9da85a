"""What the page "why" shows: a decision, rule by rule, and what would let the person in.

A record is decided again by the list and policy of today (gateway/decide/replay.py).  What would
let the person in is a question about now: what the site knows now, with what was shown at the
reader then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gateway.config import Settings
from gateway.decide import Step, explain
from gateway.decide.model import Decision, Person, Request
from gateway.decide.policy import Direction
from gateway.decide.replay import NotReplayable, recorded, request_of
from gateway.decide.waysout import Way
from gateway.decide.whatif import ASKED, Obstacle, settled, ways
from gateway.desk.explain import Facts, ListSnapshot, NotListed
from gateway.ledger.event import Event
from gateway.locale import GaritaError, _, language
from gateway.people import Roster
from gateway.wording import text, words
from gateway.wording.details import detail
from gateway.wording.ways import said, who

THEN = ("age_s", "busy", "lock_ready", "interlocked", "clock_trusted", "pin", "pin_locked", "face")
THEN_TOO = ("confirmation", "waited", "companions", "recent", "identified", "enrolled")


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the page: `state` is ok, no, asked (the reader asks for it) or later (a rule that
    was not reached)."""

    words: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """One thing that somebody can do; `code` is that of gateway/decide/waysout.py."""

    code: str
    who: str
    does: str


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What stands in the way, and what can be done about it."""

    reason: str
    detail: str
    ways: tuple[Help, ...]
    final: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The page.  `now` says what today's list and policy answer, "" where it is the same."""

    granted: bool
    reason: str
    code: str
    detail: str
    door: str
    way: str
    at: datetime
    person: str
    name: str
    company: str
    badge: str
    rules: tuple[Rule, ...]
    obstacles: tuple[InTheWay, ...]
    asked: tuple[str, ...]
    notes: tuple[str, ...]
    criteria: tuple[str, ...]
    fallback: tuple[str, ...] = ()
    now: str = ""
    seq: int = 0
    from_now: bool = field(default=False)


class NotADecision(GaritaError):
    """The record is not a decision, or too old to be decided again."""


def of_event(
    event: Event,
    settings: Settings,
    status: Mapping[str, Any] | None,
) -> Why:
    """The page of a record.  `status` is the daemon's, None if it does not run.  Raises
    NotADecision, RosterUnavailable or LedgerUnavailable.

    The console has no key, so it knows a badge by the digits that the record shows: a badge is
    still the same person's if they have one with these.
    """
    notes: list[str] = []
    held, card = event.data.get("person") or {}, event.data.get("credential") or {}

    def owner(fingerprint: str) -> str:
        mine = _badges(settings, str(held.get("id", "")))
        return str(held["id"]) if str(card.get("masked", "")) in mine else ""

    site, when = settings.site, datetime.now(UTC)
    with closing(ListSnapshot(settings, owner, lambda person, why: None)) as snapshot:
        try:
            then = recorded(event)
            request = request_of(event.data, snapshot)
        except (NotReplayable, LookupError, TypeError, AttributeError, ValueError) as error:
            raise NotADecision(str(error)) from error
        at = datetime.fromisoformat(event.time)
        decided, steps = explain(request, site, at)
    if request.door not in site.doors:
        notes.append(_("The door is not in the configuration any more."))
    same = (decided.outcome, decided.reason) == (then.outcome, then.reason)
    obstacles: tuple[Obstacle, ...] = ()
    if not then.granted:
        try:
            present = _now(request, settings, status, when)
            obstacles = ways(present, site, when)
        except NotListed:
            obstacles = ways(request, site, when)
    return _page(
        then if not same else replace(decided, rule=then.rule or decided.rule),
        steps,
        settings,
        door=request.door,
        way=request.direction,
        at=at,
        name=str(held.get("name", "")),
        person=str(held.get("id", "")),
        company=str(held.get("company", "")),
        badge=str(card.get("masked", "")),
        obstacles=obstacles,
        notes=notes,
        now="" if same else _answer(decided),
        seq=event.seq,
    )


def of_person(
    settings: Settings,
    person: str,
    door: str,
    way: Direction,
    status: Mapping[str, Any] | None,
) -> Why:
    """The page of a badge that was not shown: what would happen now.  Raises NotListed,
    RosterUnavailable or LedgerUnavailable."""
    when = datetime.now(UTC)
    known = Facts.read(settings, person, when, status)
    request = known.request(door, way, when)
    answer = settled(request, settings.site, when)
    held = known.person
    return _page(
        answer.decision,
        answer.steps,
        settings,
        door=door,
        way=way,
        at=when,
        person=held.id,
        name=held.name,
        company=held.company,
        badge="",
        obstacles=ways(request, settings.site, when),
        notes=known.assumed,
        asked=tuple(text.reason(ASKED[item]) for item in answer.asked),
        from_now=True,
    )


def _badges(settings: Settings, person: str) -> list[str]:
    """The badges that somebody has now, masked."""
    with closing(Roster(settings.people_path)) as roster:
        return [badge.masked for badge in roster.badges(person)]


def _now(
    request: Request, settings: Settings, status: Mapping[str, Any] | None, when: datetime
) -> Request:
    """The request of then with what is known now of the person, the areas and the gate."""
    person: Person | None = request.person
    if person is None:
        return request
    present = Facts.read(settings, person.id, when, status).request(
        request.door, request.direction, when
    )
    shown = {name: getattr(request, name) for name in (*THEN, *THEN_TOO)}
    return replace(present, **shown, credential=request.credential)


def _page(
    decision: Decision,
    steps: tuple[Step, ...],
    settings: Settings,
    *,
    way: Direction,
    obstacles: tuple[Obstacle, ...],
    notes: list[str],
    **facts: Any,
) -> Why:
    return Why(
        granted=decision.granted,
        reason=text.reason(decision.reason.value),
        code=decision.reason.value,
        detail=detail(decision.rule) if decision.rule else "",
        way=way.value,
        rules=_rules(steps),
        obstacles=tuple(_obstacle(item, settings) for item in obstacles),
        notes=tuple(notes),
        criteria=decision.criteria,
        fallback=tuple(f"{words.word(k)}: {words.word(v)}" for k, v in decision.fallback.items()),
        asked=facts.pop("asked", ()),
        **facts,
    )


def _rules(steps: tuple[Step, ...]) -> tuple[Rule, ...]:
    """Every rule in order; those behind the one that decided were not looked at."""
    found = []
    for step in steps:
        if step.end is None:
            found.append(Rule(text.rule(step.name), "ok"))
            continue
        state = "asked" if step.end.outcome in ASKED else "no"
        found.append(Rule(text.rule(step.name), state, detail(step.end.rule)))
    reached = {step.name for step in steps}
    later = [name for name in text.RULES if name not in reached and name != "error"]
    return (*found, *(Rule(text.rule(name), "later") for name in later))


def _obstacle(item: Obstacle, settings: Settings) -> InTheWay:
    zone = settings.site.zone
    helps = tuple(Help(way.code, who(way), said(_titled(way, settings), zone)) for way in item.ways)
    return InTheWay(
        text.reason(item.reason.value), detail(item.rule) if item.rule else "", helps, item.final
    )


def _titled(way: Way, settings: Settings) -> Way:
    """With a requirement's own title in place of its name."""
    table = settings.tables.requirements.get(str(way.facts.get("kind", "")))
    if table is None:
        return way
    return replace(way, facts={**way.facts, "kind": table.title.said(language())})


def _answer(decision: Decision) -> str:
    if decision.granted:
        return _("By the list and rules of today they would have passed.")
    why = text.reason(decision.reason.value)
    return _("By the list and rules of today the answer would be: {why}").format(why=why)
