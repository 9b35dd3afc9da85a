"""`garita reader list | ports | show | test | comset`: the readers, their ports and their links."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway import config
from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.reader.common import NameArgument, on_bus
from gateway.config import Settings
from gateway.daemon import control
from gateway.devices import attached
from gateway.locale import N_, _
from gateway.wording import words

app = App()

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
    on_bus(settings, name)
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
    on_bus(settings, name)
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
def comset(
    ctx: Context,
    name: NameArgument,
    address: Annotated[int, typer.Option(min=0, max=126, help="Its new address.")],
    baudrate: Annotated[int, typer.Option(help="Its new speed: 9600 to 230400.")],
) -> None:
    """Give an OSDP reader another address and speed; then change the configuration alike."""
    settings = ctx.settings
    on_bus(settings, name)
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
