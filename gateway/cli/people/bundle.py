"""`garita bundle ...`: a list signed once, for many gates."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.locale import _
from gateway.people.sources import SourceError, bundle, parts
from gateway.people.sync.file import MAX_BYTES
from gateway.vault.files import write_whole

app = App()


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="PATH.key signs and stays; PATH.pub goes to gates.")],
) -> None:
    """Make a pair of keys.  Whoever has the private one decides who may pass."""
    private, public = path.with_suffix(".key"), path.with_suffix(".pub")
    try:
        name = bundle.keygen(private, public)
    except SourceError as error:
        common.fail(str(error), common.REFUSED)
    common.out.print(
        _("key {name}: {private} signs (keep it safe), {public} goes to the gates").format(
            name=name, private=private, public=public
        ),
        markup=False,
        soft_wrap=True,
    )


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="The list: CSV or JSON.")],
    key: Annotated[Path, typer.Option("--key", help="The private key.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write.")],
    gateways: Annotated[str, typer.Option(help="Gateways it is for, parted by commas; * is all.")],
    serial: Annotated[
        int, typer.Option(min=0, help="Must grow from list to list; without: the time.")
    ] = 0,
) -> None:
    """Sign a list."""
    now = datetime.now(UTC)
    names = [name.strip() for name in gateways.split(",") if name.strip()]
    if not names:
        common.fail(_("--gateways names nobody"), common.USAGE)
    try:
        if file.stat().st_size > MAX_BYTES:
            common.fail(
                _("{file} is larger than {max_bytes} MiB").format(
                    file=file, max_bytes=MAX_BYTES >> 20
                ),
                common.REFUSED,
            )
        form = "json" if file.suffix.lower() == ".json" else "csv"
        raw = bundle.seal(
            file.read_bytes(),
            bundle.load_private(key),
            form=form,
            gateways=names,
            generated_at=now,
            serial=serial or int(now.timestamp()),
        )
        write_whole(output, raw, mode=0o644)  # a gate never sees half of it
    except (SourceError, OSError) as error:
        common.fail(str(error), common.REFUSED)
    common.out.print(
        _("{output}: signed for {names}").format(output=output, names=", ".join(names)),
        markup=False,
    )


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The bundle.")],
    key: Annotated[list[Path], typer.Option("--key", help="A public key that is trusted.")],
    json: common.JsonOption = False,
) -> None:
    """Check a bundle's signature and say what it is; exit code 3 if it is not good."""
    try:
        keys = [bundle.load_public(path) for path in key]
        found = bundle.open_file(file, keys, max_bytes=MAX_BYTES)
    except SourceError as error:
        common.fail(str(error), common.CHECK_FAILED)
    header = found.header
    about = {
        "serial": header.serial,
        "generated_at": header.generated_at.isoformat(),
        "gateways": list(header.gateways),
        "format": header.format,
        "key": header.key,
        "sha256": header.sha256,
        "size": header.size,
    }
    if json:
        common.print_json(about)
        return
    for name, value in about.items():
        common.out.print(f"{name}: {value}", markup=False, soft_wrap=True)


@app.command()
def publish(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="The bundle.")],
) -> None:
    """Publish a bundle to the broker of the configuration, retained, in parts that it takes."""
    import aiomqtt  # noqa: PLC0415 - other commands start sooner without

    from gateway.uplink.bundles import send  # noqa: PLC0415

    settings = ctx.settings
    if settings.tables.mqtt is None:
        common.fail(_("the configuration has no [mqtt]"), common.REFUSED)
    try:
        raw = file.read_bytes()
        if len(raw) > parts.MAX_BYTES:
            common.fail(
                _("{file} is larger than {max_bytes} MiB").format(
                    file=file, max_bytes=parts.MAX_BYTES >> 20
                ),
                common.REFUSED,
            )
        pieces = parts.split(raw)
        asyncio.run(send(settings.tables.mqtt, pieces))
    except (OSError, aiomqtt.MqttError) as error:
        common.fail(str(error), common.UNREACHABLE)
    common.out.print(
        _("{file}: published in {count} part(s)").format(file=file, count=len(pieces)), markup=False
    )
