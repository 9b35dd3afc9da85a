"""A door that opens once to an operator's command from afar.

The caller has judged who sent the command (gateway/daemon/commands.py).  Here the door is judged
(gateway/decide/remote.py), the opening is recorded, and only then the door is released, for one
pulse.  The door is judged again after the record is on disk, because that may have taken seconds in
which somebody took the door out of service, or the command expired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.decide.model import Lookup, Outcome, Reason, Request
from gateway.decide.policy import Subsystem
from gateway.decide.remote import decide_remote
from gateway.doors.hardware import DoorHardware
from gateway.doors.services import Services
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import GaritaError

_HERE = (Subsystem.SYNC, Subsystem.DISK)
"""What may fail and has to do with such an opening: the clock that says when a command expires, and
the disk for its record.  No badge, list or camera takes part in it."""


class NotOpened(GaritaError):
    """The door did not open; the text is a reason code, or why the command does not count."""


async def open_once(
    hardware: DoorHardware,
    services: Services,
    about: Mapping[str, Any],
    expired: Callable[[], bool],
) -> Event:
    """Open the door for one pulse; the record of it, which is on disk before the lock moves.

    `about` goes into the record; `expired()` says whether the command's time is over.  Raises
    NotOpened, or what the log raises if it can't be written.  A record of an opening that was then
    not done has no ``door.unlocked`` after it.
    """
    _judge(hardware, services)
    # Before the first await: two doors of an interlock must not both get through here.
    hardware.reserve()
    try:
        event = NewEvent(EventType.DOOR_REMOTE_OPENED, hardware.name, dict(about))
        recorded = await services.ledger.append(event)
        _judge(hardware, services)
        if expired():
            raise NotOpened("expired")
    except BaseException:
        hardware.give_back()
        raise
    hardware.release(recorded.seq)
    if not hardware.door.released:  # the fault is on record
        raise NotOpened(Reason.DENIED_LOCK_UNAVAILABLE.value)
    return recorded


def _judge(hardware: DoorHardware, services: Services) -> None:
    """Raises NotOpened if the door may not open now."""
    condition, now = hardware.condition(), services.clock.latest()
    failing = services.failing("", None, now)
    request = Request(
        door=hardware.name,
        credential=None,
        lookup=Lookup.UNKNOWN,
        clock_trusted=services.clock.trusted,
        lock_ready=condition.lock_ready,
        out_of_service=condition.out_of_service,
        tampered=condition.tampered,
        interlocked=condition.blocked_by,
        threat=services.threat(),
        failing={part: why for part, why in failing.items() if part in _HERE},
    )
    end = decide_remote(request, services.site, now)
    if end.outcome is not Outcome.GRANT:
        raise NotOpened(end.reason.value)
