"""`garita upgrade`: what an upgrade would change, whether it can be done, and the way back."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gateway import __version__
from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.decide.model import Decision
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import N_, _
from gateway.people import RosterUnavailable
from gateway.upgrade.databases import list_of
from gateway.upgrade.rehearse import Difference, Tally, Turn, rehearse
from gateway.wording import text, words
from gateway.wording.details import detail

MONTH_DAYS = 31
TURNS = {
    Turn.OPENS: N_("[green]opens[/green]"),
    Turn.REFUSES: N_("[red]refuses[/red]"),
    Turn.ASKS: N_("[yellow]asks[/yellow]"),
    Turn.REASON: N_("another reason"),
}
COUNTS = {
    Turn.OPENS: N_("  {count} would be let in now and were refused"),
    Turn.REFUSES: N_("  {count} would be refused now and were let in"),
    Turn.ASKS: N_("  {count} would be asked for more at the reader"),
    Turn.REASON: N_("  {count} would be refused for another reason"),
}


def upgrade(
    ctx: Context,
    rehearse_: Annotated[
        bool, typer.Option("--rehearse", help="Decide the past month's badges again.")
    ] = False,
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="How many days back a rehearsal goes.")
    ] = MONTH_DAYS,
    check_: Annotated[
        bool, typer.Option("--check", help="Can this program take over? Exit code 3 if not.")
    ] = False,
    undo_: Annotated[
        bool,
        typer.Option("--undo", help="Back to the tables and the version before this one."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Undo without asking.")] = False,
    restart_: Annotated[
        bool,
        typer.Option(
            "--restart-in-window",
            help="Restart the gateway if that is due, the quiet window is open and nobody is at a"
            " door.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Read this data folder in place of the configuration's."),
    ] = None,
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """Before and after a new version: rehearse it, check that it can take over, go back."""
    chosen = [rehearse_, check_, undo_, restart_]
    if sum(chosen) != 1:
        common.fail(
            _("say one thing to do: --rehearse, --check, --undo or --restart-in-window"),
            common.USAGE,
        )
    settings = _of(ctx.settings, data)
    if rehearse_:
        code = _rehearse(settings, days, common.most(limit, json), json)
    elif check_:
        code = _check(settings, json)
    else:
        from gateway.cli import upgradeacts  # noqa: PLC0415 - brings the ways to systemd

        code = upgradeacts.undo(ctx, yes) if undo_ else upgradeacts.restart(ctx)
    raise typer.Exit(code)


def _check(settings: Settings, json: bool) -> int:
    from gateway.cli.selftest import show_findings  # noqa: PLC0415
    from gateway.upgrade.check import check  # noqa: PLC0415

    return show_findings(check(settings), json)


def _of(settings: Settings, data: Path | None) -> Settings:
    """The same settings with another data folder, from which is only read."""
    if data is None:
        return settings
    site = settings.tables.site.model_copy(update={"data_dir": data.absolute()})
    return replace(settings, tables=settings.tables.model_copy(update={"site": site}))


def _rehearse(settings: Settings, days: int, most: int, json: bool) -> int:
    since, tally = datetime.now(UTC) - timedelta(days=days), Tally()
    try:
        with list_of(settings.people_path) as people, common.progress() as bars:
            bar = bars.add_task(_("rehearsing"), total=_last(settings))
            found = rehearse(
                settings.ledger_path,
                people,
                settings.site,
                since,
                tally,
                lambda seq: bars.update(bar, completed=seq),
            )
            if json:
                _print_json(settings, since, tally, found, most)
            else:
                for number, difference in enumerate(found):
                    if number < most:
                        _show(settings, difference)
    except (LedgerUnavailable, RosterUnavailable) as error:
        common.fail(str(error), common.UNREACHABLE)
    if not json:
        _show_tally(settings, since, tally, most)
    return common.CHECK_FAILED if tally.differing else common.OK


def _last(settings: Settings) -> int:
    with closing(LedgerReader(settings.ledger_path)) as records:
        return records.last_seq


def _print_json(
    settings: Settings, since: datetime, tally: Tally, found: Iterator[Difference], most: int
) -> None:
    """One JSON document, written while it is made: a million differences take no memory."""
    head = {
        "version": __version__,
        "policy_version": settings.site.policy_version,
        "since": since.isoformat(timespec="seconds"),
    }
    sys.stdout.write(jsonlib.dumps(head, ensure_ascii=False)[:-1] + ', "differences": [')
    for number, difference in enumerate(found):
        if number < most:
            row = jsonlib.dumps(_row(difference), ensure_ascii=False)
            sys.stdout.write(f"{', ' if number else ''}{row}")
    tail = {
        "decided": tally.decided,
        "differing": tally.differing,
        "turns": {turn.value: tally.turns[turn] for turn in Turn},
        "other_policy": tally.other_policy,
        "not_decided": [{"count": count, "why": why} for why, count in tally.unknown.most_common()],
    }
    sys.stdout.write(f"], {jsonlib.dumps(tail, ensure_ascii=False)[1:]}\n")


def _row(found: Difference) -> dict[str, Any]:
    event = found.event
    return {
        "seq": event.seq,
        "time": event.time,
        "door": str(event.data.get("door", event.subject)),
        "way": str(event.data.get("way", "")),
        "person": str((event.data.get("person") or {}).get("id", "")),
        "turn": found.turn.value,
        "same_policy": found.same_policy,
        "then": _decision(found.then),
        "now": _decision(found.now),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "rule": decision.rule,
    }


def _show(settings: Settings, found: Difference) -> None:
    event = found.event
    person = event.data.get("person") or {}
    who = f"{person.get('id', '')} {person.get('name', '')}".strip() or _("nobody on the list")
    at = words.moment(event.time, settings.site.zone, seconds=True)
    door = escape(str(event.data.get("door", event.subject)))
    turn = _(TURNS[found.turn])
    common.out.print(f"{event.seq:>7}  {at}  {turn}  {door}: {escape(who)}", soft_wrap=True)
    same = "" if found.same_policy else _(" (another configuration)")
    for line in (
        _("then: {decision}").format(decision=_said(found.then)) + same,
        _("now: {decision}").format(decision=_said(found.now)),
    ):
        common.out.print(f"         {line}", markup=False, soft_wrap=True)


def _said(decision: Decision) -> str:
    said = f"{decision.reason.value}, {text.reason(decision.reason.value)}"
    return f"{said} ({detail(decision.rule)})" if decision.rule else said


def _show_tally(settings: Settings, since: datetime, tally: Tally, most: int) -> None:
    common.say_more(most if tally.differing > most else 0)
    day = words.day(since.astimezone(settings.site.zone).date())
    common.say(
        _("{decided} badges since {day} decided again by version {version}: {count} differ").format(
            decided=words.number(tally.decided),
            day=day,
            version=__version__,
            count=words.number(tally.differing),
        )
    )
    for turn, said in COUNTS.items():
        if tally.turns[turn]:
            common.say(_(said).format(count=words.number(tally.turns[turn])))
    if tally.other_policy:
        said = _(
            "  {count} of these were decided under another configuration: the change may be yours"
        )
        common.say(said.format(count=words.number(tally.other_policy)))
    for why, count in tally.unknown.most_common():
        said = _("  not decided again, {count}: {why}")
        common.say(said.format(count=words.number(count), why=why))
    common.say(
        _(
            "Faces and PINs are as they were recorded: no camera and no PIN was tried. "
            "Requirements, grants and escorts are those of now."
        )
    )
