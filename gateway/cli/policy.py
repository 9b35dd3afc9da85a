"""`garita explain` and `garita replay`: what would happen and why, rule by rule, from the same
`decide()` that the gate uses.  They read files and open nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import area as areas
from gateway.cli import common, criteria
from gateway.cli.context import Context
from gateway.cli.keyed import Keyed
from gateway.cli.people.permit import moment
from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.config.criteria.editions import Named
from gateway.daemon import control
from gateway.daemon.control import ControlError
from gateway.decide import Step, explain
from gateway.decide.model import (
    Confirmation,
    Credential,
    Decision,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Request,
)
from gateway.decide.policy import Direction, Site, Subsystem
from gateway.decide.replay import Holder, NotReplayable, replay_steps
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import _
from gateway.people import Roster, RosterUnavailable
from gateway.state.health import Health
from gateway.wording import text, words
from gateway.wording.details import detail

_BADGE = Credential("explained", "", "0")


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
    request, assumed = _request(settings, person, door, Direction(way), when)
    if face:
        request = replace(request, credential=None, identified=True, enrolled=_enrolled(settings))
    decision, steps, asked = _to_the_end(request, settings.site, when)
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
            }
        )
        return
    who = request.person.name if request.person else person
    shown = words.moment(when, settings.site.zone, named=True)
    way_word = _("in") if way == "in" else _("out")
    common.out.print(f"{who}, {door} ({way_word}), {shown}", markup=False)
    _show_steps(steps)
    for item in asked:
        common.out.print(f"  ? {text.reason(_REASON[item])}", markup=False)
    _show_decision(decision)
    for line in criteria.lines(settings, _today(decision)):
        common.out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
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
        then, now, steps = replay_steps(event, settings.site, ListSnapshot(settings))
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


class ListSnapshot:
    """The list in force as `replay_event` reads it.  If neither this account nor a running gateway
    can tell a badge by its fingerprint, whoever held it then stands for it, and a note says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._roster = Roster(settings.people_path)
        self._keyed = Keyed(settings)

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        try:
            owner = self._keyed.owner(fingerprint)
        except ControlError as error:
            owner = person_id
            note = _("note: taken as the badge of {person}, who had it then: {why}")
            common.err.print(note.format(person=person_id, why=error), markup=False, soft_wrap=True)
        found = self._roster.find_person(owner)
        return Holder(found.person, found.templates, found.has_pin, found.list_version)

    def person(self, person_id: str) -> Person | None:
        return self._roster.find_person(person_id).person


def _enrolled(settings: Settings) -> int:
    """Among how many people a face without a badge would be found."""
    roster = Roster(settings.people_path)
    try:
        return len(roster.enrolled())
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        roster.close()


def _request(
    settings: Settings, person: str, door: str, direction: Direction, when: datetime
) -> tuple[Request, list[str]]:
    """The request that their badge would make now, and what had to be assumed for it."""
    roster = Roster(settings.people_path)
    try:
        found = roster.find_person(person)
    except RosterUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        roster.close()
    if found.person is None:
        common.fail(
            _("nobody on the list has the id {person}").format(person=person), common.REFUSED
        )
    health = settings.tables.health
    looked = Health(
        settings.tables.site.data_dir,
        disk_free_mb=health.disk_free_mb,
        list_max_age_h=health.list_max_age_h,
    ).failing("", found.applied_at, when)
    looked.pop(Subsystem.CHANNEL, None)
    request = Request(
        door=door,
        credential=_BADGE,
        lookup=Lookup.FOUND,
        person=found.person,
        list_version=found.list_version,
        templates=found.templates,
        face_until=found.face_until,
        has_pin=found.has_pin,
        direction=direction,
        threat=areas.threat_level(settings),
        failing=looked,
    )
    if settings.ledger_path.exists():
        facts = areas.presence(settings).facts(door, direction, person, when)
        request = replace(request, area=facts)
    try:
        shown = control.ask(settings.socket_path, "status")["doors"].get(door)
    except control.ControlError:
        return request, [_("the gateway is not running: lock, reader and camera work")]
    if shown is not None:
        request = replace(
            request,
            out_of_service=bool(shown["out_of_service"]),
            tampered=bool(shown["tampered"]),
        )
    return request, [_("lock and camera work, and no other door of an interlock is open")]


def _to_the_end(
    request: Request, site: Site, when: datetime
) -> tuple[Decision, tuple[Step, ...], list[Outcome]]:
    """The decision if everything that is asked for is given."""
    asked: list[Outcome] = []
    while True:
        decision, steps = explain(request, site, when)
        if decision.outcome not in _REASON or decision.outcome in asked:
            return decision, steps, asked
        asked.append(decision.outcome)
        request = _give(request, site, decision.outcome)


def _give(request: Request, site: Site, asked: Outcome) -> Request:
    """The same request, with what was asked for given as it should be."""
    if asked is Outcome.NEED_PIN:
        return replace(request, pin=PinOutcome.CORRECT)
    if asked is Outcome.NEED_FACE:
        return replace(request, face=FaceResult(FaceOutcome.MATCH, 0.0, 1, liveness=Liveness(True)))
    if asked is Outcome.NEED_CONFIRM:
        return replace(request, confirmation=Confirmation.CONFIRMED)
    # Company: somebody who may escort, and is no visitor themselves.
    assert request.person is not None
    levels = tuple(n for n, a in site.access_levels.items() if a.may_escort and not a.needs_escort)
    who = request.person.escorts[0] if request.person.escorts else "somebody else"
    other = Person(who, who, access_levels=levels)
    return replace(request, companions=(*request.companions, other))


_REASON = {
    Outcome.NEED_PIN: "pin_required",
    Outcome.NEED_FACE: "face_required",
    Outcome.NEED_ESCORT: "escort_required",
    Outcome.NEED_SECOND: "second_required",
    Outcome.NEED_CONFIRM: "confirm_required",
}


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


def _show_decision(decision: Decision) -> None:
    line = f"{decision.reason.value}: {text.reason(decision.reason.value)}"
    if decision.rule:
        line += f" ({detail(decision.rule)})"
    if decision.fallback:
        pairs = (f"{words.word(k)}: {words.word(v)}" for k, v in decision.fallback.items())
        line += f" [{', '.join(pairs)}]"
    common.out.print(line, markup=False, soft_wrap=True)
