"""`garita selftest`: a look at the box, and the crash lab."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.locale import GaritaError, _
from gateway.selftest.soak import KINDS, Result, soak
from gateway.selftest.tally import CONFIDENCE, Tally, highest_rate


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
        common.fail(_("say what to do: --soak"), common.USAGE)
    where = folder or ctx.settings.tables.site.data_dir
    chosen = secrets.randbits(32) if seed is None else seed
    try:
        result = soak(
            where,
            seed=chosen,
            minutes=None if trials is not None else minutes,
            trials=trials,
            begun=lambda tally: _begun(tally, json),
        )
    except (OSError, GaritaError) as error:
        common.fail(_("{folder}: {error}").format(folder=where, error=error), common.UNREACHABLE)
    except subprocess.CalledProcessError as error:
        common.fail(str(error.stderr).strip(), common.UNREACHABLE)
    if json:
        common.print_json(_as_json(result, chosen))
    else:
        _show(result, chosen)
    raise typer.Exit(common.OK if result.ok else common.CHECK_FAILED)


def _begun(tally: Tally, quiet: bool) -> None:
    if not quiet:
        common.err.print(_(KINDS[tally.kind].title), markup=False, soft_wrap=True)


def _as_json(result: Result, seed: int) -> dict[str, object]:
    return {
        "ok": result.ok,
        "seed": seed,
        "trials": [
            {**asdict(tally), "at_most": None if tally.faults else highest_rate(tally.tried)}
            for tally in result.tallies
        ],
        "longest_rest_s": round(result.longest_rest_s, 3),
        "kept": str(result.kept) if result.kept else None,
    }


def _show(result: Result, seed: int) -> None:
    table = Table(
        _("what was tried"),
        _("crashes"),
        _("promised before"),
        _("doors opened"),
        _("lost"),
        _("at most"),
        box=None,
    )
    for tally in result.tallies:
        lost = f"[red]{len(tally.faults)}[/red]" if tally.faults else "0"
        most = "" if tally.faults or not tally.tried else f"1 : {tally.tried // 3 or 1}"
        table.add_row(
            _(KINDS[tally.kind].title),
            str(tally.tried),
            str(tally.promised),
            str(tally.opened),
            lost,
            most,
        )
    common.out.print(table)
    unsynced = sum(tally.unsynced for tally in result.tallies)
    gone = sum(tally.gone for tally in result.tallies)
    common.say(
        _("When the power went, {unsynced} changes were not on the disk; {gone} were lost.").format(
            unsynced=unsynced, gone=gone
        )
    )
    common.say(
        _("After the end of a gateway its relays were at rest within {ms:.0f} ms.").format(
            ms=result.longest_rest_s * 1000
        )
    )
    tried = sum(tally.tried for tally in result.tallies)
    if result.ok:
        said = _(
            "Nothing that was promised was lost in {tried} crashes. With {percent:.0f} % "
            "confidence, fewer than 1 crash in {one_in} loses something (rule of three)."
        )
        common.say(said.format(tried=tried, percent=CONFIDENCE * 100, one_in=max(1, tried // 3)))
    for tally in result.tallies:
        for fault in tally.faults:
            common.out.print(f"[red]{tally.kind}: {escape(fault)}[/red]", soft_wrap=True)
    if result.kept:
        common.say(_("What the faults left is in {folder}").format(folder=result.kept))
    common.say(_("Repeat it with --seed {seed}").format(seed=seed))
