"""`garita door ...` and `garita interlock ...`: what an operator may ask of a door.  There is no
command that opens one."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.daemon import control
from gateway.locale import _
from gateway.wording import text, words

app = App()
interlock_app = App()

DoorArgument = Annotated[str, typer.Argument(help="The door's name in the configuration.")]


@app.command("out-of-service")
def out_of_service(
    ctx: Context,
    door: DoorArgument,
    reason: common.ReasonOption,
) -> None:
    """Let nobody in by this door until it is back in service, also after a restart.  People
    can leave by it as before."""
    _serve(ctx, door, f"{reason} ({ctx.operator})")


@app.command("in-service")
def in_service(
    ctx: Context,
    door: DoorArgument,
) -> None:
    """Back into service."""
    _serve(ctx, door, "")


def _serve(ctx: Context, door: str, reason: str) -> None:
    settings = ctx.settings
    if door not in settings.tables.doors:
        common.fail(_("there is no [doors.{door}]").format(door=door), common.REFUSED)
    answer = common.ask(settings, "door_service", door=door, reason=reason)
    common.out.print(f"{door}: {words.word(answer['state'])}", markup=False)


@app.command()
def waiting(ctx: Context, json: common.JsonOption = False) -> None:
    """Who waits for a guard's word."""
    found = ctx.ask("door_waiting")["waiting"]
    if json:
        common.print_json(found)
        return
    table = Table(
        _("id"), _("door"), _("person"), _("name"), _("company"), _("failed"), _("since"), box=None
    )
    for row in found:
        why = "; ".join(text.reason(part) for part in str(row["why"]).split(", "))
        since = words.moment(row["since"], ctx.settings.site.zone, seconds=True)
        who = (str(row[name]) for name in ("id", "door", "person", "name", "company"))
        table.add_row(*map(escape, (*who, why, since)))
    common.out.print(table)


@app.command()
def confirm(
    ctx: Context,
    door: DoorArgument,
    request: Annotated[
        str,
        typer.Option("--id", help="Which request; without it, the one that waits, if you say yes."),
    ] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="They may not pass.")] = False,
) -> None:
    """Stand in for what failed: let the one person pass who waits at this door, once.

    They have shown a badge that may pass; you vouch for who they are.
    """
    settings = ctx.settings
    if not request:
        found = common.ask(settings, "door_waiting")["waiting"]
        there = [row for row in found if row["door"] == door]
        if len(there) != 1:
            common.fail(
                _("{count} wait at {door}: say which by --id").format(count=len(there), door=door),
                common.REFUSED,
            )
        request = there[0]["id"]
        name = f"{there[0]['name']} ({there[0]['person']}, {there[0]['company'] or '-'})"
        if not refuse and not common.confirm(
            _("Is this {name}, and may they pass?").format(name=name)
        ):
            raise typer.Exit(common.REFUSED)
    try:
        answer = control.ask(
            settings.socket_path,
            "door_confirm",
            door=door,
            id=request,
            yes=not refuse,
        )
    except control.Unreachable as error:
        common.fail(str(error), common.UNREACHABLE)
    except control.ControlError as error:
        common.fail(str(error), common.REFUSED)
    told = _("{name}: may not pass") if refuse else _("{name}: may pass")
    common.out.print(told.format(name=answer["name"]), markup=False)


@interlock_app.command("override")
def override(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="The interlock's name in the configuration.")],
    reason: common.ReasonOption,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="For how long.")] = 60,
) -> None:
    """Let two doors of an interlock be open at once for a while; it goes into the log."""
    settings = ctx.settings
    if name not in settings.tables.interlocks:
        common.fail(_("there is no [interlocks.{name}]").format(name=name), common.REFUSED)
    answer = common.ask(
        settings,
        "interlock_override",
        interlock=name,
        seconds=seconds,
        reason=reason,
    )
    doors = ", ".join(answer["doors"])
    common.out.print(
        _("{name}: {doors} are independent for {seconds:.0f} s").format(
            name=name, doors=doors, seconds=answer["seconds"]
        ),
        markup=False,
    )
