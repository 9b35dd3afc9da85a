"""`garita config schema`: what may stand in garita.toml, for editors."""

from __future__ import annotations

import typer

from gateway.setup.shipped import shipped


def schema() -> None:
    """Print the JSON Schema of garita.toml: put it beside the file, and an editor completes it."""
    typer.echo(shipped("config/garita.schema.json").read_text(encoding="utf-8"), nl=False)
