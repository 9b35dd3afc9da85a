"""`garita camera ...`: what the cameras are like, as the running gateway sees them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.locale import _
from gateway.wording import words
from gateway.wording.details import detail

app = App()


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """Each camera, and whether its picture can be used."""
    answer = ctx.ask("status")
    cameras = [device for device in answer["devices"] if device["kind"] == "camera"]
    if json:
        common.print_json(cameras)
        return
    table = Table(_("camera"), _("state"), _("since"), box=None)
    for camera in cameras:
        state = _("good") if camera["online"] else f"[red]{escape(detail(camera['detail']))}[/red]"
        if camera["state"] == "unstable":
            state = _("[red]unstable[/red], now {state}").format(state=state)
        table.add_row(camera["name"], state, words.moment(camera["since"], ctx.settings.site.zone))
    common.out.print(table)


@app.command()
def accept(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="The camera's name in the configuration.")],
    reason: common.ReasonOption,
) -> None:
    """Say that a camera looks where it should, after it was moved on purpose."""
    ctx.ask("camera_accept", camera=name, reason=reason)
    common.out.print(
        _("{name}: what it sees now is what it should see").format(name=name), markup=False
    )
