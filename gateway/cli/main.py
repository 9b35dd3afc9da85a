"""The `garita` command: thin, each command calls the part that does the work.

The daemon is not run inside this process: `garita run` becomes it (execv), so that what
the command line needs takes no memory at the gate.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway import __version__, devices
from gateway.cli import area, camera, common, door, log, policy, reader
from gateway.cli.desk import freight, partner, visit
from gateway.cli.face import app as face
from gateway.cli.face import enroll
from gateway.cli.people import bundle, permit, pin
from gateway.cli.people import list as people
from gateway.cli.people import pull as pulls
from gateway.cli.people import sync as lists
from gateway.daemon import control
from gateway.desk.errors import DeskError
from gateway.desk.freight.settings import freight_policy
from gateway.vault.sitekey import KeyFileError, SiteKey

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Garita, the gateway of a facility's gate.  Exit codes: 0 done, 1 refused or not found, "
    "2 wrong usage, 3 a check failed, 4 wrong configuration, 5 unreachable.",
)
key_app = typer.Typer(no_args_is_help=True, help="The site key that protects face templates.")
clock_app = typer.Typer(no_args_is_help=True, help="The gateway's clock.")
lock_app = typer.Typer(no_args_is_help=True, help="Locks, while the gateway is stopped.")
people.app.command("sync")(lists.sync_)
people.app.command("rollback")(lists.rollback)
people.app.command("versions")(lists.versions)
people.app.command("history")(lists.history_)
people.app.command("pull")(pulls.pull)
people.app.command("sources")(pulls.sources)
people.app.command("confirm")(pulls.confirm)
people.app.command("revocations")(pulls.revocations)
people.app.command("enroll")(enroll.enroll)
people.app.command("pin")(pin.pin)
app.add_typer(people.app, name="people", help="The authorized-personnel list.")
app.add_typer(bundle.app, name="bundle", help="Signed lists, for many gates.")
app.add_typer(log.app, name="log", help="The log: read, verify, export.")
app.add_typer(reader.app, name="reader", help="Badge readers.")
app.add_typer(camera.app, name="camera", help="Cameras: their state, and where they look.")
app.add_typer(permit.grant_app, name="grant", help="Doors and areas open to a person for a while.")
app.add_typer(
    permit.requirement_app, name="requirement", help="What people and companies have to have."
)
app.command("muster")(area.muster)
app.command("explain")(policy.explain_)
app.command("replay")(policy.replay)
app.add_typer(area.area_app, name="area", help="Areas: who is inside, passbacks.")
app.add_typer(area.threat_app, name="threat", help="The threat level.")
app.add_typer(key_app, name="key")
app.add_typer(clock_app, name="clock")
app.add_typer(lock_app, name="lock")
app.add_typer(
    face.app, name="face", help="Faces: how well they are told apart; consent, keys, and their end."
)
app.add_typer(door.app, name="door", help="Doors: in and out of service.")
app.add_typer(visit.app, name="visit", help="Visitors and vendors.")
app.add_typer(freight.app, name="freight", help="Trucks, inspections and seals.")
app.add_typer(partner.app, name="partner", help="Companies that visitors and trucks come from.")
app.add_typer(door.interlock_app, name="interlock", help="Doors that are never open together.")

CONFIG = common.DEFAULT_CONFIG


@app.command()
def run(
    config: common.ConfigOption = CONFIG,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the gateway in the foreground."""
    arguments = ["-m", "gateway.daemon", "-c", str(config), "--log-level", log_level]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted


@app.command()
def check(config: common.ConfigOption = CONFIG, json: common.JsonOption = False) -> None:
    """Check the configuration; every mistake is named with file, line, key and reason."""
    settings = common.settings(config)
    warnings = list(settings.warnings)
    try:
        SiteKey.load(settings.tables.site.key_file)
    except KeyFileError as error:
        warnings.append(str(error))
    try:
        freight_policy(settings)
    except DeskError as error:
        common.fail(f"freight.checklists: {error}", common.BAD_CONFIG)
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
    common.out.print(f"{config}: good", markup=False)


@app.command()
def status(config: common.ConfigOption = CONFIG, json: common.JsonOption = False) -> None:
    """What the running gateway says of itself; exit code 5 if it is not running."""
    settings = common.settings(config)
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
    table.add_row("clock", "trusted" if answer["clock_trusted"] else "[red]not trusted[/red]")
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


@key_app.command("new")
def key_new(path: Annotated[Path, typer.Argument(help="The file to make.")]) -> None:
    """Make a site key.  Keep a copy in a safe: without it, enrolled faces can't be read."""
    try:
        SiteKey.create(path)
    except KeyFileError as error:
        common.fail(str(error), common.REFUSED)
    common.out.print(f"{path}: made. Keep a copy in a safe.", markup=False)


@clock_app.command("accept")
def clock_accept(config: common.ConfigOption = CONFIG) -> None:
    """Vouch for the present time after the clock was wrongly ahead."""
    answer = common.ask(common.settings(config), "clock_accept", by=common.operator())
    common.out.print(f"accepted: the log's newest time was {answer['back_s']:.0f} s ahead")


@lock_app.command("rest")
def lock_rest(config: common.ConfigOption = CONFIG) -> None:
    """Put every lock to its state of rest; for ExecStopPost= and for installers."""
    tables = common.settings(config).tables
    failed = False
    for name, table in tables.locks.items():
        if table.reader is not None:  # its outputs drop by themselves
            continue
        doors = {key: item for key, item in tables.doors.items() if item.lock == name}
        try:
            devices.rest_board(name, table, doors)
            common.out.print(f"{name}: at rest", markup=False)
        except OSError as error:
            common.err.print(f"{name}: {error}", markup=False)
            failed = True
    if failed:
        raise typer.Exit(common.UNREACHABLE)


@app.command()
def version() -> None:
    """Print the version."""
    common.out.print(__version__)


def main() -> None:
    """The entry point: a user never sees a traceback for what they could have caused."""
    try:
        app()
    except (BrokenPipeError, KeyboardInterrupt):
        # The reader of our output went away, or the user did: nothing to explain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(130)
    except control.ControlError as error:
        common.err.print(f"garita: {error}", markup=False)
        sys.exit(common.UNREACHABLE)
    except Exception as error:
        if os.environ.get("GARITA_DEBUG"):
            raise
        common.err.print(
            f"garita: {type(error).__name__}: {error} (GARITA_DEBUG=1 shows where)",
            markup=False,
            soft_wrap=True,
        )
        sys.exit(common.REFUSED)


if __name__ == "__main__":
    main()
