"""What the commands of `garita reader` share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer

from gateway.cli import common
from gateway.config import ReaderTable, Settings
from gateway.devices import ReaderBus, attached
from gateway.devices.ports import OnDevice
from gateway.ledger.event import NewEvent
from gateway.locale import _
from gateway.vault.readerkeys import ReaderKeys, ReaderKeysError
from gateway.vault.sitekey import KeyFileError, SiteKey
from gateway.wording import details

NameArgument = Annotated[str, typer.Argument(help="The reader's name in the configuration.")]
IN_USE = "in use by another program"  # as drivers/serialport.py says it


def table_of(settings: Settings, name: str) -> ReaderTable:
    """The table of a reader; a sentence and exit code 1 without one."""
    table = settings.tables.readers.get(name)
    if table is None:
        common.fail(_("there is no [readers.{name}]").format(name=name), common.REFUSED)
    return table


def on_bus(settings: Settings, name: str) -> str:
    """The bus of a reader; a sentence and exit code 1 if it is on none."""
    bus = table_of(settings, name).bus
    if bus is None:
        common.fail(_("{name} is no OSDP reader").format(name=name), common.REFUSED)
    return bus


def bus_alone(
    settings: Settings, name: str, on_device: OnDevice, note: Callable[[NewEvent], None]
) -> ReaderBus:
    """The bus of a reader with this reader alone, while the gateway is stopped."""
    bus = on_bus(settings, name)
    try:
        key = SiteKey.load(settings.tables.site.key_file)
        keys = ReaderKeys(settings.keys_path, key)
        readers = {name: settings.tables.readers[name]}
        return ReaderBus(bus, settings.tables.buses[bus], readers, keys, on_device, note)
    except (KeyFileError, ReaderKeysError) as error:
        common.fail(str(error), common.UNREACHABLE)


def why_closed(path: str, detail: str) -> str:
    """Why a port is not open, with the process that holds it if this user may see it."""
    said = details.detail(detail)
    device = attached.Machine().resolve(path)
    if detail != IN_USE or device is None:
        return said
    others = [who for who in attached.Machine().holders(device) if who.pid != os.getpid()]
    holders = ", ".join(f"{who.command} ({who.pid})" for who in others)
    return f"{said}: {holders}" if holders else said
