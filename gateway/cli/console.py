"""`garita console`: the web console, a process of its own."""

from __future__ import annotations

import logging
import sqlite3
import sys
from contextlib import closing
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.console.security import passwords
from gateway.console.security.store import Store
from gateway.locale import _

app = App(no_args_is_help=False, invoke_without_command=True)


@app.callback()
def console(ctx: Context) -> None:
    """Run the web console in the foreground: the gate from a browser."""
    if ctx.invoked_subcommand is None:
        _run(ctx)


@app.command()
def password(
    ctx: Context,
    operator: Annotated[str, typer.Argument(help="The operator's name in [operators].")],
) -> None:
    """Give an operator a password for the console; it is read from a prompt or a pipe."""
    settings = ctx.settings
    if operator not in settings.tables.operators:
        common.fail(
            _("there is no [operators.{operator}]").format(operator=operator), common.REFUSED
        )
    if sys.stdin.isatty():
        typed = typer.prompt(_("Password"), hide_input=True, confirmation_prompt=True, err=True)
    else:
        typed = sys.stdin.readline().rstrip("\n")
    if not passwords.LEAST <= len(typed) <= passwords.MOST:
        common.fail(
            _("a password has {least} to {most} characters").format(
                least=passwords.LEAST, most=passwords.MOST
            ),
            common.REFUSED,
        )
    with closing(Store(settings.tables.console.data_dir / "console.db")) as store:
        store.set_password(operator, passwords.hashed(typed))


def _run(ctx: Context) -> None:
    from gateway.console.server import serve  # noqa: PLC0415 - the server, which others lack

    settings = ctx.settings
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        serve(settings)
    except (sqlite3.Error, OSError) as error:
        common.fail(str(error), common.UNREACHABLE)
