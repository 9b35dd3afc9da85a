"""`garita bundle ...`: a list signed once, for many gates."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.locale import _
from gateway.people.fleet import Fleet, GateList
from gateway.people.sources import SourceError, bundle, parts
from gateway.people.sync.file import MAX_BYTES
from gateway.vault.files import write_whole
from gateway.wording import text, words

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


@app.command()
def gates(
    ctx: Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="These gates; without: all that are heard.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="How long to listen.")] = 3.0,
    json: common.JsonOption = False,
) -> None:
    """Which gate has which list, since when, and which gates lack the newest one (exit code 3)."""
    settings = ctx.settings
    fleet = _listen(settings, names or ["+"], seconds)
    newest = fleet.newest()
    wanted = sorted({*(names or ()), *fleet.lists})
    rows = [_row(name, fleet.lists.get(name), newest) for name in wanted]
    if json:
        common.print_json(rows)
    else:
        _show(rows, newest, settings)
    if not rows or not all(row["newest"] for row in rows):
        raise typer.Exit(common.CHECK_FAILED)


def _listen(settings: Settings, names: list[str], seconds: float) -> Fleet:
    """What gates say of themselves; retained, so a moment is enough."""
    import aiomqtt  # noqa: PLC0415 - other commands start sooner without

    from gateway.uplink.connection import Broker  # noqa: PLC0415
    from gateway.uplink.states import STATE_BYTES, hear_once  # noqa: PLC0415

    mqtt = settings.tables.mqtt
    if mqtt is None:
        common.fail(_("the configuration has no [mqtt]"), common.REFUSED)
    fleet, failed = Fleet(), list[str]()

    async def listen() -> None:
        async def on(broker: Broker) -> None:
            try:
                async with asyncio.timeout(seconds):
                    await hear_once(mqtt, broker, names, fleet.hear)
            except TimeoutError:
                pass
            except (OSError, aiomqtt.MqttError) as error:
                failed.append(f"{broker.address}: {error}")

        me = f"{mqtt.client_id or 'garita'}-{secrets.token_hex(4)}"
        brokers = [Broker(mqtt, me, STATE_BYTES, address) for address in mqtt.addresses]
        await asyncio.gather(*(on(broker) for broker in brokers))

    asyncio.run(listen())
    if len(failed) == len(mqtt.addresses):
        common.fail(failed[0], common.UNREACHABLE)
    return fleet


def _row(name: str, held: GateList | None, newest: GateList | None) -> dict[str, Any]:
    if held is None or newest is None:
        return {"gate": name, "version": None, "since": None, "newest": False, "seconds": None}
    return {
        "gate": name,
        "version": held.version,
        "total": held.total,
        "generated_at": held.generated_at.isoformat() if held.generated_at else None,
        "since": held.since.isoformat(),
        "seconds": max(0.0, round((held.since - held.made).total_seconds(), 1)),
        "sha256": held.sha256,
        "newest": held.sha256 == newest.sha256,
    }


def _show(rows: list[dict[str, Any]], newest: GateList | None, settings: Settings) -> None:
    zone = settings.site.zone
    table = Table(_("gate"), _("list"), _("made"), _("in force since"), _("after"), "", box=None)
    for row in rows:
        made = row.get("generated_at")
        cells = (
            row["gate"],
            str(row["version"] or "…"),
            words.moment(made, zone) if made else "…",
            words.moment(row["since"], zone) if row["since"] else "…",
            text.duration(row["seconds"]) if row["seconds"] is not None else "…",
        )
        lacks = "" if row["newest"] else escape(_("lacks the newest list"))
        table.add_row(*map(escape, cells), lacks, style="" if row["newest"] else "red")
    common.out.print(table)
    having = [row for row in rows if row["newest"]]
    if newest is not None and having:
        last = max(having, key=lambda row: str(row["since"]))
        said = _("the newest list is in force at {n} of {all}; the last was {gate}, after {after}")
        common.out.print(
            said.format(
                n=len(having),
                all=len(rows),
                gate=last["gate"],
                after=text.duration(last["seconds"]),
            ),
            markup=False,
            soft_wrap=True,
        )
