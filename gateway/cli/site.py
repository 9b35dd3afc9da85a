"""`garita check` and `garita status`: the configuration, and the running gateway."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.text import duration
from gateway.config.mistakes import located
from gateway.desk.errors import DeskError
from gateway.desk.freight.settings import freight_policy
from gateway.locale import _
from gateway.vault.sitekey import KeyFileError, SiteKey


def check(ctx: Context, json: common.JsonOption = False) -> None:
    """Check the configuration; every mistake is named with file, line, key and reason."""
    from gateway.devices import attached  # noqa: PLC0415 - brings the drivers; `status` has no use

    settings = ctx.settings
    warnings = list(settings.warnings)
    try:
        SiteKey.load(settings.tables.site.key_file)
    except KeyFileError as error:
        warnings.append(str(error))
    try:
        freight_policy(settings)
    except DeskError as error:
        common.fail(f"freight.checklists: {error}", common.BAD_CONFIG)
    ports = attached.Machine().findings(settings.tables)
    if ports.mistakes:
        common.mistaken(located(ctx.config, ports.mistakes))
    warnings += ports.warnings
    if json:
        common.print_json({"ok": True, "warnings": warnings})
        return
    for warning in warnings:
        common.out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    wiring = Table("door", "factors", "reader", "lock relay", "wire the lock", box=None)
    for name, item in settings.tables.doors.items():
        contact = "NO" if item.release == "energise" and item.fail == "secure" else "NC"
        if item.release == "de-energise":
            contact = "NO"
        wiring.add_row(
            name,
            item.mode.value,
            item.reader if item.reader_out is None else f"{item.reader}, out {item.reader_out}",
            f"{item.lock}:{item.channel}",
            f"through {contact}, fail-{item.fail}",
        )
    common.out.print(wiring)
    common.out.print(f"{ctx.config}: good", markup=False)


def status(ctx: Context, json: common.JsonOption = False) -> None:
    """What the running gateway says of itself; exit code 5 if it is not running."""
    settings = ctx.settings
    answer = common.ask(settings, "status")
    if json:
        common.print_json(answer)
        return
    people = answer["people"] or {}
    mqtt = answer["mqtt"]
    table = Table(show_header=False, box=None)
    table.add_row("gateway", f"{answer['gateway']} {answer['version']}, pid {answer['pid']}")
    table.add_row("up", f"{answer['uptime_s']:.0f} s")
    version, total = people.get("version", "none"), people.get("total", 0)
    table.add_row("people", people.get("error") or f"{total} (list version {version})")
    good = answer["ledger"]["ok"]
    table.add_row("log", f"{answer['last_seq']} events" if good else "[red]can't be written[/red]")
    if threat := answer["threat"]:
        table.add_row("threat", threat["level"])
    table.add_row("clock", _clock(answer))
    if mqtt:
        table.add_row("mqtt", ", ".join(f"{key} {value}" for key, value in mqtt.items()))
    if (face := answer.get("face")) and face.get("embedder"):
        about = f"{face['embedder']} ({face['model']}), {face['enrolled']} people"
        table.add_row("faces", about)
    for device in answer["devices"]:
        state = device["state"]
        state = state if state == "online" else f"[red]{state}[/red]"
        table.add_row(device["kind"], f"{device['name']}: {state} {device['detail']}")
    for name, shown in answer["doors"].items():
        last = answer["last"].get(name) or {}
        state = shown["state"]
        if state in ("forced", "held", "tampered", "out_of_service"):
            state = f"[red]{state}[/red]"
        table.add_row("door", f"{name}: {state} {last.get('reason', '')}")
    for name, shown in answer["areas"].items():
        most = f" of {shown['maximum']}" if shown["maximum"] else ""
        table.add_row("area", f"{name}: {shown['inside']}{most} inside")
    common.out.print(table)


def _clock(answer: dict[str, Any]) -> str:
    if answer["clock_trusted"]:
        return _("trusted")
    words = _("not trusted: {behind} behind the newest record; set it, or garita clock accept")
    return f"[red]{words.format(behind=duration(answer.get('clock_behind_s', 0.0)))}[/red]"
