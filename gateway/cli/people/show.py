"""What `garita people sync` and its kin print: what a list changes, what holds it back, what it
would have done to the badges of the past."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.config import Settings
from gateway.decide.model import Person
from gateway.decide.policy import Direction
from gateway.ledger.chain import utc_text
from gateway.locale import _
from gateway.people.losses import Loss
from gateway.people.sync.plan import Plan, Tripped
from gateway.people.sync.rehearsal import Rehearsal
from gateway.people.sync.review import changes_of
from gateway.people.sync.source import RowError
from gateway.wording import lists as wording
from gateway.wording import text, words

SHOWN = 50  # errors and people printed before the rest is only counted


def _rehearsal_json(tried: Rehearsal) -> dict[str, Any]:
    """A rehearsal as JSON; times are those of the log."""
    return {
        **asdict(tried),
        "since": tried.since.isoformat(timespec="seconds"),
        "shifts": [{**asdict(shift), "last": utc_text(shift.last)} for shift in tried.shifts],
    }


def show_tripped(waiting: list[Tripped], json: bool) -> None:
    if json:
        common.print_json({"applied": False, "tripped": [tripped_json(item) for item in waiting]})
    else:
        for item in waiting:
            common.err.print(f"{item.name}: {item.why.say()}", markup=False, soft_wrap=True)
        names = ",".join(item.name for item in waiting)
        common.err.print(
            _("the list in force is unchanged; if this is meant: --confirm {names}").format(
                names=names
            ),
            markup=False,
            soft_wrap=True,
        )
    raise typer.Exit(common.CHECK_FAILED)


def tripped_json(item: Tripped) -> dict[str, Any]:
    """A tripwire as JSON."""
    return {
        "name": item.name,
        "count": item.count,
        "why": item.why.say(),
        "people": list(item.people),
    }


def show_errors(name: str, errors: list[RowError], json: bool) -> None:
    """All that is wrong with a list, and exit code 3."""
    if json:
        rows = [{"line": e.line, "column": e.column, "message": str(e.message)} for e in errors]
        common.print_json({"applied": False, "errors": rows})
    else:
        for error in errors[:SHOWN]:
            common.err.print(f"{name}: {error}", markup=False, soft_wrap=True)
        if len(errors) > SHOWN:
            common.err.print(
                _("... and {count} more (--json lists all)").format(count=len(errors) - SHOWN)
            )
        common.err.print(
            _("{count} error(s): the list in force is unchanged").format(count=len(errors))
        )
    raise typer.Exit(common.CHECK_FAILED)


def _show_rehearsal(tried: Rehearsal, settings: Settings) -> None:
    day = words.day(tried.since.astimezone(settings.site.zone).date())
    common.out.print(
        _("rehearsed on {events} badge(s) since {day}:").format(events=tried.events, day=day),
        markup=False,
    )
    table = Table("", _("person"), _("door"), _("times"), _("last"), _("why"), box=None)
    for shift in tried.shifts[:SHOWN]:
        colour = "red" if shift.now == "refused" else "green"
        now = wording.now(shift)
        why = wording.why(shift)
        table.add_row(
            f"[{colour}]{now}[/{colour}]",
            escape(f"{shift.person} {shift.name}"),
            escape(shift.door + (_(" (out)") if shift.way is Direction.OUT else "")),
            str(shift.count),
            words.moment(shift.last, settings.site.zone),
            escape(why),
        )
    if tried.shifts:
        common.out.print(table)
    else:
        common.out.print(_("  nobody would newly be refused or let in"))
    if len(tried.shifts) > SHOWN:
        common.out.print(
            _("... and {count} more (--json lists all)").format(count=len(tried.shifts) - SHOWN)
        )
    for code, count in tried.unknown.most_common():
        why = text.reason(code)
        common.out.print(
            _("  not known for {count} badge(s): {why}").format(count=count, why=why),
            markup=False,
            soft_wrap=True,
        )


def lost(loss: Loss) -> str:
    """What somebody lost, in words: ``left the list``, ``badge withdrawn (h10301:…45)``."""
    what = ", ".join(words.loss(how) for how in loss.how.split(","))
    detail = words.word(loss.detail) if loss.how == "shut_off" else loss.detail
    return f"{what} ({detail})" if detail else what


def _change_line(plan: Plan, person: Person) -> str:
    more = plan.widened.get(person.id, ())
    said = []
    for name, sides in changes_of(plan, person).items():
        before, after = (wording.cell({name: sides[side]}, name) for side in ("before", "after"))
        wide = " [yellow]" + _("(more access)") + "[/yellow]" if name in more else ""
        said.append(f"{words.word(name)}: {escape(before)} -> {escape(after)}{wide}")
    return f"[yellow]~[/yellow] {escape(person.id)}  {'; '.join(said)}"


def show_plan(
    plan: Plan,
    version: int,
    apply: bool,
    json: bool,
    notes: list[str],
    tried: Rehearsal | str | None = None,
    settings: Settings | None = None,
) -> None:
    """What a list changed, or would change."""
    if isinstance(tried, str):
        notes, tried = [*notes, tried], None
    counts = {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "removed": len(plan.removed),
        "unchanged": plan.unchanged,
    }
    if json:
        people: dict[str, Any] = {
            "added": [person.id for person in plan.added],
            "changed": {key: list(names) for key, names in plan.changed.items()},
            "changes": {person.id: changes_of(plan, person) for person in plan.updates},
            "widened": {key: list(names) for key, names in plan.widened.items()},
            "removed": [key for key, _name in plan.removed],
            "still_revoked": plan.overridden,
        }
        common.print_json(
            {
                "applied": apply,
                "version": version,
                "counts": counts,
                "people": people,
                "tripped": [tripped_json(item) for item in plan.tripped],
                "warnings": notes,
                "rehearsal": _rehearsal_json(tried) if tried else None,
            }
        )
        return
    lines = [f"[green]+[/green] {escape(p.id)}  {escape(p.name)}" for p in plan.added[:SHOWN]]
    changes = sorted(plan.updates, key=lambda person: person.id not in plan.widened)[:SHOWN]
    lines += [_change_line(plan, person) for person in changes]
    lines += [f"[red]-[/red] {escape(key)}  {escape(name)}" for key, name in plan.removed[:SHOWN]]
    for line in lines:
        common.out.print(line, soft_wrap=True)
    if max(len(plan.added), len(plan.changed), len(plan.removed)) > SHOWN:
        common.out.print(_("... (the first {shown} of each are shown)").format(shown=SHOWN))
    for key in plan.overridden[:SHOWN]:
        common.out.print(
            _("! {key} stays revoked (garita people reinstate {key})").format(key=key), markup=False
        )
    if tried is not None and settings is not None:
        _show_rehearsal(tried, settings)
    for note in notes:
        common.out.print(_("note: {note}").format(note=note), markup=False, soft_wrap=True)
    for item in plan.tripped if version == plan.base else ():
        common.out.print(f"[red]![/red] {item.name}: {escape(item.why.say())}", soft_wrap=True)
    common.out.print(", ".join(f"{count} {words.word(word)}" for word, count in counts.items()))
    if version != plan.base:
        common.out.print(_("list version {version} is in force").format(version=version))
    elif apply:
        common.out.print(
            _("list version {version} is in force already: nothing to do").format(version=version)
        )
    elif plan.tripped:
        names = ",".join(item.name for item in plan.tripped)
        common.out.print(
            _("nothing was changed; to put this list in force: --apply --confirm {names}").format(
                names=names
            ),
            markup=False,
        )
    else:
        common.out.print(_("nothing was changed; --apply puts this list in force"))
