"""A door among stand-ins for the list, the ledger, the lock and the camera, each with a fault to
set; and virtual time.

With `pytest.mark.looptime` the loop's clock jumps to the next timer as soon as there is nothing
else to do, so a wait of minutes costs nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from drivers.base import CardRead, Signal
from gateway.decide.model import Credential, FaceOutcome, FaceResult, Person, PinOutcome
from gateway.decide.policy import AccessLevel, Direction, DoorPolicy, Mode, Period, Schedule, Site
from gateway.doors.controller import DoorController
from gateway.doors.interlock import Interlock
from gateway.doors.machine import DoorTimes
from gateway.doors.pinpad import PinLimits
from gateway.doors.rules import Rules, RulesInForce
from gateway.doors.services import Services
from gateway.ledger import Ledger
from gateway.ledger.event import Event, NewEvent
from gateway.people import Found, SealedPin
from gateway.state.clock import Clock

ANA = Person("e1", "Ana", access_levels=("all",))
DAYS = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
MATCH = FaceResult(FaceOutcome.MATCH, 0.3, 1, 0.01)


def now() -> float:
    """The loop's time in seconds; virtual where the test is marked so."""
    return asyncio.get_running_loop().time()


def by_rules(services: Services, **changed: Any) -> Services:
    """The same services with other rules in force: fields of `Rules`."""
    return replace(services, rules=RulesInForce(replace(services.rules.now, **changed)))


def hold_time_while_writing(ledger: Ledger) -> None:
    """Let the virtual clock stand still while the ledger's thread writes to the real disk.

    The clock stands still for a call in an executor, and the ledger's thread is none.  So for each
    event that is being written a call waits in the executor until the event is on disk.
    """
    append_soon = ledger.append_soon

    def held(event: NewEvent) -> asyncio.Future[Event]:
        future, written = append_soon(event), threading.Event()
        asyncio.get_running_loop().run_in_executor(None, written.wait, 10)
        future.add_done_callback(lambda _: written.set())
        return future

    ledger.append_soon = held  # type: ignore[method-assign]  # `append` calls it too


class World:
    """Stand-ins for the list, the ledger, the lock and the camera, each with a fault to set."""

    def __init__(
        self,
        mode: Mode = Mode.BADGE,
        *,
        challenge: bool = False,
        name: str = "d",
        watched: bool = False,
        interlock: Interlock | None = None,
    ) -> None:
        self.person = ANA
        self.events: list[NewEvent] = []
        self.driven: list[bool] = []
        self.ready = True
        self.list_fault: Exception | None = None
        self.ledger_fault: Exception | None = None
        self.lock_fault: Exception | None = None
        self.face: Callable[[], FaceResult] = lambda: MATCH
        site = Site(
            gateway="g",
            zone=ZoneInfo("UTC"),
            doors={name: DoorPolicy(name, mode, challenge=challenge)},
            schedules={"a": Schedule("a", (Period(DAYS, clock_time(0), None),))},
            holidays={},
            access_levels={"all": AccessLevel("all", {name: "a"})},
        )
        self.clock = Clock(None, 60)
        self.services = Services(
            rules=RulesInForce(Rules(site, pin_timeout_s=0.3)),
            roster=self,
            ledger=self,
            clock=self.clock,
            key=self,
            faces=self,  # type: ignore[arg-type]
            pins=self,
            pin_limits=PinLimits(3, 300),
        )
        self.controller = DoorController(
            name,
            lock=self,
            times=DoorTimes(0.1),
            services=self.services,
            watched=watched,
            interlock=interlock,
        )
        self.hardware = self.controller.hardware
        self.reader = self.controller.add_reader("r", Direction.IN, "c", self)
        self.signals: list[Signal] = []

    def find(self, credential: Credential) -> Found:
        if self.list_fault:
            raise self.list_fault
        return Found(self.person, 3, 1, True)

    def pin(self, person_id: str) -> SealedPin:
        return SealedPin("1234", "4321")

    def verify(self, person_id: str, pin: str, sealed: SealedPin) -> PinOutcome:
        if pin == sealed.duress_hash:
            return PinOutcome.DURESS
        return PinOutcome.CORRECT if pin == sealed.hash else PinOutcome.WRONG

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def append_soon(self, event: NewEvent) -> asyncio.Future[Event]:
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        if self.ledger_fault:
            future.set_exception(self.ledger_fault)
        else:
            self.events.append(event)
            future.set_result(Event(len(self.events), "i", "t", event.type, "", {}, "", ""))
        return future

    async def append(self, event: NewEvent) -> Event:
        return await self.append_soon(event)

    def drive(self, door: str, released: bool) -> None:
        if self.lock_fault:
            raise self.lock_fault
        self.driven.append(released)

    def fingerprint(self, key: str) -> str:
        return "f" * 16

    enrolled = 3

    async def match(
        self, camera: str, person_id: str, tapped_at: float, **more: object
    ) -> FaceResult:
        await asyncio.sleep(0)
        return self.face()

    async def tap(self, count: int = 1) -> None:
        """Read badges, and serve until they are answered."""
        for _ in range(count):
            self.reader.on_reading(CardRead("em4100", "1", "2"), now())
        await self.settle()

    async def settle(self) -> None:
        task = asyncio.create_task(self.reader.run())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def reasons(self) -> list[str]:
        return [e.data["reason"] for e in self.events if e.type.startswith("access.")]
