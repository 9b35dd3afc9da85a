"""The PIN of a second person, asked over the control socket: whose, how often, and on record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.operators import OperatorTable
from gateway.daemon.control import Refused
from gateway.daemon.operations import Operations
from gateway.daemon.operatorpins import OperatorPins
from gateway.decide.model import Person
from gateway.doors.confirm import Confirmations
from gateway.doors.pinpad import PinLimits
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.operator import Operator
from gateway.people.operators import Operators
from gateway.people.pins import Pins
from gateway.people.schema import open_admin
from gateway.vault.sitekey import SiteKey

ROSA = Operator("rosa", person="e3", name="Rosa Díaz")


class Desk:
    """The handler with people.db, and what it put on record."""

    def __init__(self, folder: Path) -> None:
        people = folder / "people.db"
        pins = Pins(SiteKey(bytes(32)))
        db = open_admin(people)
        for key in ("e3", "e9", "e7"):
            db.execute(
                "INSERT INTO person VALUES (?, ?, '', '', NULL, NULL, 'active', '[]')", (key, key)
            )
        hashes = pins.hash("e9", "4715"), pins.hash("e9", "4716")
        db.execute("INSERT INTO pin VALUES ('e9', ?, ?, '', '')", hashes)
        db.commit()
        db.close()
        table = {
            "rosa": OperatorTable(account="rosa", person="e3", roles=["guard"]),
            "laura": OperatorTable(person="e9", roles=["supervisor"]),
            "hugo": OperatorTable(person="e7", roles=["supervisor"]),
        }
        self.events: list[NewEvent] = []
        self.pins = OperatorPins(
            Operators(table, people), people, pins, PinLimits(3, 60.0), self._append
        )

    async def _append(self, event: NewEvent) -> Event:
        self.events.append(event)
        return Event(1, f"id-{len(self.events)}", "", event.type, event.subject, event.data, "", "")

    async def ask(self, person: str, pin: str) -> Any:
        request = {"person": person, "pin": pin, "act": "freight.signed 7", "by": ROSA}
        return (await self.pins.asked(request))["outcome"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_only_supervisors_of_the_site_are_verified(desk: Desk) -> None:
    for person in ("e3", "laura", "e1", "", "x" * 100_000):
        with pytest.raises(Refused):
            await desk.ask(person, "4715")
    assert desk.events == []
    assert await desk.ask("e7", "4715") == "unavailable"  # has none


async def test_a_guard_cant_guess_a_supervisors_pin_by_asking_at_once(desk: Desk) -> None:
    told = await asyncio.gather(*(desk.ask("e9", f"{n:04}") for n in range(8)))
    assert sorted(told) == ["locked"] * 5 + ["wrong"] * 3
    assert await desk.ask("e9", "4715") == "locked"
    assert [event.data["pin"] for event in desk.events] == ["wrong"] * 3 + ["locked"] * 6
    assert all(event.data["by_person"] == "e3" for event in desk.events)


async def test_a_pin_typed_under_threat_looks_right_and_calls_for_help(desk: Desk) -> None:
    assert await desk.ask("e9", "4716") == "correct"
    assert [event.type for event in desk.events] == ["operator.pin_accepted", "alarm.duress"]
    assert "4716" not in str(desk.events)


async def test_nobody_vouches_for_themselves_at_a_door() -> None:
    confirmations, noted = Confirmations(), []
    no: Any = None

    async def append(event: NewEvent) -> None:
        noted.append(event)

    operations = Operations(
        gateway="g", plant=no, faces=no, ledger=SimpleNamespace(append=append), clock=no,  # type: ignore[arg-type]
        presence=no, threat=no, confirmations=confirmations, out_of_service=no, outbox=no,
    )  # fmt: skip
    waiting = confirmations.ask("gate", "gate-in", Person("e3", "Rosa Díaz"), "camera")
    asked = {"id": waiting.id, "door": "gate", "yes": True}
    with pytest.raises(Refused, match="nobody vouches for themselves"):
        await operations.door_confirm({**asked, "by": ROSA})
    assert not noted and not waiting.answer.done()
    await operations.door_confirm({**asked, "by": Operator("lgil", person="e9", name="Laura")})
    assert waiting.answer.done() and noted[0].data["by_name"] == "Laura"


async def test_more_time_for_a_guard_is_on_record_and_opens_nothing() -> None:
    confirmations, noted = Confirmations(), []
    no: Any = None

    async def append(event: NewEvent) -> None:
        noted.append(event)

    operations = Operations(
        gateway="g", plant=no, faces=no, ledger=SimpleNamespace(append=append), clock=no,  # type: ignore[arg-type]
        presence=no, threat=no, confirmations=confirmations, out_of_service=no, outbox=no,
    )  # fmt: skip
    waiting = confirmations.ask("gate", "gate-in", Person("e3", "Rosa Díaz"), "camera")
    hearing = asyncio.create_task(confirmations.hear(waiting))
    await asyncio.sleep(0)
    request = {"id": waiting.id, "door": "gate", "by": ROSA}
    await operations.door_confirm_extend(request)
    assert noted[0].type == "door.confirm_extended"
    assert noted[0].data["seconds"] == confirmations.confirm_s
    assert not waiting.answer.done()
    with pytest.raises(Refused, match="extended already"):
        await operations.door_confirm_extend(request)
    assert len(noted) == 1
    hearing.cancel()
