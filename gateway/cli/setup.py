"""`garita run`, and what an installer needs: the site key, the clock, the locks."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import devices
from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.locale import _, system
from gateway.vault.sitekey import KeyFileError, SiteKey

key_app = App()
clock_app = App()
lock_app = App()


def run(
    ctx: Context,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the gateway in the foreground."""
    arguments = ["-m", "gateway.daemon", "-c", str(ctx.config), "--log-level", log_level]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted


@key_app.command("new")
def key_new(
    ctx: Context,
    path: Annotated[
        Path | None,
        typer.Argument(help="The file to make; without it, the one of the configuration."),
    ] = None,
) -> None:
    """Make a site key.  Keep a copy in a safe: without it, enrolled faces can't be read."""
    reader = None
    if path is None:
        site = ctx.settings.tables.site
        if site.key_file.startswith("credential:"):
            common.fail(
                _("key_file is {name}: give PATH, and make the credential of it").format(
                    name=site.key_file
                ),
                common.USAGE,
            )
        path, reader = Path(site.key_file), site.data_dir if site.data_dir.exists() else None
    try:
        SiteKey.create(path, reader)
    except KeyFileError as error:
        common.fail(str(error), common.REFUSED)
    common.out.print(_("{path}: made. Keep a copy in a safe.").format(path=path), markup=False)


@clock_app.command("accept")
def clock_accept(
    ctx: Context,
) -> None:
    """Vouch for the time that the clock shows now."""
    answer = ctx.ask("clock_accept")
    common.out.print(
        _("accepted: the log's newest time was {back_s:.0f} s ahead").format(
            back_s=answer["back_s"]
        )
    )


@lock_app.command("rest")
def lock_rest(
    ctx: Context,
) -> None:
    """Put every lock to its state of rest; for ExecStopPost= and for installers."""
    tables = ctx.settings.tables
    failed = False
    for name, table in tables.locks.items():
        if table.reader is not None:  # its outputs drop by themselves
            continue
        doors = {key: item for key, item in tables.doors.items() if item.lock == name}
        try:
            devices.rest_board(name, table, doors)
            common.out.print(_("{name}: at rest").format(name=name), markup=False)
        except OSError as error:
            busy = error.errno in (errno.EAGAIN, errno.EBUSY)
            why = _("in use by another program") if busy else system(error.strerror) or str(error)
            common.err.print(f"{name}: {why}", markup=False)
            failed = True
    if failed:
        raise typer.Exit(common.UNREACHABLE)
