"""`garita explain` and `garita replay`: what would happen and why, rule by rule, from the same
`decide()` that the gate uses.  They read files and open nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.keyed import Keyed
from gateway.cli.people.permit import moment
from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.config.criteria.editions import Named
from gateway.daemon import control
from gateway.decide import Step
from gateway.decide.model import Decision, Outcome
from gateway.decide.policy import Direction
from gateway.decide.replay import NotReplayable, replay_steps
from gateway.decide.whatif import ASKED, Obstacle, settled, ways
from gateway.desk.explain import Facts, ListSnapshot, NotListed
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import GaritaError, _
from gateway.people import Roster, RosterUnavailable
from gateway.wording import criteria, text, words
from gateway.wording.details import detail
from gateway.wording.ways import sentence


def explain_(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="The person's id in the list.")],
    door: Annotated[str, typer.Argument(help="The door's name in the configuration.")],
    at: Annotated[
        str, typer.Option(help="When: 2026-11-30T18:00, site time; now if left out.")
    ] = "",
    way: Annotated[str, typer.Option(help="in or out.")] = "in",
    face: Annotated[bool, typer.Option("--face", help="They come without a badge.")] = False,
    json: common.JsonOption = False,
) -> None:
    """What would happen if they showed their badge (or only their face), and why, rule by rule."""
    settings = ctx.settings
    if way not in ("in", "out"):
        common.fail(_("--way is in or out"), common.USAGE)
    when = moment(settings, at).astimezone(UTC) if at else datetime.now(UTC)
    known = _facts(settings, person, when)
    request, assumed = known.request(door, Direction(way), when), known.assumed
    if face:
        request = replace(request, credential=None, identified=True, enrolled=_enrolled(settings))
    answer = settled(request, settings.site, when)
    decision, steps, asked = answer.decision, answer.steps, answer.asked
    obstacles = ways(request, settings.site, when)
    if json:
        common.print_json(
            {
                "person": person,
                "door": door,
                "way": way,
                "identified": face,
                "at": when.isoformat(),
                "asked": [item.value for item in asked],
                "assumed": assumed,
                **_decided(decision),
                "steps": _steps(steps),
                "ways": [_obstacle(item) for item in obstacles],
            }
        )
        return
    who = request.person.name if request.person else person
    shown = words.moment(when, settings.site.zone, named=True)
    way_word = _("in") if way == "in" else _("out")
    common.out.print(f"{who}, {door} ({way_word}), {shown}", markup=False)
    _show_steps(steps)
    for item in asked:
        common.out.print(f"  ? {text.reason(ASKED[item])}", markup=False)
    _show_decision(decision)
    for line in criteria.lines(settings, _today(decision)):
        common.out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    _show_ways(obstacles, settings)
    if assumed:
        common.out.print(
            _("assumed: {assumed}").format(assumed="; ".join(assumed)), markup=False, soft_wrap=True
        )


def replay(
    ctx: Context,
    number: Annotated[int, typer.Argument(help="The event's number in the log.")],
    json: common.JsonOption = False,
) -> None:
    """Decide a past badge again, by today's list and policy, and show what differs."""
    settings = ctx.settings
    reader = LedgerReader(settings.ledger_path)
    try:
        event = reader.get(number)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        reader.close()
    if event is None:
        common.fail(_("there is no event {number}").format(number=number), common.REFUSED)
    try:
        then, now, steps = replay_steps(event, settings.site, list_snapshot(settings))
    except NotReplayable as error:
        common.fail(_("event {number}: {error}").format(number=number, error=error), common.REFUSED)
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    differs = (then.outcome, then.reason) != (now.outcome, now.reason)
    if json:
        common.print_json(
            {
                "seq": number,
                "time": event.time,
                "then": _decided(then),
                "now": _decided(now),
                "differs": differs,
                "policy_changed": then.policy_version != now.policy_version,
                "steps": _steps(steps),
            }
        )
        return
    at = words.moment(event.time, settings.site.zone, seconds=True, named=True)
    common.out.print(f"{at}  {text.describe(event, zone=settings.site.zone)}", markup=False)
    _show_steps(steps)
    served = {"then": editions.named(event.type, event.data), "now": _today(now)}
    for word, decision in (("then", then), ("now", now)):
        common.out.print(_("then:") if word == "then" else _("now:"), end=" ")
        _show_decision(decision)
        if line := criteria.numbers(served[word]):
            common.out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    same_policy = then.policy_version == now.policy_version
    common.out.print(
        _("{verdict}; {policy}; list {then} then, {now} now").format(
            verdict=_("[red]differs[/red]") if differs else _("the same"),
            policy=_("same policy") if same_policy else _("another policy"),
            then=then.list_version,
            now=now.list_version,
        )
    )


def list_snapshot(settings: Settings) -> ListSnapshot:
    """The list in force for a replay.  If neither this account nor a running gateway can tell a
    badge by its fingerprint, whoever held it then stands for it, and a note says so."""

    def unsure(person: str, why: GaritaError) -> None:
        note = _("note: taken as the badge of {person}, who had it then: {why}")
        common.err.print(note.format(person=person, why=why), markup=False, soft_wrap=True)

    return ListSnapshot(settings, Keyed(settings).owner, unsure)


def _enrolled(settings: Settings) -> int:
    """Among how many people a face without a badge would be found."""
    roster = Roster(settings.people_path)
    try:
        return len(roster.enrolled())
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        roster.close()


def _facts(settings: Settings, person: str, when: datetime) -> Facts:
    """What is known now of a person and of the gate."""
    status = None
    with contextlib.suppress(control.ControlError):
        status = control.ask(settings.socket_path, "status")
    try:
        return Facts.read(settings, person, when, status)
    except NotListed as error:
        common.fail(str(error), common.REFUSED)
    except (RosterUnavailable, LedgerUnavailable) as error:
        common.fail(str(error), common.UNREACHABLE)


def _today(decision: Decision) -> list[Named]:
    """The criteria of a decision that was made just now."""
    return [Named(item, (item,)) for item in decision.criteria]


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "rule": decision.rule,
        "degraded": list(decision.degraded),
        "fallback": dict(decision.fallback),
        "criteria": list(decision.criteria),
        "policy_version": decision.policy_version,
    }


def _steps(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [
        {
            "rule": step.name,
            "passed": step.end is None,
            "reason": step.end.reason.value if step.end else "",
            "detail": step.end.rule if step.end else "",
        }
        for step in steps
    ]


def _show_steps(steps: tuple[Step, ...]) -> None:
    table = Table(show_header=False, box=None)
    for step in steps:
        mark = _("[green]ok[/green]")
        if step.end is not None:
            mark = _("[red]no[/red]") if step.end.outcome is Outcome.DENY else "?"
        why = detail(step.end.rule) if step.end else ""
        table.add_row(mark, escape(text.rule(step.name)), escape(why))
    common.out.print(table)


def _obstacle(item: Obstacle) -> dict[str, Any]:
    """What stands in the way, as JSON; the codes are those of gateway/decide/waysout.py."""
    return {
        "reason": item.reason.value,
        "detail": item.rule,
        "ways": [{"code": way.code, **way.facts} for way in item.ways],
    }


def _show_ways(obstacles: Sequence[Obstacle], settings: Settings) -> None:
    """What would let them in: for each thing in the way, who can do what."""
    for number, item in enumerate(obstacles):
        head = _("what would let them in:") if number == 0 else _("and then:")
        common.out.print(head, text.reason(item.reason.value), markup=False, soft_wrap=True)
        for way in item.ways:
            line = sentence(way, settings.site.zone)
            common.out.print(f"  - {line}", markup=False, highlight=False, soft_wrap=True)


def _show_decision(decision: Decision) -> None:
    line = f"{decision.reason.value}: {text.reason(decision.reason.value)}"
    if decision.rule:
        line += f" ({detail(decision.rule)})"
    if decision.fallback:
        pairs = (f"{words.word(k)}: {words.word(v)}" for k, v in decision.fallback.items())
        line += f" [{', '.join(pairs)}]"
    common.out.print(line, markup=False, soft_wrap=True)
