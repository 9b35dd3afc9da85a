"""`garita face ...`: the face match, measured on labelled pictures and at this gate."""

from __future__ import annotations

import typer

from gateway.cli import facereport, facetrial

app = typer.Typer(no_args_is_help=True)
app.command("evaluate")(facetrial.evaluate)
app.command("report")(facereport.report)
