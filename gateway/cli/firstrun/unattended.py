"""The answers where nobody sits at a terminal: what is missing is named all at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import typer

from gateway.cli import common
from gateway.locale import _
from gateway.setup import found
from gateway.setup.answers import LISTEN, Answers, flag
from gateway.setup.draft import Draft, Places, missing
from gateway.setup.listening import Heard, hear
from gateway.setup.virtual import VirtualGateThread

LISTEN_S = 120.0


def complete(
    known: Answers, before: Draft | None, places: Places, virtual: VirtualGateThread | None
) -> Answers:
    """The answers with what a reader says where the answer is `listen`.  Ends the command with exit
    code 4 and everything that is missing."""
    draft = known.into(before or Draft())
    listens = LISTEN in (known.reader_port, known.badge)
    lacking = missing(draft) if before is None else _of_door(draft, before)
    if listens:
        for key in ("reader_port", "reader_driver", "badge"):
            if getattr(known, key) in (None, LISTEN):
                lacking.pop(key, None)
    if lacking:
        for key, why in lacking.items():
            common.err.print(f"{key} ({flag(key)}): {why}", markup=False, soft_wrap=True)
        raise typer.Exit(common.BAD_CONFIG)
    if not listens:
        return known
    path, heard = _heard(known, virtual)
    update: dict[str, object] = {"reader_port": path, "reader_driver": heard.driver}
    update["reader_baudrate"] = heard.baudrate
    if known.badge in (None, LISTEN):
        update["badge"] = heard.card
    return known.model_copy(update=update)


def _of_door(draft: Draft, before: Draft) -> dict[str, str]:
    """What a further door of a gate lacks; nothing for one that is there."""
    wanted = replace(draft, person="-", badge="-", operator="-")
    return {} if before.door else missing(wanted)


def _heard(known: Answers, virtual: VirtualGateThread | None) -> tuple[str, Heard]:
    """Listen at the port that was named, or at all that nobody uses."""
    ports = [*(virtual.ports if virtual else ()), *found.ports()]
    paths = [port.path for port in ports if not port.held_by and port.path != known.lock_port]
    if known.reader_port not in (None, LISTEN):
        paths = [str(known.reader_port)]
    if not paths:
        common.fail(_("no serial port is here to listen at"), common.REFUSED)
    common.say(_("Hold a badge to the reader: {ports}").format(ports=", ".join(paths)))
    end = time.monotonic() + LISTEN_S

    def until(heard: list[Heard]) -> bool:
        if virtual is not None and any(one.open for one in heard):
            virtual.hold_badge()
        return time.monotonic() > end

    answer = asyncio.run(hear(paths, until))
    if answer is None:
        common.fail(_("no badge was held to a reader within two minutes"), common.REFUSED)
    return answer
