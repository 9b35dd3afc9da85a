"""`garita muster`, `garita area ...`, `garita threat ...`: who is inside, passbacks, and the threat
level.  All of it works with the gateway stopped, from its files."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.openlog import open_log
from gateway.daemon.signed import sign
from gateway.ledger import Ledger, LedgerBusy, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import _, language, system
from gateway.people import RosterUnavailable, account
from gateway.state.muster import LONG_H, kept_presence, parts_kept
from gateway.state.muster import muster as who_is_inside
from gateway.state.presence import Presence
from gateway.state.threat import ThreatState, UnknownLevel, kept_threat
from gateway.vault.files import write_whole
from gateway.wording import words
from gateway.wording.muster import said_of_gate

area_app = App()
threat_app = App()


@contextmanager
def stopped_ledger(settings: Settings) -> Iterator[Ledger]:
    """The log while the gateway is stopped; a sentence and exit code 5 otherwise."""
    try:
        with closing(open_log(settings)) as ledger:
            yield ledger
    except (LedgerBusy, LedgerUnavailable, RosterUnavailable) as error:
        common.fail(str(error), common.UNREACHABLE)


def presence(settings: Settings) -> Presence:
    """Who is inside, from the checkpoint and the log; reads only."""
    try:
        return kept_presence(settings)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)


def muster(
    ctx: Context,
    area: Annotated[str, typer.Option(help="This area alone.")] = "",
    parts: Annotated[
        bool, typer.Option("--parts", help="With --json: also how old each gate's part is.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """Who is inside, and since when; also while the gateway is stopped."""
    settings = ctx.settings
    if area and area not in settings.tables.areas:
        common.fail(_("there is no [areas.{area}]").format(area=area), common.REFUSED)
    try:
        answer = control.ask(settings.socket_path, "muster", area=area)
        people, others = answer["people"], answer.get("parts", [])
    except control.ControlError:
        found = presence(settings)
        shared = {name: table.shared for name, table in settings.tables.areas.items()}
        people, others = who_is_inside(found, area), parts_kept(found, shared)
    if area:
        others = [part for part in others if area in part["areas"]]
    if json:
        common.print_json({"people": people, "parts": others} if parts else people)
        return
    now = datetime.now(settings.site.zone)
    table = Table(_("area"), _("person"), _("name"), _("company"), _("since"), "", box=None)
    counts: dict[str, int] = {}
    for row in people:
        since = datetime.fromisoformat(row["since"]).astimezone(settings.site.zone)
        hours = (now - since).total_seconds() / 3600
        counts[row["area"]] = counts.get(row["area"], 0) + 1
        known = settings.tables.areas.get(row["area"])
        title = known.title.said(language()) if known and known.title else row["area"]
        cells = (
            title,
            row["person"],
            row["name"],
            row["company"],
            words.moment(since, settings.site.zone)
            + (f" ({row['gate']})" if row.get("gate") else ""),
        )
        table.add_row(*map(escape, cells), f"[red]{hours:.0f} h[/red]" if hours > LONG_H else "")
    common.out.print(table)
    for name, count in counts.items():
        common.out.print(f"{name}: {count}", markup=False)
    common.out.print(
        _("{count} inside, {now}").format(
            count=len(people), now=words.moment(now, settings.site.zone, named=True)
        ),
        markup=False,
    )
    for part in others:
        for line, wrong in said_of_gate(part, settings.site.zone):
            common.out.print(line, markup=False, style="red" if wrong else None, soft_wrap=True)


@area_app.command()
def forgive(
    ctx: Context,
    person: Annotated[str, typer.Argument(help="The person's id in the list.")],
    reason: common.ReasonOption,
    left: Annotated[bool, typer.Option("--left", help="They are outside, as you know.")] = False,
) -> None:
    """Let a person's next badge count wherever it is shown."""
    settings = ctx.settings
    data: dict[str, Any] = {"person": person, "left": left, "reason": reason[:200]}
    by = common.operator(settings)
    try:
        control.ask(settings.socket_path, "area_forgive", **data)
    except control.Unreachable:
        with stopped_ledger(settings) as ledger:
            ledger.append_sync(NewEvent(EventType.AREA_FORGIVEN, person, {"by": by, **data}))
    common.out.print(
        (_("{person}: forgiven, outside") if left else _("{person}: forgiven")).format(
            person=person
        ),
        markup=False,
    )


