"""`garita reader watch`: what a reader reads, for the installer who stands before it.

Where the gateway runs, it hands on what the reader reads and serves the door as usual.  Otherwise
this command opens the port itself.  What a card shows goes to the terminal only and is never
written down: a badge's number is its secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from drivers.base import Reading
from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.reader.common import NameArgument, bus_alone, table_of, why_closed
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.watching import about
from gateway.devices import ReaderPort
from gateway.locale import N_, _, ngettext
from gateway.wording import details, words

LOOK_S = 1.0  # how often the state of the reader is looked at
WHY = {
    "checksum": N_("the check byte is wrong: noise, or a cable too long"),
    "parity": N_("the parity is wrong: another format, or noise"),
    "framing": N_("a part of a card: a bad contact, another speed, or noise"),
    "too_long": N_("the line is too long: another speed, or another end of a line (terminator)"),
    "no_match": N_("it does not fit the pattern or the formats of the configuration"),
    "length": N_(
        "its length is not that of the format or of the option length; a converter that drops the "
        "parity bits needs parity = false"
    ),
    "stale": N_("it was shown while the line was down"),
}


def watch(
    ctx: Context,
    name: NameArgument,
    seconds: Annotated[float, typer.Option(help="Stop after this time; 0 is never.")] = 0,
) -> None:
    """Show what a reader reads, as it goes into the list: format:facility:number.

    The running gateway shows it, and its doors work as usual.  Without a gateway the command opens
    the port itself.
    """
    settings = ctx.settings
    table_of(settings, name)
    end = time.monotonic() + seconds if seconds else float("inf")
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        try:
            begun = control.ask(settings.socket_path, "reader_watch", reader=name)
        except control.Unreachable:
            asyncio.run(_at_the_port(settings, name, seconds))
        except control.Refused as refusal:
            common.fail(str(refusal), common.REFUSED)
        except control.ControlError as error:
            common.fail(str(error), common.UNREACHABLE)
        else:
            _through_the_gateway(settings, name, begun["next"], end)


def _through_the_gateway(settings: Settings, name: str, after: int, end: float) -> None:
    """Show what the gateway reads there until `end` (monotonic seconds)."""
    _note(_("the gateway shows what {name} reads; its doors work as usual").format(name=name))
    told = ""
    while (left := end - time.monotonic()) > 0:
        online, detail = _link(settings, name)
        state = "" if online else details.detail(detail) or words.word("offline")
        if state != told:
            _note(f"{name}: {state or words.word('online')}")
            told = state
        answer = common.ask(
            settings, "reader_watch", reader=name, after=after, wait_s=min(left, LOOK_S)
        )
        after = answer["next"]
        for reading in answer["readings"]:
            _show(reading, reading["at"])


def _link(settings: Settings, name: str) -> tuple[bool, str]:
    """Whether the gateway has this reader, and why not."""
    for device in common.ask(settings, "status")["devices"]:
        if (device["kind"], device["name"]) == ("reader", name):
            return bool(device["online"]), str(device["detail"])
    return False, ""


async def _at_the_port(settings: Settings, name: str, seconds: float) -> None:
    """Open the port and show what comes, until `seconds` have passed (0: for ever)."""
    table = table_of(settings, name)
    path = settings.tables.buses[table.bus].port if table.bus else table.port
    told: dict[str, tuple[bool, str]] = {}

    def state(kind: str, device: str, online: bool, detail: str) -> None:
        if told.get(device) == (online, detail):
            return  # a port that is not open says so at each try
        told[device] = (online, detail)
        if online:
            said = _("{device}: open {detail}").format(device=device, detail=details.detail(detail))
        else:
            why = why_closed(path, detail)
            said = _("{device}: not open: {detail}").format(device=device, detail=why)
        _note(said.rstrip())

    def show(reading: Reading, now: float) -> None:
        _show(about(reading), time.time())

    if table.bus is None:
        reader = ReaderPort(name, table, state)
        reader.listen_readings(show)
        port = reader.port
    else:
        bus = bus_alone(settings, name, state, lambda event: None)
        bus.readers[name].listen_readings(show)
        port = bus.port
    async with asyncio.timeout(seconds or None):
        await port.run()


def _show(reading: Mapping[str, Any], at: float) -> None:
    if "card" in reading:
        said = str(reading["card"])
    elif "keys" in reading:
        count = reading["keys"]
        said = ngettext("{n} key", "{n} keys", count).format(n=count)
    else:
        why = _(WHY[reading["bad"]]) if reading["bad"] in WHY else words.word(reading["bad"])
        said = _("not a card: {reason}").format(reason=f"{reading['bad']}: {why}")
    common.say(f"{time.strftime('%H:%M:%S', time.localtime(at))}  {said}")


def _note(text: str) -> None:
    common.err.print(text, markup=False, soft_wrap=True)
