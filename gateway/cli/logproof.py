"""`garita log key`, `checkpoint`, `prove`, `trust`: what shows outsiders that the log is whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import checker, common
from gateway.cli.context import Context
from gateway.cli.logfresh import fresh
from gateway.ledger import LedgerUnavailable
from gateway.ledger.heads import Heads, Signed
from gateway.locale import _, system
from gateway.proof import qrcode
from gateway.proof.note import Note
from gateway.vault.files import write_new


def key(
    ctx: Context,
    renew: Annotated[
        bool,
        typer.Option("--renew", help="Change to a new key, which the old one signs on record."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    json: common.JsonOption = False,
) -> None:
    """The public key that auditors need to check the log; one line for a trust file."""
    if renew:
        _renew(ctx, yes=yes)
    try:
        keys = [str(one) for one in Heads(ctx.settings.ledger_path).log_keys()]
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    if not keys:
        common.fail(_nothing(), common.REFUSED)
    if json:
        common.print_json(keys)
        return
    for one in keys:
        common.say(one)


def _renew(ctx: Context, *, yes: bool) -> None:
    question = _("Change the log's key? Auditors, collectors and other gates need the new one")
    if not yes and not common.confirm(question):
        common.fail(_("the key stays as it is"), common.REFUSED)
    ctx.ask("log_key")


def checkpoint(
    ctx: Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the QR code to a .png or .svg file, to print."),
    ] = None,
    qr: Annotated[
        bool | None,
        typer.Option(
            "--qr/--no-qr", help="Show it as a QR code too; otherwise on a terminal only."
        ),
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """The newest signed head of the log: keep it where this box can't reach it."""
    signed = _fresh(ctx)
    if output is not None:
        _draw(signed.note, output)
    if json:
        found = signed.checkpoint
        common.print_json(
            {
                "origin": found.origin,
                "size": found.size,
                "root": found.root.hex(),
                "last_seq": signed.last_seq,
                "note": signed.note.write(),
            }
        )
        return
    typer.echo(signed.note.write(), nl=False)
    if qr or (qr is None and output is None and sys.stdout.isatty()):
        typer.echo(qrcode.drawn(qrcode.of(signed.note)))
        common.say(_("Photograph it: whoever has it can show that the log was cut or changed."))


def _draw(note: Note, output: Path) -> None:
    try:
        picture = qrcode.picture(qrcode.of(note), output.suffix.lower())
        write_new(output, picture)
    except qrcode.UnknownFormat:
        common.fail(_("--output is a .png or .svg file"), common.USAGE)
    except OSError as error:
        common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)
    common.err.print(str(output), markup=False, soft_wrap=True)


def prove(
    ctx: Context,
    seq: Annotated[int, typer.Argument(min=1, help="The event's number.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the two files.")
    ] = Path(),
    checkers: checker.ShipOption = True,
) -> None:
    """One event with the proof that it is in the log, to show it without the others."""
    _fresh(ctx)
    settings = ctx.settings
    trust = settings.tables.log.trust()
    try:
        found = Heads(settings.ledger_path).prove(seq, trust.met)
    except LedgerUnavailable as error:
        common.fail(str(error), common.REFUSED)
    if found is None:
        common.fail(_("no checkpoint covers event {seq} yet").format(seq=seq), common.REFUSED)
    body, proof = found
    name = f"{settings.site.gateway}-{seq}"
    record, beside = output / f"{name}.json", output / f"{name}.tlog-proof"
    try:
        write_new(record, body)
        write_new(beside, proof.write().encode())
    except OSError as error:
        common.fail(f"{record}: {system(error.strerror)}", common.REFUSED)
    if checkers:
        checker.ship(output)
    common.say(_("{record} and {proof}").format(record=record, proof=beside))
    if not trust.met(proof.checkpoint):
        common.say(_("the witnesses have not cosigned it yet; a proof made later has that too"))


def trust(
    ctx: Context,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this new file.")
    ] = None,
) -> None:
    """The trust file for auditors: the log's keys, its witnesses, and how many have to sign."""
    try:
        keys = Heads(ctx.settings.ledger_path).log_keys()
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    if not keys:
        common.fail(_nothing(), common.REFUSED)
    text = ctx.settings.tables.log.trust(keys).write()
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        write_new(output, text.encode())
    except OSError as error:
        common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)
    common.say(str(output))


def _fresh(ctx: Context) -> Signed:
    """The newest checkpoint; whoever can signs one first."""
    newest = fresh(ctx.settings)
    if newest is None:
        common.fail(_nothing(), common.REFUSED)
    return newest


def _nothing() -> str:
    return _("nothing is signed yet: start the gateway, or wait a minute")
