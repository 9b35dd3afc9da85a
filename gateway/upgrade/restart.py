"""The restart after an update: by itself, in the site's quiet window, while nobody is at a door.

What updates the gateway or a library that it uses leaves a mark, `restart-wanted` in the run
folder, and restarts nothing.  systemd starts `garita upgrade --restart-in-window` every minute
while the mark is there (systemd/garita-restart.timer).  A stop of the gateway, whoever asks for it,
empties the run folder, and the mark is gone.

A new version is put in force here too, at the same moment: its commands and its daemon change
together.  If it does not come up, the version before it is put back with its tables and started.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.config.tables import QuietWindowTable
from gateway.locale import GaritaError, Message, worded
from gateway.upgrade.trees import Trees

MARK = "restart-wanted"
CALM_S = 60.0
"""Nobody showed a badge for so long."""
LAST_S = 600.0
"""So long before the window ends, the restart no longer waits for calm."""
OTHERS = ("garita-console", "garita-witness", "garita-collect")
BUSY = frozenset({"waiting", "unlocked", "open"})


class RestartError(GaritaError):
    """The gateway could not be restarted, or not with the new version; the message says what runs
    now."""


@dataclass(frozen=True, slots=True)
class Window:
    """The quiet window of one day or night: it began, and it will end (both aware)."""

    begins: datetime
    ends: datetime


def window(table: QuietWindowTable, now: datetime) -> Window | None:
    """The window that `now` (aware, in the site's zone) lies in; None if it lies in none."""
    start = time.fromisoformat(table.start)
    end = time(0) if table.end == "24:00" else time.fromisoformat(table.end)
    for day in (now.date() - timedelta(days=1), now.date()):
        begins = datetime.combine(day, start, now.tzinfo)
        ends = datetime.combine(day + timedelta(days=end <= start), end, now.tzinfo)
        if begins <= now < ends:
            return Window(begins, ends)
    return None


def waits_for(
    settings: Settings, status: Mapping[str, Any], quiet_s: float, now: datetime
) -> Message | None:
    """Why a restart waits at `now` (aware); None if it may be done.

    `status` is what the daemon says of itself, `quiet_s` the seconds since the newest badge.
    """
    table = settings.tables.site.quiet_window
    local = now.astimezone(settings.site.zone)
    found = window(table, local)
    if found is None:
        return worded("it waits for {start} to {end}", start=table.start, end=table.end)
    if (found.ends - local).total_seconds() <= LAST_S:
        return None
    busy = [name for name, door in status.get("doors", {}).items() if door.get("state") in BUSY]
    if busy:
        return worded("somebody is at {door}", door=busy[0])
    if quiet_s < CALM_S:
        return worded("a badge was shown {seconds} s ago", seconds=int(quiet_s))
    return None


Run = Callable[..., Any]


@dataclass(slots=True)
class Restart:
    """One restart; `undo` puts the older tables back, `run` is subprocess.run."""

    config: Path
    trees: Trees
    undo: Callable[[], object]
    run: Run = subprocess.run

    def restart(self) -> str:
        """Restart the gateway, with the version that waits if there is one; returns the version
        that runs ("": that of a checkout).

        systemd says whether it serves (Type=notify).  Raises RestartError.
        """
        new = self.trees.next
        if new:
            self._check(new)
            self.trees.switch()
        if self._systemctl("is-active", "--quiet", "garita.service"):
            return self.trees.current  # somebody stopped it: it is not for us to start it
        if self._start("restart"):
            self._others()
            return self.trees.current
        if not new:
            raise RestartError(worded("the gateway did not come up again: systemctl status garita"))
        self._go_back(new)
        return self.trees.current

    def _check(self, new: str) -> None:
        command = self.trees.command(new, "upgrade", "--check", "-c", str(self.config))
        done = self.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise RestartError(
                worded(
                    "version {new} can't take over, nothing was changed: {why}", new=new, why=said
                )
            )

    def _go_back(self, new: str) -> None:
        self._systemctl("stop", "garita.service")
        try:
            self.undo()
        except (GaritaError, OSError, sqlite3.Error) as error:
            why: object = error
        else:
            why = ""
        self.trees.back()
        serves = self._start("start")
        raise RestartError(
            worded(
                "version {new} did not come up; version {old} is in force again and {state} {why}",
                new=new,
                old=self.trees.current,
                state=worded("serves") if serves else worded("does not serve either"),
                why=why,
            )
        )

    def _start(self, how: str) -> bool:
        return not self._systemctl(how, "garita.service")

    def _others(self) -> None:
        for name in OTHERS:
            self._systemctl("try-restart", f"{name}.service")

    def _systemctl(self, *words: str) -> int:
        return int(self.run(["systemctl", *words], check=False).returncode)
