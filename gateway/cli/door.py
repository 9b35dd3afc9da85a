"""`garita door ...` and `garita interlock ...`: what an operator may ask of a door.  There is no
command that opens one."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import common

app = typer.Typer(no_args_is_help=True)
interlock_app = typer.Typer(no_args_is_help=True)

DoorArgument = Annotated[str, typer.Argument(help="The door's name in the configuration.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes into the log.")]


@app.command("out-of-service")
def out_of_service(
    door: DoorArgument, reason: ReasonOption, config: common.ConfigOption = common.DEFAULT_CONFIG
) -> None:
    """Let nobody in by this door until it is back in service, also after a restart.  People
    can leave by it as before."""
    _serve(door, f"{reason} ({common.operator()})", config)


@app.command("in-service")
def in_service(door: DoorArgument, config: common.ConfigOption = common.DEFAULT_CONFIG) -> None:
    """Back into service."""
    _serve(door, "", config)


def _serve(door: str, reason: str, config: common.ConfigOption) -> None:
    settings = common.settings(config)
    if door not in settings.tables.doors:
        common.fail(f"there is no [doors.{door}]", common.REFUSED)
    answer = common.ask(settings, "door_service", door=door, reason=reason, by=common.operator())
    common.out.print(f"{door}: {answer['state']}", markup=False)


@interlock_app.command("override")
def override(
    name: Annotated[str, typer.Argument(help="The interlock's name in the configuration.")],
    reason: ReasonOption,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="For how long.")] = 60,
    config: common.ConfigOption = common.DEFAULT_CONFIG,
) -> None:
    """Let two doors of an interlock be open at once for a while; it goes into the log."""
    settings = common.settings(config)
    if name not in settings.tables.interlocks:
        common.fail(f"there is no [interlocks.{name}]", common.REFUSED)
    answer = common.ask(
        settings,
        "interlock_override",
        interlock=name,
        seconds=seconds,
        reason=reason,
        by=common.operator(),
    )
    doors = ", ".join(answer["doors"])
    common.out.print(f"{name}: {doors} are independent for {answer['seconds']:.0f} s", markup=False)
