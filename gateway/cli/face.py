"""`garita face ...`: the face match, measured, and what it keeps."""

from __future__ import annotations

import typer

from gateway.cli import privacy

app = typer.Typer(no_args_is_help=True)
privacy.attach(app)