@area_app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """The areas: how many are inside, and what holds there."""
    settings = ctx.settings
    try:
        areas = control.ask(settings.socket_path, "status")["areas"]
        inside = {name: area["inside"] for name, area in areas.items()}
    except control.ControlError:
        found = presence(settings)
        inside = {name: found.occupancy(name) for name in settings.site.areas}
    rows = [
        {
            "area": name,
            "inside": inside.get(name, 0),
            "maximum": area.maximum or None,
            "passback": area.passback.value,
            "two_person": area.two_person,
            "requires": list(area.requires),
        }
        for name, area in settings.site.areas.items()
    ]
    if json:
        common.print_json(rows)
        return
    table = Table(
        _("area"), _("inside"), _("maximum"), _("passback"), _("alone"), _("requires"), box=None
    )
    for row, area in zip(rows, settings.site.areas.values(), strict=True):
        alone = _("no") if area.two_person else _("yes")
        cells = (
            area.name,
            str(row["inside"]),
            str(row["maximum"] or "…"),
            words.word(area.passback.value),
        )
        table.add_row(*map(escape, cells), alone, escape(", ".join(area.requires)))
    common.out.print(table)


@threat_app.command()
def show(ctx: Context, json: common.JsonOption = False) -> None:
    """The threat level in force, and those there are."""
    settings = ctx.settings
    try:
        status = control.ask(settings.socket_path, "status")["threat"]
    except control.ControlError:
        status = _stopped_threat(settings).status()
    levels = sorted(settings.tables.threat_levels.items(), key=lambda item: item[1].rank)
    if json:
        common.print_json({"now": status, "levels": [name for name, _level in levels]})
        return
    if status is None:
        common.fail(_("the policy has no [threat_levels]"), common.REFUSED)
    table = Table("", _("level"), _("title"), _("closed"), _("open to"), box=None)
    for name, level in levels:
        mark = ">" if name == status["level"] else ""
        title = level.title.said(language())
        cells = (mark, name, title, ", ".join(level.closed), ", ".join(level.open_to))
        table.add_row(*map(escape, cells))
    common.out.print(table)
    if status["by"]:
        line = _("set {since} by {by}: {reason}").format(
            since=words.moment(status["since"], settings.site.zone, named=True),
            by=status["by"],
            reason=status["reason"],
        )
        common.out.print(line, markup=False)


@threat_app.command("set")
def set_(
    ctx: Context,
    level: Annotated[str, typer.Argument(help="One of [threat_levels].")],
    reason: common.ReasonOption,
) -> None:
    """Put a threat level in force, from the next badge on, restarts included."""
    settings = ctx.settings
    by = common.operator(settings)
    if level not in settings.tables.threat_levels:
        common.fail(_("there is no [threat_levels.{level}]").format(level=level), common.REFUSED)
    try:
        was = control.ask(settings.socket_path, "threat_set", level=level, reason=reason)["was"]
    except control.Unreachable:
        state = _stopped_threat(settings)
        was = state.level
        with stopped_ledger(settings) as ledger:
            try:
                asyncio.run(state.set(level, by, reason, ledger.append))
            except (UnknownLevel, LedgerUnavailable) as error:
                common.fail(str(error), common.REFUSED)
    common.out.print(
        _("threat level {level} (was {was})").format(level=level, was=was), markup=False
    )


@threat_app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="The file for the private key.")],
) -> None:
    """Make a key for signed commands: the private one for whoever sends them, the public one
    for [command_keys] of each gateway."""
    private = Ed25519PrivateKey.generate()
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    try:
        write_whole(path, base64.b64encode(raw) + b"\n", mode=0o600, replace=False)
    except OSError as error:
        common.fail(f"{path}: {system(error.strerror)}", common.REFUSED)
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    common.out.print(f'public_key = "{public}"', markup=False)


@threat_app.command("sign")
def sign_(
    level: Annotated[str, typer.Argument(help="The level to set.")],
    gateway: Annotated[str, typer.Option(help="The gateway's name.")],
    key: Annotated[Path, typer.Option(help="The private key: a file of `threat keygen`.")],
    name: Annotated[str, typer.Option(help="The key's name in [command_keys].")],
    reason: common.ReasonOption,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long it is valid.")] = 120,
) -> None:
    """Print a signed command for <base>/<gateway>/command; needs no configuration."""
    try:
        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.read_bytes()))
    except (OSError, ValueError) as error:
        common.fail(
            _("{key}: no private key: {error}").format(key=key, error=error), common.REFUSED
        )
    now = datetime.now(UTC)
    body = {
        "gateway": gateway,
        "command": "threat_set",
        "level": level,
        "reason": reason,
        "by": account.own(),
        "counter": int(now.timestamp() * 1000),
        "issued": now.isoformat(timespec="seconds"),
        "expires": (now + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
    }
    sys.stdout.write(sign(body, name, private) + "\n")


def _stopped_threat(settings: Settings) -> ThreatState:
    """The level as the files have it; reads only."""
    try:
        return kept_threat(settings)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
