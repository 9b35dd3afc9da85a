"""`garita doctor`: everything that can be looked at, in one table; also after an upgrade."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.selftest import findings, show_findings
from gateway.config import Settings
from gateway.locale import N_, worded
from gateway.selftest.finding import Finding, bad, good, unknown
from gateway.upgrade.check import check

UNITS = ("garita", "garita-console", "garita-witness", "garita-collect", "garita-restart.timer")


def doctor(ctx: Context, json: common.JsonOption = False) -> None:
    """Configuration, keys, schemas, log, list, disk, devices, broker, units; exit code 3 if
    anything is wrong."""
    settings = ctx.settings
    raise typer.Exit(show_findings(_all(settings), json))


def _all(settings: Settings) -> Iterator[Finding]:
    said = worded("{path} is good", path=settings.path)
    yield good("config", N_("configuration"), said)
    yield from findings(settings)
    yield from check(settings)
    yield from units()


def units() -> Iterator[Finding]:
    """Whether each unit that is enabled runs; nothing where there is no systemd."""
    if shutil.which("systemctl") is None:
        return
    for name in UNITS:
        enabled = _systemctl("is-enabled", name)
        if enabled != "enabled":
            continue
        state = _systemctl("is-active", name)
        if not state:
            yield unknown(
                "unit", N_("units"), worded("systemd does not say how {name} is", name=name)
            )
        elif state == "active":
            yield good("unit", N_("units"), worded("{name} runs", name=name))
        else:
            said = worded(
                "{name} is enabled and {state}: systemctl status {name}", name=name, state=state
            )
            yield bad("unit", N_("units"), said)


def _systemctl(verb: str, name: str) -> str:
    try:
        done = subprocess.run(
            ["systemctl", verb, name], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
