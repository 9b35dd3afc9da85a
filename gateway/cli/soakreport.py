"""How the crash lab's result is said: a table for people, JSON for scripts."""

from __future__ import annotations

from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.locale import _
from gateway.selftest.soak import KINDS, Result
from gateway.selftest.tally import CONFIDENCE, FEW, Tally, highest_rate


def begun(tally: Tally, quiet: bool) -> None:
    """Say on stderr what is tried now."""
    if not quiet:
        common.err.print(_(KINDS[tally.kind].title), markup=False, soft_wrap=True)


def as_json(result: Result, seed: int) -> dict[str, object]:
    """The figures for a script; `at_most` is how often a fault can happen, with 95 % confidence."""
    return {
        "ok": result.ok,
        "seed": seed,
        "trials": [
            {**asdict(tally), "at_most": None if tally.faults else highest_rate(tally.tried)}
            for tally in result.tallies
        ],
        "skipped": list(result.skipped),
        "longest_rest_s": round(result.longest_rest_s, 3),
        "kept": str(result.kept) if result.kept else None,
    }


def show(result: Result, seed: int) -> None:
    """The figures for people."""
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
        most = "" if tally.faults or tally.tried < FEW else f"1 : {tally.tried // 3}"
        table.add_row(
            _(KINDS[tally.kind].title),
            str(tally.tried),
            str(tally.promised),
            str(tally.opened),
            lost,
            most,
        )
    common.out.print(table)
    if result.skipped:
        said = _(
            "Power cuts were not tried: this Python has its own SQLite, which can't be watched. "
            "The system's Python can (apt install python3-venv)."
        )
        common.out.print(f"[yellow]{said}[/yellow]", soft_wrap=True)
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
        said = _("Nothing that was promised was lost in {tried} crashes.").format(tried=tried)
        if tried >= FEW:
            sure = _(
                "With {percent:.0f} % confidence, fewer than 1 crash in {one_in} loses something "
                "(rule of three)."
            )
            said += " " + sure.format(percent=CONFIDENCE * 100, one_in=tried // 3)
        common.say(said)
    for tally in result.tallies:
        for fault in tally.faults:
            common.out.print(f"[red]{tally.kind}: {escape(fault)}[/red]", soft_wrap=True)
    if result.kept:
        common.say(_("What the faults left is in {folder}").format(folder=result.kept))
    common.say(_("Repeat it with --seed {seed}").format(seed=seed))
