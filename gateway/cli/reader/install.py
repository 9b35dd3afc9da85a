"""`garita reader install`: give an OSDP reader a key of its own.

The running gateway does it.  Where none runs, this command opens the port itself, records what it
did, and the gateway finds the key at its start.  It ends as soon as the outcome is known, and
closes the install window then.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from typing import Annotated, Any

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.reader.common import NameArgument, bus_alone, on_bus, why_closed
from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.openlog import open_log
from gateway.devices import ReaderBus
from gateway.ledger import LedgerBusy, LedgerUnavailable
from gateway.ledger.operator import Operator
from gateway.locale import _
from gateway.vault.readerkeys import ReaderKeysError
from gateway.wording import details

POLL_S = 0.1
# A reader that speaks has been asked with each kind of key by then; a silent one was asked often.
KNOWN_S = 2.5
LONGEST_S = 600.0
SILENT = "no answer"

Link = Callable[[], Awaitable[Mapping[str, Any]]]
"""Returns how the reader is now: the status of a reader on a bus."""


def install(
    ctx: Context,
    name: NameArgument,
    seconds: Annotated[float, typer.Option(help="How long the window is open at most.")] = 60,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Keep the window open: the reader is put into install mode meanwhile."
        ),
    ] = False,
) -> None:
    """Give a reader a key of its own.

    A reader that has none takes the default key for this, which everybody knows: do it at the
    reader, with the window no longer than needed.  One that has our key gets a new one in its
    secure channel.  Works with the gateway running, and without it.
    """
    settings = ctx.settings
    on_bus(settings, name)
    try:
        answer = control.ask(
            settings.socket_path,
            "reader_install",
            reader=name,
            seconds=seconds,
        )
    except control.Unreachable:
        asyncio.run(_alone(settings, name, min(LONGEST_S, max(1.0, seconds)), wait))
        return
    except control.Refused as refusal:
        common.fail(str(refusal), common.REFUSED)
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)

    async def link() -> Mapping[str, Any]:
        found: Mapping[str, Any] = common.ask(settings, "status")["readers"][name]
        return found

    try:
        asyncio.run(_follow(name, link, answer["seconds"], wait))
    finally:
        with contextlib.suppress(control.ControlError):
            control.ask(settings.socket_path, "reader_install_end", reader=name)


async def _alone(settings: Settings, name: str, seconds: float, wait: bool) -> None:
    """Open the port, give the reader its key, close the port."""
    with contextlib.ExitStack() as stack:
        try:
            ledger = stack.enter_context(closing(open_log(settings)))
        except (LedgerBusy, LedgerUnavailable) as error:
            common.fail(str(error), common.UNREACHABLE)
        closed = ""

        def state(kind: str, device: str, online: bool, detail: str) -> None:
            nonlocal closed
            if kind == "bus":
                closed = "" if online else detail

        bus = bus_alone(settings, name, state, ledger.note)
        if not bus.readers[name].device.keyed:
            common.fail(
                _("{name} has secure = false in the configuration: take that out first").format(
                    name=name
                ),
                common.REFUSED,
            )
        _note(_("no gateway is running: this command opens the port itself"))
        running = asyncio.create_task(bus.port.run())
        try:
            while not bus.port.connected:
                if closed:
                    path = settings.tables.buses[bus.name].port
                    why = why_closed(path, closed)
                    common.fail(
                        _("{bus}: not open: {why}").format(bus=bus.name, why=why),
                        common.UNREACHABLE,
                    )
                await asyncio.sleep(POLL_S)
            await _with_window(bus, name, seconds, common.operator(settings), wait=wait)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _with_window(
    bus: ReaderBus, name: str, seconds: float, by: Operator, *, wait: bool
) -> None:
    """Open a window on our own port, and follow it to its end."""
    try:
        await bus.install(name, seconds, by)
    except ReaderKeysError as error:
        common.fail(str(error), common.UNREACHABLE)

    async def link() -> Mapping[str, Any]:
        return bus.readers[name].status()

    try:
        await _follow(name, link, seconds, wait)
    finally:
        bus.end_install(name)
        await asyncio.sleep(POLL_S)  # for the bus's next step, which records the end
        await bus.settled()


async def _follow(name: str, link: Link, seconds: float, wait: bool) -> None:
    """Say what becomes of the window; returns when the reader has its key, and ends with exit code
    1 when it takes none."""
    begun = time.monotonic()
    _note(_("{name}: the window is open for {seconds:.0f} s").format(name=name, seconds=seconds))
    said = ""
    while (passed := time.monotonic() - begun) < seconds + 1:
        now = await link()
        told = now["key"]
        if told and not told["done"]:
            _fail(name, told["detail"])
        if told and now["secure"] and not now["installing"]:
            common.say(_("{name}: has a key of its own and is in secure channel").format(name=name))
            return
        # What a reader that is silent now said earlier is old.
        reason = str(now["detail"]) if now.get("answers", True) else SILENT
        if told:
            reason = ""
        if reason and passed >= KNOWN_S:
            if not wait:
                _fail(name, reason)
            if reason != said:
                said = reason
                _note(f"{name}: {details.detail(reason)}")
        await asyncio.sleep(POLL_S)
    _fail(name, said)


def _fail(name: str, why: str) -> None:
    if why == SILENT:
        said = _("no answer: check its power, the wires A and B, its address and its speed")
    else:
        said = details.detail(why) if why else _("is it in install mode?")
    common.fail(_("{name} took no key: {detail}").format(name=name, detail=said), common.REFUSED)


def _note(text: str) -> None:
    common.err.print(text, markup=False, soft_wrap=True)
