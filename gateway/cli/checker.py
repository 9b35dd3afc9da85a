"""The two programs that check a log without this one, and how they come along with each export.

They are put beside what was exported, under names that never change: a folder of exports has them
once.  A file of that name that is there already is left alone, so nobody's file is lost and a copy
that an auditor trusts stays the one that they had.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.locale import _, system
from gateway.proof.standalone import PAGE, PROGRAM, source
from gateway.vault.files import write_new

ShipOption = Annotated[
    bool,
    typer.Option(
        "--checkers/--no-checkers",
        help="Put the two programs that check it beside it, where they are not there yet.",
    ),
]


def ship(folder: Path) -> None:
    """Put both into `folder`; what is there stays.  A failure is told and hinders nothing."""
    try:
        for name in (PAGE, PROGRAM):
            with contextlib.suppress(FileExistsError):
                write_new(folder / name, source(name).read_bytes())
    except OSError as error:
        said = _("note: the checkers are not beside it: {error}")
        common.err.print(said.format(error=system(error.strerror)), markup=False, soft_wrap=True)


def checker(
    ctx: Context,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where it is written: a .html page for any browser, or a .py."
        ),
    ] = Path(PROGRAM),
) -> None:
    """A program of one file, for whoever checks the log without this one: Python or a browser."""
    name = PAGE if output.suffix.lower() in {".html", ".htm"} else PROGRAM
    try:
        write_new(output, source(name).read_bytes())
    except OSError as error:
        common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)
    common.say(str(output))
