"""`garita reader ...`: for the installer who stands in front of a reader.

What a card shows goes to the terminal only and is never written down: a badge's number is its
secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from drivers.base import CardRead, Keys, Reading
from gateway import config
from gateway.cli import common, words
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.daemon import control
from gateway.decide.model import Credential
from gateway.devices import ReaderBus, ReaderPort, attached
from gateway.locale import N_, _
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import KeyFileError, SiteKey

app = App()

NameArgument = Annotated[str, typer.Argument(help="The reader's name in the configuration.")]
STATS = {
    "polls": N_("polls"),
    "errors": N_("errors"),
    "naks": N_("NAKs"),
    "retries": N_("retries"),
    "handshakes": N_("sessions"),
    "worst_latency_ms": N_("worst ms"),
}


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """The readers, and how good their links are if the gateway runs."""
    settings = ctx.settings
    links = _links(settings)
    readers = settings.tables.readers
    if json:
        common.print_json(
            {
                name: {**table.model_dump(), "link": links.get(name)}
                for name, table in readers.items()
            }
        )
        return
    table = Table(_("reader"), _("where"), _("state"), *map(_, STATS.values()), box=None)
    for name, item in readers.items():
        where = f"{item.bus}:{item.address}" if item.bus else item.driver
        link = links.get(name)
        cells = [str(link["stats"][key]) for key in STATS] if link else []
        table.add_row(name, where, _state(link) if item.bus else "", *cells)
    common.out.print(table)


@app.command()
def ports(ctx: Context, json: common.JsonOption = False) -> None:
    """The serial ports of this machine: names, what is attached, who uses them.

    Works without a configuration too.  Run it as root or as the gateway's user: another user does
    not see which process holds a port.
    """
    try:
        tables = config.load(ctx.config).tables
    except config.ConfigError as error:
        tables = None
        say = _("without the names of readers and locks: {why}").format(why=error.mistakes[0])
        common.err.print(say, markup=False, soft_wrap=True)
    found = attached.Machine().ports(tables)
    if json:
        common.print_json([asdict(port) for port in found])
        return
    if not found:
        common.say(_("no serial port is attached"))
    for port in found:
        common.say(f"{port.device}  {port.attached}".rstrip())
        for label, text in _about(port):
            common.say(f"  {label:<10} {text}")


def _about(port: attached.Port) -> Iterator[tuple[str, str]]:
    """What there is to say of a port, line by line."""
    if port.by_id:
        yield "by-id", f"{port.by_id}  {_worth(port)}".rstrip()
    elif port.id_name is attached.IdName.SHARED:
        yield "by-id", _worth(port)
    if port.by_path:
        yield "by-path", port.by_path
    if port.id_name in (attached.IdName.SHARED, attached.IdName.NO_SERIAL):
        yield "udev", port.rule("NAME")
    if port.used_by:
        yield _("used by"), ", ".join(port.used_by)
    if port.held_by:
        yield _("held by"), ", ".join(f"{who.command} ({who.pid})" for who in port.held_by)


def _worth(port: attached.Port) -> str:
    """Whether the by-id name can be used."""
    if port.id_name is attached.IdName.SHARED:
        return _("NOT UNIQUE: {others} has the same name").format(others=", ".join(port.twins))
    if port.id_name is attached.IdName.NO_SERIAL:
        return _("not unique: the adapter has no serial number")
    return _("unique") if port.id_name is attached.IdName.UNIQUE else ""


@app.command()
def show(
    ctx: Context,
    name: NameArgument,
    json: common.JsonOption = False,
) -> None:
    """One OSDP reader: who made it, what it can do, its key, its link."""
    settings = ctx.settings
    _on_bus(settings, name)
    link = common.ask(settings, "status")["readers"][name]
    if json:
        common.print_json(link)
        return
    table = Table(show_header=False, box=None)
    table.add_row(_("state"), _state(link))
    for part in ("identity", "capabilities", "stats"):
        for key, value in (link[part] or {}).items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            shown = _(STATS[key]) if key in STATS else words.word(key)
            table.add_row(shown, escape(text))
    common.out.print(table)


@app.command()
def test(
    ctx: Context,
    name: NameArgument,
) -> None:
    """Flash and beep, then ask twenty times and show how long the answers took."""
    settings = ctx.settings
    _on_bus(settings, name)
    answer = common.ask(settings, "reader_test", timeout_s=control.LONGEST_S, reader=name)
    took = answer["took_ms"]
    if took:
        common.out.print(
            _("{count} answers: median {median:.1f} ms, worst {worst:.1f} ms").format(
                count=len(took), median=statistics.median(took), worst=max(took)
            )
        )
    if not answer["good"]:
        common.fail(answer["detail"], common.REFUSED)


@app.command()
def install(
    ctx: Context,
    name: NameArgument,
    seconds: Annotated[float, typer.Option(help="How long the window is open.")] = 60,
) -> None:
    """Give a reader a key of its own.

    A reader that has none takes the default key for this, which everybody knows: do it at the
    reader, with the window no longer than needed.  One that has our key gets a new one in its
    secure channel.
    """
    settings = ctx.settings
    _on_bus(settings, name)
    answer = common.ask(settings, "reader_install", reader=name, seconds=seconds)
    end = time.monotonic() + answer["seconds"]
    common.err.print(
        _("{name}: the window is open for {seconds:.0f} s").format(
            name=name, seconds=answer["seconds"]
        ),
        markup=False,
    )
    while time.monotonic() < end + 1:
        link = common.ask(settings, "status")["readers"][name]
        told = link["key"]
        if told and not told["done"]:
            common.fail(
                _("{name} took no key: {detail}").format(name=name, detail=told["detail"]),
                common.REFUSED,
            )
        if told and link["secure"] and not link["installing"]:
            common.out.print(
                _("{name}: has a key of its own and is in secure channel").format(name=name),
                markup=False,
            )
            return
        time.sleep(0.2)
    common.fail(_("{name} took no key: is it in install mode?").format(name=name), common.REFUSED)


@app.command()
def comset(
    ctx: Context,
    name: NameArgument,
    address: Annotated[int, typer.Option(min=0, max=126, help="Its new address.")],
    baudrate: Annotated[int, typer.Option(help="Its new speed: 9600 to 230400.")],
) -> None:
    """Give an OSDP reader another address and speed; then change the configuration alike."""
    settings = ctx.settings
    _on_bus(settings, name)
    answer = common.ask(
        settings,
        "reader_comset",
        reader=name,
        address=address,
        baudrate=baudrate,
    )
    if not answer["good"]:
        common.fail(f"{name}: {answer['detail']}", common.REFUSED)
    common.out.print(
        _("{name}: takes on {detail}").format(name=name, detail=answer["detail"]), markup=False
    )
    common.out.print(_("Set the same in the configuration and restart the gateway."))


@app.command()
def watch(
    ctx: Context,
    name: NameArgument,
    seconds: Annotated[float, typer.Option(help="Stop after this time; 0 is never.")] = 0,
) -> None:
    """Show what a reader reads, as it goes into the list: format:facility:number.

    Opens the port by itself, so the gateway must not be running.
    """
    settings = ctx.settings
    table = settings.tables.readers.get(name)
    if table is None:
        common.fail(_("there is no [readers.{name}]").format(name=name), common.REFUSED)

    def show(reading: Reading, now: float) -> None:
        stamp = time.strftime("%H:%M:%S")
        if isinstance(reading, CardRead):
            key = Credential(reading.format, reading.facility, reading.number).key
            common.out.print(f"{stamp}  {key}", markup=False)
        elif isinstance(reading, Keys):
            common.out.print(
                _("{stamp}  {count} key(s)").format(stamp=stamp, count=len(reading.pressed)),
                markup=False,
            )
        else:
            common.out.print(
                _("{stamp}  not a card: {reason}").format(stamp=stamp, reason=reading.reason),
                markup=False,
            )

    def state(kind: str, device: str, online: bool, detail: str) -> None:
        told = _("{device}: open {detail}") if online else _("{device}: not open: {detail}")
        common.err.print(told.format(device=device, detail=words.detail(detail)), markup=False)

    async def watching() -> None:
        if table.bus is None:
            reader = ReaderPort(name, table, state)
            reader.listen_readings(show)
            port = reader.port
        else:
            bus = _bus(settings, name, table.bus, state)
            bus.readers[name].listen_readings(show)
            port = bus.port
        async with asyncio.timeout(seconds or None):
            await port.run()

    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(watching())


def _bus(settings: Settings, name: str, bus: str, state: Any) -> ReaderBus:
    """The bus with this reader alone, for watching it."""
    try:
        key = SiteKey.load(settings.tables.site.key_file)
    except KeyFileError as error:
        common.fail(str(error), common.UNREACHABLE)
    readers = {name: settings.tables.readers[name]}
    keys = ReaderKeys(settings.keys_path, key)
    return ReaderBus(bus, settings.tables.buses[bus], readers, keys, state, lambda event: None)


def _on_bus(settings: Settings, name: str) -> None:
    table = settings.tables.readers.get(name)
    if table is None:
        common.fail(_("there is no [readers.{name}]").format(name=name), common.REFUSED)
    if table.bus is None:
        common.fail(_("{name} is no OSDP reader").format(name=name), common.REFUSED)


def _links(settings: Settings) -> dict[str, Any]:
    """What the gateway knows of its links; nothing if it does not run."""
    try:
        links: dict[str, Any] = control.ask(settings.socket_path, "status")["readers"]
        return links
    except control.ControlError:
        return {}


def _state(link: dict[str, Any] | None) -> str:
    if link is None:
        return ""
    if link["installing"]:
        return _("[yellow]install window[/yellow]")
    if link["secure"]:
        return _("secure")
    return (
        _("[yellow]in clear[/yellow]")
        if link["online"]
        else f"[red]{words.word(link['step'])}[/red]"
    )
