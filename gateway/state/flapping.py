"""Devices and links: what state each is in, and a log that one loose wire can't fill.

In: every change of every device (reader, bus, inputs, lock, camera, face process, broker).
Out: events for the log, and the state that `garita status` shows.

A change is recorded at once as `device.online` or `device.offline`.  A device that changes more
than BURST times in quick succession is gathered from then on: one `device.unstable` with a count,
another after REPORT_S at the earliest while it goes on, and when the device has been quiet for
CALM_S its final state as `device.online` or `device.offline`, again with the count.  Every change
is either a record of its own or in one of the counts.

This file is about what is recorded and shown only.  Doors ask the device itself, so a reader or
a lock that is away counts as away at once, also while it is gathered here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.ledger.event import EventType, NewEvent

log = logging.getLogger("garita.state.flapping")

BURST = 4  # changes that are recorded one by one, however fast they come
REFILL_S = 60.0  # after this long one more change may be recorded by itself
CALM_S = 120.0  # without a change for this long, a device is stable again
REPORT_S = (600.0, 3600.0)  # first and longest time between two counts of one unstable device


@dataclass(slots=True)
class _Device:
    online: bool
    detail: str
    since: str
    allowance: float = BURST
    changed_at: float = 0.0
    gathered: int = 0  # changes that no record tells of yet
    flips: bool = False  # it came or went while it was gathered, not only the detail changed
    unstable_from: float | None = None
    report_at: float = 0.0
    report_s: float = REPORT_S[0]
    calm: asyncio.TimerHandle | None = field(default=None, repr=False)


class DeviceStates:
    """The state of every device, by kind and name.

    `note` takes an event for the log.  All methods must be called in the event loop; its clock
    is the one that counts.
    """

    def __init__(self, note: Callable[[NewEvent], None]) -> None:
        self._note = note
        self._devices: dict[tuple[str, str], _Device] = {}

    def change(self, kind: str, name: str, online: bool, detail: str) -> None:
        """A device came, went, or is away for another reason; repetitions are ignored."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        device = self._devices.get((kind, name))
        if device is None:
            device = _Device(online=online, detail=detail, since=_wall(), changed_at=now)
            self._devices[kind, name] = device
            self._record(kind, name, device)
            return
        if (device.online, device.detail) == (online, detail):
            return
        flipped = device.online != online
        earned = (now - device.changed_at) / REFILL_S
        device.allowance = min(float(BURST), device.allowance + earned)
        device.online, device.detail, device.changed_at = online, detail, now
        if device.unstable_from is None:
            device.since = _wall()
            if device.allowance >= 1:
                device.allowance -= 1
                self._record(kind, name, device)
                return
            device.unstable_from = device.report_at = now
            device.report_s, device.flips = REPORT_S[0], False
        begins_to_flip = flipped and not device.flips
        device.gathered += 1
        device.flips |= flipped
        if now >= device.report_at or begins_to_flip:
            self._gather(kind, name, device, now)
        if device.calm is not None:
            device.calm.cancel()
        device.calm = loop.call_later(CALM_S, self._calmed, kind, name, device)

    def shown(self) -> list[dict[str, Any]]:
        """Every device for people and for MQTT, sorted by kind and name; JSON values.

        `state` is ``online``, ``offline`` or ``unstable``; `online` says how it is just now, and
        `since` is when that state began (UTC).
        """
        return [
            {
                "kind": kind,
                "name": name,
                "online": device.online,
                "state": _state(device),
                "detail": device.detail,
                "since": device.since,
            }
            for (kind, name), device in sorted(self._devices.items())
        ]

    def settle(self) -> None:
        """Record how each unstable device is now, because nobody will be there to see it calm:
        for a clean stop."""
        for (kind, name), device in self._devices.items():
            if device.calm is not None:
                device.calm.cancel()
                self._calmed(kind, name, device)

    def _calmed(self, kind: str, name: str, device: _Device) -> None:
        now = asyncio.get_running_loop().time()
        lasted = now - (device.unstable_from or now)
        data = {"count": device.gathered, "unstable_s": round(lasted, 1)}
        device.gathered, device.unstable_from, device.calm = 0, None, None
        device.since = _wall()
        self._record(kind, name, device, **data)

    def _gather(self, kind: str, name: str, device: _Device, now: float) -> None:
        device.report_at = now + device.report_s
        device.report_s = min(2 * device.report_s, REPORT_S[1])
        count, device.gathered = device.gathered, 0
        if not device.flips:
            # It is away all the time and only says why in other words: that is not unstable.
            self._record(kind, name, device, count=count)
            return
        log.warning("%s %s: unstable (%d change(s)) %s", kind, name, count, device.detail)
        data = {"kind": kind, "detail": device.detail, "count": count, "online": device.online}
        self._note(NewEvent(EventType.DEVICE_UNSTABLE, name, data))

    def _record(self, kind: str, name: str, device: _Device, **more: Any) -> None:
        level = logging.INFO if device.online else logging.WARNING
        word = "online" if device.online else "offline"
        log.log(level, "%s %s: %s %s", kind, name, word, device.detail)
        event = EventType.DEVICE_ONLINE if device.online else EventType.DEVICE_OFFLINE
        self._note(NewEvent(event, name, {"kind": kind, "detail": device.detail, **more}))


def _state(device: _Device) -> str:
    if device.unstable_from is not None and device.flips:
        return "unstable"
    return "online" if device.online else "offline"


def _wall() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
