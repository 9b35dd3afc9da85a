"""The `garita` command: a table of groups and commands, each imported when it is used.

The daemon is not run inside this process: `garita run` becomes it (execv), so that what
the command line needs takes no memory at the gate.
"""

from __future__ import annotations

import sys
from typing import Annotated, ClassVar

import typer

from gateway import __version__
from gateway.cli.app import App, Entry, Root
from gateway.cli.context import config_option

DAILY, PEOPLE, RULES = "Every day", "People", "Rules"
DEVICES, LOG, SETUP = "Devices", "Log", "Setup"
CLI = "gateway.cli"


class Garita(Root):
    """Every command of `garita`, in the order of `garita --help`."""

    entries: ClassVar = {
        "status": Entry(f"{CLI}.status:status", DAILY, "What needs you, and how the gate is."),
        "muster": Entry(f"{CLI}.area:muster", DAILY, "Who is inside, and since when."),
        "alarms": Entry(
            f"{CLI}.alarms:app", DAILY, "Alarms: what is open, what was done, how many."
        ),
        "shift": Entry(f"{CLI}.shift:app", DAILY, "The handover of a shift, signed by two."),
        "visit": Entry(f"{CLI}.desk.visit:app", DAILY, "Visitors and vendors."),
        "freight": Entry(f"{CLI}.desk.freight:app", DAILY, "Trucks, inspections and seals."),
        "patterns": Entry(
            f"{CLI}.patterns:app",
            DAILY,
            "Patterns worth a look, and what became of them.",
        ),
        "console": Entry(f"{CLI}.console:app", DAILY, "The web console; a process of its own."),
        "partner": Entry(
            f"{CLI}.desk.partner:app", DAILY, "Companies that visitors and trucks come from."
        ),
        "people": Entry(f"{CLI}.people.app:app", PEOPLE, "The authorized-personnel list."),
        "face": Entry(
            f"{CLI}.face.app:app",
            PEOPLE,
            "Faces: how well they are told apart; consent, keys, and their end.",
        ),
        "grant": Entry(
            f"{CLI}.people.permit:grant_app",
            PEOPLE,
            "Doors and areas open to a person for a while.",
        ),
        "requirement": Entry(
            f"{CLI}.people.permit:requirement_app",
            PEOPLE,
            "What people and companies have to have.",
        ),
        "bundle": Entry(f"{CLI}.people.bundle:app", PEOPLE, "Signed lists, for many gates."),
        "area": Entry(f"{CLI}.area:area_app", RULES, "Areas: who is inside, passbacks."),
        "threat": Entry(f"{CLI}.area:threat_app", RULES, "The threat level."),
        "remote": Entry(f"{CLI}.remote:app", RULES, "Signed commands to a gate from elsewhere."),
        "explain": Entry(
            f"{CLI}.policy:explain_", RULES, "Why an event, or a person at a door, is decided so."
        ),
        "replay": Entry(
            f"{CLI}.policy:replay", RULES, "What another configuration would have decided."
        ),
        "door": Entry(f"{CLI}.door:app", DEVICES, "Doors: in and out of service."),
        "interlock": Entry(
            f"{CLI}.door:interlock_app", DEVICES, "Doors that are never open together."
        ),
        "reader": Entry(f"{CLI}.reader.app:app", DEVICES, "Badge readers."),
        "camera": Entry(f"{CLI}.camera:app", DEVICES, "Cameras: their state, and where they look."),
        "lock": Entry(f"{CLI}.setup:lock_app", DEVICES, "Locks, while the gateway is stopped."),
        "log": Entry(f"{CLI}.log:app", LOG, "The log: read, verify, export."),
        "report": Entry(
            f"{CLI}.report:app", LOG, "Standard reports, alone or each week by e-mail."
        ),
        "witness": Entry(
            f"{CLI}.witness:app", LOG, "A witness of gateways' logs; a process of its own."
        ),
        "collect": Entry(
            f"{CLI}.collect:app", LOG, "The audit subscriber at headquarters; a process of its own."
        ),
        "evidence": Entry(
            f"{CLI}.evidence:app", LOG, "The auditor's packet, and what it is made of."
        ),
        "mqtt": Entry(f"{CLI}.mqtt:app", LOG, "What goes over MQTT, for whoever reads it."),
        "setup": Entry(
            f"{CLI}.firstrun.command:setup", SETUP, "Make this box a gate, or change one."
        ),
        "backup": Entry(
            f"{CLI}.backup:backup", SETUP, "Everything that this gate needs, in one file."
        ),
        "restore": Entry(f"{CLI}.backup:restore", SETUP, "Make a gate of a backup."),
        "check": Entry(
            f"{CLI}.site:check", SETUP, "Check the configuration; every mistake is named."
        ),
        "reload": Entry(
            f"{CLI}.configuration:reload", SETUP, "Put a changed configuration in force."
        ),
        "config": Entry(
            f"{CLI}.configuration:app", SETUP, "Configurations that were in force, and back to one."
        ),
        "selftest": Entry(
            f"{CLI}.selftest:selftest", SETUP, "Look at this box; crash a gate on it."
        ),
        "diag": Entry(f"{CLI}.diag:diag", SETUP, "One file for support, without secrets."),
        "doctor": Entry(f"{CLI}.doctor:doctor", SETUP, "Look at everything, after an upgrade too."),
        "upgrade": Entry(
            f"{CLI}.upgrade:upgrade", SETUP, "A new version: rehearse it, check it, go back."
        ),
        "run": Entry(f"{CLI}.setup:run", SETUP, "Run the gateway in the foreground."),
        "certs": Entry(
            f"{CLI}.certs:app", SETUP, "Certificates of the broker and of those who log in there."
        ),
        "key": Entry(f"{CLI}.setup:key_app", SETUP, "The site key that protects face templates."),
        "clock": Entry(f"{CLI}.setup:clock_app", SETUP, "The gateway's clock."),
    }

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.params.append(config_option())


app = App(cls=Garita, add_completion=True)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"{__version__}\n")
        raise typer.Exit


@app.callback()
def garita(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Garita, the gateway of a facility's gate.

    Exit codes: 0 done, 1 refused or not found, 2 wrong usage, 3 a check failed, 4 wrong
    configuration, 5 unreachable.
    """


@app.command("version", rich_help_panel=SETUP)
def version_() -> None:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
