"""`garita selftest`: a look at the box, and the crash lab."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.locale import N_, GaritaError, _, worded
from gateway.selftest import box, storage
from gateway.selftest.finding import Finding, State, bad, good, warn

SHOWN = {
    State.GOOD: N_("good"),
    State.UNKNOWN: N_("not known"),
    State.WARN: N_("[yellow]look at it[/yellow]"),
    State.BAD: N_("[red]wrong[/red]"),
}


def selftest(
    ctx: Context,
    lab: Annotated[
        bool,
        typer.Option("--soak", help="Crash a gate of its own again and again, on this disk."),
    ] = False,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the crashes go on.")] = 5.0,
    trials: Annotated[
        int | None, typer.Option(min=1, help="So many crashes of each kind, however long it takes.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Repeat what another run tried: the number that it printed.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where the trials work; by default in the gateway's data folder."),
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """Look at this box, or crash a gate on it; exit code 3 if something is wrong."""
    if not lab:
        raise typer.Exit(show_findings(findings(ctx.settings), json))
    from gateway.cli import soakreport  # noqa: PLC0415 - a look needs no simulated devices
    from gateway.selftest.soak import soak  # noqa: PLC0415

    where = folder or ctx.settings.tables.site.data_dir
    chosen = secrets.randbits(32) if seed is None else seed
    try:
        result = soak(
            where,
            seed=chosen,
            minutes=None if trials is not None else minutes,
            trials=trials,
            begun=lambda tally: soakreport.begun(tally, json),
        )
    except (OSError, GaritaError) as error:
        common.fail(_("{folder}: {error}").format(folder=where, error=error), common.UNREACHABLE)
    except subprocess.CalledProcessError as error:
        common.fail(str(error.stderr).strip(), common.UNREACHABLE)
    if json:
        common.print_json(soakreport.as_json(result, chosen))
    else:
        soakreport.show(result, chosen)
    raise typer.Exit(common.OK if result.ok else common.CHECK_FAILED)


def show_findings(found: Iterable[Finding], json: bool) -> int:
    """Print what a look found; returns the exit code, 3 if anything is wrong."""
    every = list(found)
    wrong = any(finding.state == State.BAD for finding in every)
    if json:
        items = [
            {"name": f.name, "what": f.what, "state": f.state.value, "said": str(f.said)}
            for f in every
        ]
        common.print_json({"ok": not wrong, "findings": items})
    else:
        table = Table(_("what"), _("state"), box=None)
        table.add_column("", overflow="fold")  # a path is shown whole
        for finding in every:
            table.add_row(
                escape(_(finding.what)), _(SHOWN[finding.state]), escape(str(finding.said))
            )
        common.out.print(table)
    return common.CHECK_FAILED if wrong else common.OK


def findings(settings: Settings) -> Iterator[Finding]:
    """The look at the box."""
    running = None
    try:
        running = control.ask(settings.socket_path, "status")
        said = worded("it runs: process {pid}", pid=running["pid"])
        yield good("gateway", N_("gateway"), said)
    except control.ControlError as error:
        yield warn("gateway", N_("gateway"), str(error))
    yield from storage.look(settings.tables.site.data_dir, settings.tables.health.disk_free_mb)
    yield from box.data(settings)
    yield from box.permissions(settings)
    yield from box.keys(settings, running)
    yield from box.clock(settings)
    yield from box.ports(settings, running)
    yield from box.cameras(settings, running)
    yield from _broker(settings)


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.tables.mqtt is None:
        return
    from gateway.cli.online import look_online  # noqa: PLC0415 - brings MQTT
    from gateway.uplink.credentials import examine  # noqa: PLC0415

    lines, code = look_online(settings)
    for line in lines:
        yield (good if code == common.OK else bad)("broker", N_("broker"), line)
    for item in examine(settings.tables.mqtt):
        yield (bad if item.wrong else warn)("broker", N_("broker"), str(item.message))
