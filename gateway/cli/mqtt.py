"""`garita mqtt`: what the messages on each topic look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.locale import _, ngettext
from gateway.uplink import schemas

app = App()


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="Whose messages; without it, a list.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all schemas into this folder.")
    ] = None,
) -> None:
    """Show the JSON Schema of the messages on a topic, or write all of them into a folder."""
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for each in schemas.TOPICS:
            (output / f"{each}.schema.json").write_text(schemas.text(each), encoding="utf-8")
        count = len(schemas.TOPICS)
        said = ngettext("{count} schema written", "{count} schemas written", count)
        common.out.print(said.format(count=count))
    elif not name:
        table = Table(_("name"), _("topic"), box=None)
        for each, topic in schemas.TOPICS.items():
            table.add_row(each, escape(topic))
        common.out.print(table)
    elif name in schemas.TOPICS:
        typer.echo(schemas.text(name), nl=False)
    else:
        common.fail(
            _("{name} is none of: {names}").format(name=name, names=", ".join(schemas.TOPICS)),
            common.USAGE,
        )
