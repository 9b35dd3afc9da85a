"""`garita reader ...`: for the installer who stands in front of a reader.

Opens the reader's port by itself, so the gateway must not be running on it.  What it shows
goes to the terminal only and is never written down: a badge's number is its secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Annotated

import typer

from drivers.base import CardRead, Keys, Reading
from gateway.cli import common
from gateway.devices import ReaderPort
from gateway.model import Credential

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    config: common.ConfigOption = common.DEFAULT_CONFIG, json: common.JsonOption = False
) -> None:
    """The readers of the configuration."""
    readers = common.settings(config).tables.readers
    if json:
        common.print_json({name: table.model_dump() for name, table in readers.items()})
        return
    for name, table in readers.items():
        common.out.print(f"{name}: {table.driver} on {table.port} at {table.baudrate}")


@app.command()
def watch(
    name: Annotated[str, typer.Argument(help="The reader's name in the configuration.")],
    config: common.ConfigOption = common.DEFAULT_CONFIG,
    seconds: Annotated[float, typer.Option(help="Stop after this time; 0 is never.")] = 0,
) -> None:
    """Show what a reader reads, as it goes into the list: format:facility:number."""
    table = common.settings(config).tables.readers.get(name)
    if table is None:
        common.fail(f"there is no [readers.{name}]", common.REFUSED)

    def show(reading: Reading, now: float) -> None:
        stamp = time.strftime("%H:%M:%S")
        if isinstance(reading, CardRead):
            key = Credential(reading.format, reading.facility, reading.number).key
            common.out.print(f"{stamp}  {key}", markup=False)
        elif isinstance(reading, Keys):
            common.out.print(f"{stamp}  {len(reading.pressed)} key(s)", markup=False)
        else:
            common.out.print(f"{stamp}  not a card: {reading.reason}", markup=False)

    def state(kind: str, device: str, online: bool, detail: str) -> None:
        common.err.print(f"{device}: {'open' if online else 'not open'} {detail}", markup=False)

    async def watching() -> None:
        port = ReaderPort(name, table, show, state).port
        async with asyncio.timeout(seconds or None):
            await port.run()

    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(watching())
