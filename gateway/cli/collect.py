"""`garita collect`: the audit subscriber at headquarters."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.collector.config import DEFAULT_CONFIG, CollectorTable, load
from gateway.collector.reading import Unreachable, snapshot
from gateway.collector.status import GatewayState, Status
from gateway.collector.status import status as read_status
from gateway.collector.verify import Verified
from gateway.collector.verify import verify as read_records
from gateway.config import ConfigError
from gateway.locale import N_, GaritaError, _, system
from gateway.wording import words
from gateway.wording.text import duration

app = App(no_args_is_help=False, invoke_without_command=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The collector's configuration file (/etc/garita/collector.toml)."
    ),
]


KINDS = {
    "log_lost": N_("records of its log are lost, as the gateway says"),
    "log_anew": N_("the gateway began another log: it was replaced, or its log was moved away"),
    "conflict": N_("another record of a number that is stored: a forgery, or a disk that lied"),
    "replaced": N_("what was stored was not what the gateway signed, and is so now"),
    "root_differs": N_("what is stored is not what the gateway signed"),
    "no_data": N_("a record came without its data: nothing behind it can be proven"),
    "key_changed": N_("a signed head is of a key that is not the gateway's"),
    "quarantine": N_("messages that are not records"),
    "database_lost": N_("what was stored before is lost: the file was damaged and put aside"),
}
"""Alarms (gateway/collector/alarms.py) in words."""


@app.callback()
def collect(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Run a collector in the foreground: it stores what gateways publish.

    It holds the records against what the gateways signed, and asks for those that are missing.
    """
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        _run(table_of(ctx, None))


@app.command()
def status(
    ctx: typer.Context, config: ConfigOption = None, json: common.JsonOption = False
) -> None:
    """How far each gateway's log is stored, who reads it, and what is wrong."""
    try:
        with snapshot(table_of(ctx, config)) as db:
            found = read_status(db)
    except Unreachable as error:
        common.fail(str(error), common.UNREACHABLE)
    if json:
        common.print_json({**asdict(found), "troubled": found.troubled})
        return
    _show_gateways(found)
    _show_servers(found)
    for one in found.alarms:
        known = KINDS.get(one["kind"])
        said = _(known) if known else one["kind"]
        times = f" (x{one['count']})" if one["count"] > 1 else ""
        common.out.print(
            f"[red]{escape(one['gateway'])}[/red]: {escape(said)}: {escape(one['about'])}{times}, "
            f"{one['last']:%Y-%m-%d %H:%M} UTC",
            soft_wrap=True,
        )


def _show_gateways(found: Status) -> None:
    if not found.gateways:
        common.say(_("no gateway was heard of yet"))
        return
    columns = (_("gateway"), _("heard"), _("stored"), _("missing"), _("signed"), _("collector"), "")
    table = Table(*columns, box=None)
    for one in found.gateways:
        heard = (found.now - one.heard_at).total_seconds() if one.heard_at else None
        table.add_row(
            escape(one.gateway),
            _("never") if heard is None else _("{time} ago").format(time=duration(heard)),
            words.number(one.last_seq),
            words.number(one.missing) if one.missing else "-",
            words.number(one.proven_seq) if one.proven_seq else "-",
            escape(one.collector or "-"),
            "; ".join(_troubles(one)),
        )
    common.out.print(table)


def _troubles(one: GatewayState) -> list[str]:
    found = []
    if one.silent:
        found.append(_("not heard of"))
    elif one.status == "offline":
        found.append(_("offline"))
    if one.missing:
        found.append(_("{time} behind").format(time=duration(one.lag_s)))
    if one.lost:
        found.append(_("records lost: {count}").format(count=words.number(one.lost)))
    if one.conflicts:
        found.append(_("conflicts: {count}").format(count=words.number(one.conflicts)))
    if one.quarantined:
        found.append(_("in quarantine: {count}").format(count=words.number(one.quarantined)))
    return found


