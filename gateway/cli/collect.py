"""`garita collect`: the audit subscriber at headquarters."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.collector.config import DEFAULT_CONFIG, CollectorTable, load
from gateway.config import ConfigError
from gateway.locale import GaritaError, _, system

app = App(no_args_is_help=False, invoke_without_command=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The collector's configuration file (/etc/garita/collector.toml)."
    ),
]


@app.callback()
def collect(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Run a collector in the foreground: it stores what gateways publish.

    It holds the records against what the gateways signed, and asks for those that are missing.
    """
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        _run(table_of(ctx, None))


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
