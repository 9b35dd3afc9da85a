"""`garita camera ...`: what the cameras are like, as the running gateway sees them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context

app = App()


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """Each camera, and whether its picture can be used."""
    answer = ctx.ask("status")
    cameras = [device for device in answer["devices"] if device["kind"] == "camera"]
    if json:
        common.print_json(cameras)
        return
    table = Table("camera", "state", "since", box=None)
    for camera in cameras:
        state = "ok" if camera["online"] else f"[red]{camera['detail']}[/red]"
        if camera["state"] == "unstable":
            state = f"[red]unstable[/red], now {state}"
        table.add_row(camera["name"], state, camera["since"])
    common.out.print(table)


@app.command()
def accept(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="The camera's name in the configuration.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the log.")],
) -> None:
    """Say that a camera looks where it should, after it was moved on purpose."""
    ctx.ask("camera_accept", camera=name, reason=reason, by=common.operator())
    common.out.print(f"{name}: what it sees now is what it should see", markup=False)
