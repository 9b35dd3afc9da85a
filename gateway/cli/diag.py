"""`garita diag`: one file for support, without secrets and without anybody's data."""

from __future__ import annotations

import errno
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.locale import _, system


def diag(
    ctx: Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The zip file to write, - for the standard output; without it, one in this folder."
        ),
    ] = None,
) -> None:
    """Pack what support needs into one file, without secrets and without anybody's data; works
    while the gateway is stopped or broken."""
    from gateway.diag.pack import gather, packed  # noqa: PLC0415 - nothing else needs it
    from gateway.vault.files import write_new  # noqa: PLC0415

    members = gather(ctx.config)
    data = packed(members)
    if file is not None and str(file) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = file or Path(f"garita-diag-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip")
    try:
        write_new(target, data)
    except FileExistsError:
        common.fail(_("{file} exists already").format(file=target), common.REFUSED)
    except OSError as error:
        said = _("{file}: {error}").format(
            file=target, error=system(error.strerror) or type(error).__name__
        )
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            said += ". " + _("Name a file on another disk, such as a USB stick or /dev/shm.")
        common.fail(said, common.UNREACHABLE)
    table = Table(_("file"), _("bytes"), _("what"), box=None)
    for member in members:
        what = escape(_(member.what))
        if member.error:
            missing = _("not to be had: {kind}").format(kind=member.error)
            what = f"{what} [red]({missing})[/red]"
        table.add_row(member.name, str(len(member.data)), what)
    common.out.print(table)
    common.out.print(
        _("{file}: {size} bytes. It holds no password, key, name, badge or picture.").format(
            file=target, size=len(data)
        ),
        markup=False,
        soft_wrap=True,
    )