def _show_servers(found: Status) -> None:
    for one in found.collectors:
        state = (
            _("reads {count} gateways").format(count=one.gateways)
            if one.live
            else _("gone since {time}").format(time=f"{one.until:%Y-%m-%d %H:%M} UTC")
        )
        common.say(_("collector {name}: {state}").format(name=one.name, state=state))
    for standby in found.standbys:
        lag = standby["lag_s"]
        behind = _("{time} behind").format(time=duration(lag)) if lag is not None else "-"
        common.say(
            _("standby {name}: {state}, {behind}").format(
                name=standby["name"], state=standby["state"] or "-", behind=behind
            )
        )


@app.command()
def verify(
    ctx: typer.Context,
    gateways: Annotated[list[str] | None, typer.Argument(help="Only these gateways.")] = None,
    config: ConfigOption = None,
    json: common.JsonOption = False,
) -> None:
    """Hold every stored record against the gateways' chains and signatures.

    Exit code 3 if something is wrong.
    """
    table, all_found = table_of(ctx, config), []
    keys = {name: one.vkey for name, one in table.gateways.items()}
    try:
        with snapshot(table) as db:
            for found in read_records(db, keys, gateways or ()):
                all_found.append(found)
                if not json:
                    _show(found)
    except Unreachable as error:
        common.fail(str(error), common.UNREACHABLE)
    if unknown := set(gateways or ()) - {one.gateway for one in all_found}:
        names = ", ".join(sorted(unknown))
        common.fail(_("nothing is stored of {names}").format(names=names), common.REFUSED)
    if json:
        common.print_json(
            [
                {**asdict(one), "wrong": [[seq, str(what)] for seq, what in one.wrong]}
                for one in all_found
            ]
        )
    if any(one.wrong for one in all_found):
        raise typer.Exit(common.CHECK_FAILED)


def _show(found: Verified) -> None:
    """What was found of one origin."""
    name = f"{found.gateway} ({found.chain})"
    if found.wrong:
        for _seq, what in found.wrong:
            common.out.print(f"[red]{escape(name)}[/red]: {escape(str(what))}", soft_wrap=True)
        if found.more:
            common.say(_("{name}: {count} more mistakes").format(name=name, count=found.more))
        return
    common.say(
        _("{name}: records {first} to {last} are good").format(
            name=name, first=words.number(found.first), last=words.number(found.last)
        )
    )
    if not found.proven:
        common.say(
            "  " + _("no signed head covers them: nothing shows that they are the gateway's")
        )
    elif found.proven < found.last:
        common.say(
            "  "
            + _("signed up to {proven}; the newest {count} are not signed yet").format(
                proven=words.number(found.proven), count=words.number(found.last - found.proven)
            )
        )
    if found.key == "first_use":
        common.say("  " + _("its key is the one it used first: compare it with `garita log key`"))
    if found.lost:
        common.say(
            "  " + _("lost before them, as the gateway says: {count}").format(count=found.lost)
        )
    if found.omitted:
        common.say("  " + _("without their data: {count}").format(count=found.omitted))


@app.command()
def key(ctx: typer.Context, config: ConfigOption = None) -> None:
    """The mirror's public key, for gateways and trust files; makes the key if there is none."""
    from gateway.collector.service import mirror  # noqa: PLC0415 - heavy: only where it is used

    table = table_of(ctx, config)
    try:
        found = mirror(table)
    except GaritaError as error:
        common.fail(str(error), common.UNREACHABLE)
    if found is None:
        why = _("the configuration names no mirror: add [mirror] with a name")
        common.fail(why, common.REFUSED)
    common.say(str(found.key))


def table_of(ctx: typer.Context, config: Path | None) -> CollectorTable:
    """The configuration, or the end of the command with all mistakes."""
    path = config or ctx.obj or (ctx.parent.obj if ctx.parent else None) or DEFAULT_CONFIG
    try:
        return load(path)
    except ConfigError as error:
        common.mistaken(error.mistakes)


def _run(table: CollectorTable) -> None:
    from gateway.collector.service import Collector, open_database  # noqa: PLC0415 - heavy

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        collector = Collector(table, open_database(table))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_told: collector.stop.set())
        collector.run()
    except OSError as error:
        common.fail(system(error.strerror) if error.strerror else str(error), common.UNREACHABLE)
    except GaritaError as error:
        common.fail(str(error), common.UNREACHABLE)
