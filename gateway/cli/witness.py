"""`garita witness`: a witness of gateways' logs, on a machine that is not a gate."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.config import ConfigError
from gateway.locale import _, system
from gateway.vault.databases import SIDES, damage_of
from gateway.vault.signkey import SignKeyError
from gateway.vault.statefile import put_aside
from gateway.witness.config import DEFAULT_CONFIG, WitnessTable, load
from gateway.witness.store import Store, StoreError
from gateway.wording import words

app = App(no_args_is_help=False, invoke_without_command=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The witness's configuration file (/etc/garita/witness.toml)."
    ),
]


@app.callback()
def witness(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Run a witness in the foreground: it cosigns the heads of logs that only grew.

    It speaks c2sp.org/tlog-witness.
    """
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        _run(_table(ctx, None))


@app.command()
def key(ctx: typer.Context, config: ConfigOption = None) -> None:
    """The public key, for gateways and trust files; makes the key if there is none."""
    table = _table(ctx, config)
    try:
        if not table.key_file.exists():
            table.opened()[1].close()
        common.say(str(table.signer().key))
    except (SignKeyError, StoreError) as error:
        common.fail(str(error), common.UNREACHABLE)


@app.command()
def anew(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Begin anew with every log, after the file of what was cosigned was lost or damaged.

    Whoever can make a gate show an older log can have it cosigned once.  First ask whether a copy
    of the file can be had that is newer than the last cosignature.
    """
    path = _table(ctx, config).database
    if not (why := damage_of(path)):
        common.fail(_("{path} is good: nothing is begun anew").format(path=path), common.REFUSED)
    try:
        aside = put_aside(path, *SIDES)
        Store.begin(path)
    except (OSError, StoreError) as error:
        common.fail(str(error), common.UNREACHABLE)
    if aside:
        common.say(_("{file} is now {aside}").format(file=path.name, aside=aside))
    common.say(why)
    common.say(_("this witness begins anew with every log: tell those who trust it"))


@app.command()
def logs(ctx: typer.Context, config: ConfigOption = None, json: common.JsonOption = False) -> None:
    """The logs that it knows: how large each was when it was cosigned last, and when."""
    table = _table(ctx, config)
    held = {}
    if table.key_file.exists() or table.database.exists():  # it has been begun
        try:
            store = Store(table.database)
            held = {one.checkpoint.origin: one for one in store.all()}
            store.close()
        except StoreError as error:
            common.fail(str(error), common.UNREACHABLE)
    names = sorted({*held, *(one.name for one in table.known.keys)})
    if json:
        common.print_json(
            [
                {
                    "origin": name,
                    "size": held[name].checkpoint.size if name in held else None,
                    "root": held[name].checkpoint.root.hex() if name in held else None,
                    "time": held[name].time if name in held else None,
                    "began_anew": table.known.began_anew(name),
                }
                for name in names
            ]
        )
        return
    shown = Table(_("log"), _("events"), _("cosigned"), "", box=None)
    for name in names:
        one = held.get(name)
        at = datetime.fromtimestamp(one.time, UTC).isoformat(" ") if one else _("never")
        anew = _("a log that a gate began anew") if table.known.began_anew(name) else ""
        shown.add_row(name, words.number(one.checkpoint.size) if one else "-", at, anew)
    common.out.print(shown)


def _table(ctx: typer.Context, config: Path | None) -> WitnessTable:
    path = config or ctx.obj or (ctx.parent.obj if ctx.parent else None) or DEFAULT_CONFIG
    try:
        return load(path)
    except ConfigError as error:
        common.mistaken(error.mistakes)


def _run(table: WitnessTable) -> None:
    from gateway.witness.http import serve  # noqa: PLC0415 - the server, which other commands lack

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        serve(table)
    except (SignKeyError, StoreError) as error:
        common.fail(str(error), common.UNREACHABLE)
    except OSError as error:
        common.fail(system(error.strerror) if error.strerror else str(error), common.UNREACHABLE)
