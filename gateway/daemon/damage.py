"""What was found damaged among the gateway's own files, for the log and for the status.

Damage is found early, before the log's first record of a start, and late, in the threads that write
files.  Here it comes together: an event for each, in the order in which they were found, as soon as
the start is on record.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.ledger.event import EventType, NewEvent
from gateway.vault.statefile import Damage, log_damage

MOST = 100  # shown; the log has them all
_ASIDE = re.compile(r"(?P<file>.+)\.damaged-(?P<at>\d{8}T\d{6}Z)")


class Damages:
    """Call it with each `Damage`, in any thread.  Make it in the event loop."""

    def __init__(self, folder: Path, note: Callable[[NewEvent], None]) -> None:
        self._folder = folder
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: list[Damage] | None = []
        self._found: list[Damage] = []

    def __call__(self, damage: Damage) -> None:
        log_damage(damage)
        with self._lock:
            self._found = [*self._found, damage][-MOST:]
            if self._waiting is not None:
                self._waiting.append(damage)
                return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._record, damage)

    def heard(self, act: NewEvent) -> None:
        """An act from the outbox: the console and the patterns tell of their own files there."""
        if act.type == EventType.STATE_DAMAGED:
            told = (str(act.data.get(key, "")) for key in ("detail", "done", "aside"))
            with self._lock:
                self._found = [*self._found, Damage(act.subject, *told)][-MOST:]

    def begin(self) -> None:
        """The start is on record: record what was found, and from now on at once."""
        with self._lock:
            waiting, self._waiting = self._waiting or [], None
        for damage in waiting:
            self._record(damage)

    async def shown(self) -> list[dict[str, Any]]:
        """What was found in this run, then the files that earlier runs put aside and that nobody
        took away; each `file`, `detail`, `done` and `aside`."""
        now = [asdict(damage) for damage in self._found]
        known = {damage.aside for damage in self._found}
        before = await asyncio.to_thread(_put_aside, self._folder)
        return now + [one for one in before if one["aside"] not in known][:MOST]

    def _record(self, damage: Damage) -> None:
        data = {"detail": damage.detail, "done": damage.done}
        if damage.aside:
            data["aside"] = damage.aside
        self._note(NewEvent(EventType.STATE_DAMAGED, damage.file, data))


def _put_aside(folder: Path) -> list[dict[str, Any]]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    found = (_ASIDE.fullmatch(name) for name in names)
    return [
        {"file": one["file"], "detail": "", "done": "", "aside": one.string} for one in found if one
    ]
