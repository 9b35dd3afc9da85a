"""What an operator may ask of the running gateway, beside looking: install a reader's key, test
a reader, take a door out of service, override an interlock for a while, set the threat level,
forgive a passback, answer for a guard.

No operation here opens a door: a guard's word lets a person pass who is at the reader with
a good badge, once, where the policy asks for it because something failed.  (One signed command
opens a door: gateway/doors/remote.py.)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from drivers.base import Signal
from gateway.daemon.control import Refused
from gateway.daemon.outbox import Outbox
from gateway.daemon.wiring import Plant
from gateway.devices import BusReader, ReaderBus
from gateway.doors.confirm import Confirmations
from gateway.face.service import FaceService
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.locale.text import tidy
from gateway.state.clock import Clock
from gateway.state.muster import muster
from gateway.state.presence import Presence
from gateway.state.service import OutOfService
from gateway.state.threat import ThreatState

log = logging.getLogger("garita.daemon.operations")

LONGEST_INSTALL_S = 600.0
LONGEST_OVERRIDE_S = 3600.0
LONGEST_TEST_S = 20.0  # with the last answer well within control.LONGEST_S
CAPTURE_S = 5.0  # for one good face
BAUDRATES = (9600, 19200, 38400, 57600, 115200, 230400)

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Operations:
    """Handlers for the control socket, by name."""

    def __init__(
        self,
        *,
        gateway: str,
        plant: Plant,
        faces: FaceService | None,
        ledger: Ledger,
        clock: Clock,
        presence: Presence,
        threat: ThreatState,
        confirmations: Confirmations,
        out_of_service: OutOfService,
        outbox: Outbox,
        parts: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        self._gateway = gateway
        self._plant = plant
        self._faces = faces
        self._ledger = ledger
        self._clock = clock
        self._presence = presence
        self._threat = threat
        self._confirmations = confirmations
        self._out_of_service = out_of_service
        self._outbox = outbox
        self._parts = parts

    def table(self) -> dict[str, Handler]:
        """The handlers by the name of the operation."""
        return {
            "nudge": self.nudge,
            "clock_accept": self.clock_accept,
            "capture": self.capture,
            "reader_install": self.reader_install,
            "reader_install_end": self.reader_install_end,
            "reader_test": self.reader_test,
            "reader_comset": self.reader_comset,
            "door_service": self.door_service,
            "interlock_override": self.interlock_override,
            "camera_accept": self.camera_accept,
            "threat_set": self.threat_set,
            "area_forgive": self.area_forgive,
            "muster": self.muster,
            "door_waiting": self.door_waiting,
            "door_confirm": self.door_confirm,
            "door_confirm_extend": self.door_confirm_extend,
        }

    async def nudge(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A command has put acts into the outbox."""
        self._outbox.nudge()
        return {}

    async def clock_accept(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """An operator vouches for the time that the clock shows: it counts when on record."""
        data = {
            "by": _by(request),
            "back_s": round(self._clock.back_s, 1),
            "ahead_s": round(self._clock.ahead_s, 1),
        }
        await self._ledger.append(NewEvent(EventType.CLOCK_ACCEPTED, self._gateway, data))
        self._clock.accept()
        return data

    async def capture(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A face from a camera that this process holds, for enrolment."""
        if self._faces is None:
            return {"refused": "no_camera"}
        return await self._faces.capture(str(request["camera"]), CAPTURE_S)

    async def reader_install(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Open an install window: the one time in which the default key counts."""
        bus, reader = self._reader(request)
        if not reader.device.keyed:
            raise Refused(
                worded(
                    "{name} has secure = false in the configuration, so no key of its own would "
                    "be used: take that out and restart first",
                    name=reader.name,
                )
            )
        if not bus.port.connected:
            raise Refused(worded("the port of {bus} is not open: see garita status", bus=bus.name))
        seconds = min(LONGEST_INSTALL_S, max(1.0, float(request.get("seconds", 60))))
        await bus.install(reader.name, seconds, _by(request))
        return {"seconds": seconds}

    async def reader_install_end(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Close an install window before its time."""
        bus, reader = self._reader(request)
        bus.end_install(reader.name)
        return {}

    async def reader_test(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """LED, buzzer and display, and twenty questions with the time of each answer (ms)."""
        _, reader = self._reader(request)
        reader.signal(Signal.GRANTED)
        took: list[float] = []
        end = time.monotonic() + LONGEST_TEST_S
        for _ in range(20):
            begun = time.monotonic()
            if begun >= end:
                detail = f"too slow: {len(took)} answers in {LONGEST_TEST_S:.0f} s"
                return {"good": False, "detail": detail, "took_ms": took}
            good, detail = await reader.ping()
            if not good:
                return {"good": False, "detail": detail, "took_ms": took}
            took.append(round((time.monotonic() - begun) * 1000, 1))
        return {"good": True, "detail": "", "took_ms": took}

    async def reader_comset(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a reader another address or speed; the configuration must follow."""
        bus, reader = self._reader(request)
        address, baudrate = int(request["address"]), int(request["baudrate"])
        holder = bus.name_of(address)
        if holder not in (None, reader.name):
            raise Refused(
                worded(
                    "address {address} is that of {holder} on the same bus",
                    address=address,
                    holder=holder,
                )
            )
        if not 0 <= address <= 126 or baudrate not in BAUDRATES:
            speeds = ", ".join(map(str, BAUDRATES))
            raise Refused(
                worded("an address is 0 to 126, and a speed one of {speeds}", speeds=speeds)
            )
        good, detail = await reader.set_line(address, baudrate)
        self._record(EventType.READER_COMSET, reader.name, request, good=good, detail=detail)
        return {"good": good, "detail": detail}

    async def door_service(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take a door out of service (`reason`), or back into it (no reason)."""
        door = self._plant.doors[str(request["door"])]
        reason = tidy(request.get("reason", ""))
        await self._out_of_service.put(door.name, reason)
        door.hardware.set_out_of_service(reason, _by(request))
        return {"state": door.hardware.door.state.value}

    async def interlock_override(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the doors of an interlock be for a stated time and reason."""
        interlock = self._plant.interlocks[str(request["interlock"])]
        seconds = min(LONGEST_OVERRIDE_S, max(0.0, float(request["seconds"])))
        interlock.override(time.monotonic() + seconds)
        reason = tidy(request.get("reason", ""))
        self._record(
            EventType.INTERLOCK_OVERRIDDEN, interlock.name, request, seconds=seconds, reason=reason
        )
        return {"seconds": seconds, "doors": list(interlock.doors)}

    async def camera_accept(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A camera was moved on purpose: what it sees now is what it should see."""
        camera = str(request["camera"])
        if self._faces is None or camera not in self._faces.cameras:
            raise LookupError(worded("there is no camera {camera}", camera=camera))
        if not self._faces.accept_scene(camera):
            raise LookupError(worded("the face process is away"))
        self._record(
            EventType.CAMERA_ACCEPTED, camera, request, reason=tidy(request.get("reason", ""))
        )
        return {}

    async def threat_set(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put a threat level in force."""
        level, by = str(request["level"]), _by(request)
        reason = tidy(request.get("reason", ""))
        was = self._threat.level
        changed = await self._threat.set(level, by, reason, self._ledger.append)
        return {"level": self._threat.level, "was": was, "changed": changed}

    async def area_forgive(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a person's next badge count wherever it is shown; `left`: they are outside."""
        person, left = str(request["person"]), bool(request.get("left", False))
        data = {"person": person, "left": left, "reason": tidy(request.get("reason", ""))}
        event = NewEvent(EventType.AREA_FORGIVEN, person, {"by": _by(request), **data})
        await self._ledger.append(event)
        return {}

    async def muster(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Who is inside, and how old what other gates say of it is."""
        people = muster(self._presence, str(request.get("area", "")))
        return {"people": people, "parts": self._parts()}

    async def door_waiting(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Who waits for a guard's word."""
        return {"waiting": self._confirmations.waiting()}

    async def door_confirm(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer one request, by its id, with what is on record before it counts."""
        yes, by = request.get("yes") is True, _by(request)
        waiting = self._confirmations.find(str(request["id"]), str(request["door"]))
        if yes and by.person and by.person == waiting.person.id:
            raise Refused(worded("nobody vouches for themselves: another guard must answer"))
        about = {**waiting.about(), "by": by}
        kind = EventType.DOOR_CONFIRMED if yes else EventType.DOOR_CONFIRM_REFUSED
        await self._ledger.append(NewEvent(kind, waiting.door, about))
        if not self._confirmations.answer(waiting, yes=yes):
            raise LookupError(worded("too late: the request has ended"))
        return {"person": waiting.person.id, "name": waiting.person.name}

    async def door_confirm_extend(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a guard more time to answer, once."""
        waiting = self._confirmations.find(str(request["id"]), str(request["door"]))
        if waiting.extended:
            raise Refused(worded("the time was extended already: answer, or the badge comes again"))
        about = {**waiting.about(), "seconds": self._confirmations.confirm_s, "by": _by(request)}
        await self._ledger.append(NewEvent(EventType.DOOR_CONFIRM_EXTENDED, waiting.door, about))
        if not self._confirmations.extend(waiting):
            raise LookupError(worded("too late: the request has ended"))
        return {}

    def _reader(self, request: Mapping[str, Any]) -> tuple[ReaderBus, BusReader]:
        name = str(request["reader"])
        for bus in self._plant.buses.values():
            if name in bus.readers:
                return bus, bus.readers[name]
        raise Refused(worded("{name} is no reader on a bus", name=name))

    def _record(
        self, kind: EventType, subject: str, request: Mapping[str, Any], **data: Any
    ) -> None:
        self._ledger.note(NewEvent(kind, subject, {"by": _by(request), **data}))


def _by(request: Mapping[str, Any]) -> Operator:
    """Who asks; the control socket has put the operator there."""
    by = request.get("by", "")
    return by if isinstance(by, Operator) else Operator(str(by))
