"""`garita console`: the web console, a process of its own."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.consoleaccount import app as accounts
from gateway.cli.consoleaccount import opened
from gateway.cli.context import Context
from gateway.console.security import passwords
from gateway.locale import _
from gateway.vault.authority import CertError

app = App(no_args_is_help=False, invoke_without_command=True)
app.add_typer(accounts, name="account", help="Who signs in at the console.")


@app.callback()
def console(ctx: Context) -> None:
    """Run the web console in the foreground: the gate from a browser."""
    if ctx.invoked_subcommand is None:
        _run(ctx)


@app.command()
def password(
    ctx: Context,
    operator: Annotated[str, typer.Argument(help="The operator's name to sign in with.")],
) -> None:
    """Give an operator a password for the console; it is read from a prompt or a pipe."""
    if all(item.login != operator for item in ctx.operators.all()):
        said = _("there is no operator {name}").format(name=operator)
        common.fail(said, common.REFUSED)
    if sys.stdin.isatty():
        typed = typer.prompt(_("Password"), hide_input=True, confirmation_prompt=True, err=True)
    else:
        typed = sys.stdin.readline().rstrip("\n")
    try:
        passwords.check_new(typed, typed, operator)
    except passwords.WeakPassword as error:
        common.fail(str(error), common.REFUSED)
    with opened(ctx) as store:
        store.set_password(operator, passwords.hashed(typed))


@app.command()
def cert(
    ctx: Context,
    names: Annotated[
        list[str], typer.Argument(help="Names and addresses by which browsers open the console.")
    ],
) -> None:
    """Make the console's own certificate, and at first an authority that browsers are told of."""
    from gateway.console.security import certs  # noqa: PLC0415 - for this command alone

    settings = ctx.settings
    folder = settings.tables.console.data_dir / "tls"
    try:
        made = certs.make(folder, names, settings.site.gateway, now=certs.now())
    except CertError as error:
        common.fail(str(error), common.REFUSED)
    common.say(f'cert_file = "{made.cert}"')
    common.say(f'cert_key_file = "{made.key}"')
    common.say(_("it ends on {day}; make it anew before").format(day=f"{made.ends:%Y-%m-%d}"))
    if made.new_ca:
        common.say(_("put {ca} into each browser as an authority, once").format(ca=made.ca))


@app.command()
def setup(
    ctx: Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of 127.0.0.1.")] = 8441,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Simulate a reader and a relay board.")
    ] = False,
) -> None:
    """First run: find the devices, make garita.toml, and open the first door, in a browser.

    It listens on this machine alone.  From another one: ssh -L 8441:127.0.0.1:8441 BOX.
    """
    from gateway.console.setup.server import serve  # noqa: PLC0415 - the server, which others lack

    if ctx.config.exists():
        said = _("{path} is there already: the wizard makes a new gate and changes none")
        common.fail(said.format(path=ctx.config), common.REFUSED)
    try:
        serve(ctx.config, port, simulated, lambda url: common.say(_("open {url}").format(url=url)))
    except OSError as error:
        common.fail(str(error), common.UNREACHABLE)


def _run(ctx: Context) -> None:
    arguments = ["-m", "gateway.console", "-c", str(ctx.config)]
    # Few arenas: else each of its threads keeps some MB that it once used (mallopt(3)).
    environment = {"MALLOC_ARENA_MAX": "2", **os.environ}
    command = [sys.executable, *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted
