"""`garita camera ...`: what the cameras are like, as the running gateway sees them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    config: common.ConfigOption = common.DEFAULT_CONFIG, json: common.JsonOption = False
) -> None:
    """Each camera, and whether its picture can be used."""
    answer = common.ask(common.settings(config), "status")
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
    name: Annotated[str, typer.Argument(help="The camera's name in the configuration.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the log.")],
    config: common.ConfigOption = common.DEFAULT_CONFIG,
) -> None:
    """Say that a camera looks where it should, after it was moved on purpose."""
    common.ask(
        common.settings(config), "camera_accept", camera=name, reason=reason, by=common.operator()
    )
    common.out.print(f"{name}: what it sees now is what it should see", markup=False)
