"""What an operator may ask of the running gateway, beside looking: install a reader's key, test
a reader, take a door out of service, override an interlock for a while.

There is no operation that opens a door.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from drivers.base import Signal
from drivers.readers.osdp import messages
from gateway.config import Settings
from gateway.control import Refused
from gateway.devices import BusReader, ReaderBus
from gateway.gate import Gate
from gateway.interlock import Interlock
from gateway.model import NewEvent

LONGEST_INSTALL_S = 600.0
LONGEST_OVERRIDE_S = 3600.0
LONGEST_TEST_S = 20.0  # with the last answer well within control.LONGEST_S
BAUDRATES = (9600, 19200, 38400, 57600, 115200, 230400)

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Running(Protocol):
    """The parts of the daemon that operations need."""

    _settings: Settings
    buses: dict[str, ReaderBus]
    gates: dict[str, Gate]
    interlocks: dict[str, Interlock]

    def note(self, event: NewEvent) -> None: ...


class Operations:
    """Handlers for the control socket, by name."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def table(self) -> dict[str, Handler]:
        return {
            "reader_install": self.reader_install,
            "reader_test": self.reader_test,
            "reader_comset": self.reader_comset,
            "door_service": self.door_service,
            "interlock_override": self.interlock_override,
        }

    async def reader_install(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Open an install window: the one time in which the default key counts."""
        bus, reader = self._reader(request)
        if not reader.session.secure:
            raise Refused(
                f"{reader.name} has secure = false in the configuration, so no key of its own "
                "would be used: take that out and restart first"
            )
        seconds = min(LONGEST_INSTALL_S, max(1.0, float(request.get("seconds", 60))))
        bus.install(reader.name, seconds, str(request.get("by", "")))
        return {"seconds": seconds}

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
            good, detail = await reader.ask(bytes((messages.Cmd.LSTAT,)))
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
            raise Refused(f"address {address} is that of {holder} on the same bus")
        if not 0 <= address <= 126 or baudrate not in BAUDRATES:
            speeds = ", ".join(map(str, BAUDRATES))
            raise Refused(f"an address is 0 to 126, and a speed one of {speeds}")
        payload = messages.comset(address, baudrate)
        good, detail = await reader.ask(payload)
        self._record("reader.comset", reader.name, request, good=good, detail=detail)
        return {"good": good, "detail": detail}

    async def door_service(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take a door out of service (`reason`), or back into it (no reason)."""
        gate = self._running.gates[str(request["door"])]
        reason = str(request.get("reason", ""))[:200]
        path = self._running._settings.doors_path
        held = read_service(path)
        held.pop(gate.name, None)
        _write_service(path, {**held, gate.name: reason} if reason else held)
        gate.carry_out(gate.door.serve(reason, str(request.get("by", ""))))
        return {"state": gate.door.state.value}

    async def interlock_override(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the doors of an interlock be for a stated time and reason."""
        interlock = self._running.interlocks[str(request["interlock"])]
        seconds = min(LONGEST_OVERRIDE_S, max(0.0, float(request["seconds"])))
        interlock.override(time.monotonic() + seconds)
        reason = str(request.get("reason", ""))[:200]
        self._record(
            "interlock.overridden", interlock.name, request, seconds=seconds, reason=reason
        )
        return {"seconds": seconds, "doors": list(interlock.doors)}

    def _reader(self, request: Mapping[str, Any]) -> tuple[ReaderBus, BusReader]:
        name = str(request["reader"])
        for bus in self._running.buses.values():
            if name in bus.readers:
                return bus, bus.readers[name]
        raise Refused(f"{name} is no reader on a bus")

    def _record(self, kind: str, subject: str, request: Mapping[str, Any], **data: Any) -> None:
        self._running.note(NewEvent(kind, subject, {"by": str(request.get("by", "")), **data}))


def read_service(path: Path) -> dict[str, str]:
    """Doors out of service, with the reason; what can't be read is said, not guessed."""
    try:
        return {str(k): str(v) for k, v in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise OSError(f"{path}: {error}") from error


def _write_service(path: Path, doors: Mapping[str, str]) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(doors, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
