"""`garita setup`: a box becomes a gate, or a gate is changed in what is asked and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import locale
from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.firstrun.ask import Talk
from gateway.cli.firstrun.run import SetUp
from gateway.config import ConfigError
from gateway.config.mistakes import Mistake
from gateway.locale import N_, _
from gateway.setup import answers as said_of
from gateway.setup.answers import Answers
from gateway.setup.draft import Places
from gateway.setup.virtual import VirtualGateThread

SITE, DEVICES, FIRST, BOX = N_("The gate"), N_("Devices"), N_("The first person"), N_("This box")


def _option(panel: str, help: str, **more: Any) -> Any:
    return typer.Option(rich_help_panel=panel, help=help, **more)


def setup(
    ctx: Context,
    answers: Annotated[
        Path | None,
        typer.Option(help="Take answers from this file; config/setup.toml has all of them."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing, and do what the answers say.")
    ] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Simulate a reader and a relay board.")
    ] = False,
    language: Annotated[str | None, _option(SITE, "en or es.")] = None,
    restore: Annotated[Path | None, _option(SITE, "Make the gate of this backup.")] = None,
    restore_passphrase_file: Annotated[
        Path | None, _option(SITE, "Its passphrase is the first line of this file.")
    ] = None,
    restore_identity: Annotated[
        Path | None, _option(SITE, "A file with a key of age, for a recipient's backup.")
    ] = None,
    gateway: Annotated[str | None, _option(SITE, "Name of this box, in every record.")] = None,
    timezone: Annotated[str | None, _option(SITE, "Such as America/Tijuana.")] = None,
    reader_port: Annotated[
        str | None, _option(DEVICES, "Port of the reader; listen: where a badge is held.")
    ] = None,
    reader_driver: Annotated[str | None, _option(DEVICES, "rdm6300 or line.")] = None,
    reader_baudrate: Annotated[int | None, _option(DEVICES, "Its speed.")] = None,
    lock_port: Annotated[str | None, _option(DEVICES, "Port of the relay board.")] = None,
    lock_driver: Annotated[str | None, _option(DEVICES, "Kind of relay board: lcus.")] = None,
    channels: Annotated[int | None, _option(DEVICES, "Relays on the board.")] = None,
    channel: Annotated[int | None, _option(DEVICES, "Relay of the door, from 1.")] = None,
    fail: Annotated[
        str | None, _option(DEVICES, "Without power: secure (a strike) or safe (a magnet).")
    ] = None,
    pulse_s: Annotated[float | None, _option(DEVICES, "Seconds that a grant unlocks.")] = None,
    camera: Annotated[
        str | None, _option(DEVICES, "Number or address of a camera; empty: none.")
    ] = None,
    door: Annotated[
        str | None, _option(DEVICES, "Name of the door; a new name adds a door.")
    ] = None,
    person: Annotated[str | None, _option(FIRST, "Name of the first person.")] = None,
    badge: Annotated[
        str | None, _option(FIRST, "Their badge, format:facility:number; listen: the one held.")
    ] = None,
    operator: Annotated[
        str | None, _option(FIRST, "The name with which they sign in at the console.")
    ] = None,
    admins: Annotated[
        list[str] | None, _option(BOX, "An account that administers; may be repeated.")
    ] = None,
    desk: Annotated[
        list[str] | None, _option(BOX, "An account of a guard or of HR; may be repeated.")
    ] = None,
    credential: Annotated[
        bool | None,
        _option(BOX, "Have systemd keep the site key encrypted.", show_default=False),
    ] = None,
    broker: Annotated[
        str | None, _option(BOX, "own: a mosquitto on this box with certificates; or none.")
    ] = None,
    broker_names: Annotated[
        list[str] | None, _option(BOX, "A name by which others reach it; may be repeated.")
    ] = None,
    broker_port: Annotated[int | None, _option(BOX, "Its port, 8883 if nothing is said.")] = None,
    broker_clients: Annotated[
        list[str] | None, _option(BOX, "Who else logs in there, such as collector.")
    ] = None,
    enable: Annotated[
        bool | None, _option(BOX, "Start the gateway with the box.", show_default=False)
    ] = None,
    wait_s: Annotated[
        float | None, _option(BOX, "Seconds to wait for the first badge; 0: don't.")
    ] = None,
) -> None:
    """Make this box a gate, or change a gate in what is asked; run it as often as you like.

    It asks in English or Spanish.  Flags and --answers give answers; with --yes it asks nothing.
    Exit code 3: all is in place, and no badge opened the door.
    """
    given = {name: value for name, value in locals().items() if name in Answers.model_fields}
    known = _known(answers, given)
    if known.language is not None:
        locale.use(known.language)
    places = Places.of(ctx.config)
    _may(places)
    asks = sys.stdin.isatty() and not yes
    virtual = _virtual(places) if simulated else None
    try:
        with common.ended_in_order():
            SetUp(ctx, places, Talk(), asks, yes, virtual).run(known, changes=_changes(known))
    finally:
        if virtual is not None:
            virtual.close()


def _known(path: Path | None, given: Mapping[str, Any]) -> Answers:
    """The answers of the file and of the flags; every mistake of both, and exit code 4."""
    first, wrong = Answers(), list[Mistake]()
    if path is not None:
        try:
            first = said_of.from_file(path)
        except ConfigError as error:
            wrong += error.mistakes
    second, more = said_of.from_flags(given)
    if wrong or more:
        common.mistaken([*wrong, *more])
    return said_of.together(first, second)


def _changes(known: Answers) -> bool:
    """Whether somebody said what is to change; else a gate that is there is asked about."""
    return bool(set(known.said) - {"language", "wait_s", "restore"})


def _may(places: Places) -> None:
    """End the command where this account can't do it."""
    if places.of_service and os.geteuid() != 0:
        said = _("{folder} belongs to root: sudo garita setup").format(folder=places.config.parent)
        common.fail(said, common.REFUSED)
    above = next(p for p in places.config.parents if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        said = _("{folder} can't be written by this account").format(folder=above)
        common.fail(said, common.REFUSED)


def _virtual(places: Places) -> VirtualGateThread:
    try:
        return VirtualGateThread(places.config.parent / "dev")
    except OSError as error:
        common.fail(str(error), common.REFUSED)
