"""`garita backup` and `garita restore`: a gate in one file, and a gate of such a file."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.backup.contents import BackupError
from gateway.backup.make import make, record
from gateway.backup.restore import restore as restored_from
from gateway.backup.sealing import Sealing, by_passphrase, for_recipients
from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import ConfigError
from gateway.locale import _, system
from gateway.people import RosterUnavailable

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="The passphrase is the first line of this file."),
]


def backup(
    ctx: Context,
    to: Annotated[Path, typer.Argument(help="The new file; it must not be there yet.")],
    passphrase_file: PassphraseOption = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(help="Encrypt for this recipient of age (age1...) instead; repeat for more."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Encrypt the keys alone, and not the data.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """Everything that this gate needs in one file, made while it works: data, keys, configuration.

    The file is encrypted (age); who has it and the passphrase has the gate's keys.
    """
    settings = ctx.settings
    try:
        sealing = _sealing(recipient, passphrase_file)
        header = make(settings, to, sealing, clear=clear)
    except BackupError as error:
        common.fail(str(error), common.REFUSED)
    except OSError as error:
        common.fail(f"{error.filename or to}: {system(error.strerror)}", common.REFUSED)
    _on_record(ctx, header, to, clear=clear)
    if json:
        common.print_json(header | {"file": str(to), "bytes": to.stat().st_size})
        return
    said = _("{path}: the gate {gateway} up to event {last_seq}")
    common.say(said.format(path=to, **header))
    if not header["site_key"]:
        common.say(
            _("note: the site key is not in it, because this account can't read it; keep it apart")
        )


def _on_record(ctx: Context, header: Mapping[str, Any], to: Path, *, clear: bool) -> None:
    """Have the log say that a backup was made.  The backup is good also where it can't."""
    try:
        record(ctx.settings, header, to, clear=clear, by=ctx.operator)
    except (RosterUnavailable, sqlite3.Error, OSError) as error:
        said = _("note: the backup is made, and the log does not say so: {error}")
        common.err.print(said.format(error=error), markup=False, soft_wrap=True)
        return
    common.nudge(ctx.settings)


def restore(
    ctx: Context,
    source: Annotated[Path, typer.Argument(help="The backup.")],
    passphrase_file: PassphraseOption = None,
    identity: Annotated[
        Path | None, typer.Option(help="A file with a key of age, for a recipient's backup.")
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """Make a gate of a backup, on a box whose data folder is empty.

    The log goes on under a new name, because nobody here knows what was published after the backup.
    """
    try:
        keys = _identities(identity) if identity is not None else []
        phrase = "" if keys else _passphrase(passphrase_file, new=False)
        done = restored_from(source, ctx.config, passphrase=phrase, keys=keys)
    except BackupError as error:
        common.fail(str(error), common.REFUSED)
    except ConfigError as error:
        common.mistaken(error.mistakes)
    except OSError as error:
        common.fail(f"{getattr(error, 'filename', '') or source}: {error}", common.REFUSED)
    if json:
        kept = [str(path) for path in done.kept]
        common.print_json({"last_seq": done.last_seq, "first_seq": done.first_seq, "kept": kept})
        return
    for path in done.kept:
        common.say(_("{path} was there and stays").format(path=path))
    common.say(
        _(
            "restored: the log of the backup ends with event {last_seq}, and goes on with"
            " {first_seq} under a new name"
        ).format(last_seq=done.last_seq, first_seq=done.first_seq)
    )


def _sealing(recipients: list[str] | None, passphrase_file: Path | None) -> Sealing:
    if recipients:
        return for_recipients(recipients)
    return by_passphrase(_passphrase(passphrase_file, new=True))


def _passphrase(file: Path | None, *, new: bool) -> str:
    """From a file, from whoever sits here (not shown), or a line from a pipe."""
    if file is not None:
        return file.read_text("utf-8").split("\n", 1)[0].removesuffix("\r")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt(_("passphrase"), hide_input=True, confirmation_prompt=new, err=True)
    return asked


def _identities(file: Path) -> list[str]:
    lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
