"""How every input is now, for the installer who opens a door and looks whether the screen changes.

It says what a device reports, before any debouncing.  Alarms and doors work as usual meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from drivers.base import InputState, LinkChange
from gateway.daemon.wiring import Plant

LONGEST_WAIT_S = 5.0


@dataclass(slots=True)
class _Level:
    """One input: whether its circuit is closed, how often that changed since the start, and when
    it did last (seconds of the wall clock; None: it never changed)."""

    closed: bool
    changes: int = 0
    changed_at: float | None = None


class InputLevels:
    """The inputs of all devices of `plant`, as they were reported last."""

    def __init__(self, plant: Plant) -> None:
        self._levels: dict[tuple[str, int], _Level] = {}
        self._away: set[str] = set()
        self._number = 0  # counts changes of all inputs
        self._news = asyncio.Event()
        for device in (*plant.inputs.values(), *plant.bus_readers().values()):
            device.listen(InputState, partial(self._take, device.name))
            device.listen(LinkChange, partial(self._link, device.name))

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Every input that was reported since the start.  With `after`, the number of an earlier
        answer, it waits up to `wait_s` seconds for a change."""
        after = request.get("after")
        wait_s = min(LONGEST_WAIT_S, max(0.0, float(request.get("wait_s", 0))))
        if after is not None and int(after) == self._number and wait_s:
            self._news.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
        inputs = [
            {
                "device": device,
                "input": number,
                "closed": level.closed,
                "online": device not in self._away,
                "changes": level.changes,
                "changed_at": level.changed_at,
            }
            for (device, number), level in sorted(self._levels.items())
        ]
        return {"inputs": inputs, "number": self._number}

    def _take(self, device: str, state: InputState, now: float) -> None:
        key = (device, state.number)
        known = self._levels.get(key)
        if known is None:
            self._levels[key] = _Level(state.active)
        elif known.closed == state.active:
            return  # boards report the same state again and again
        else:
            known.closed = state.active
            known.changes += 1
            known.changed_at = time.time()
        self._changed()

    def _link(self, device: str, change: LinkChange, now: float) -> None:
        if change.online == (device in self._away):
            (self._away.discard if change.online else self._away.add)(device)
            self._changed()

    def _changed(self) -> None:
        self._number += 1
        self._news.set()
