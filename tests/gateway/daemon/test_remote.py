"""What each command does to the gate: to which doors, by whom, and what is refused and why."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.operators import OperatorTable
from gateway.daemon.operations import Operations
from gateway.daemon.remote import RemoteActs
from gateway.daemon.signed import Command, Refused, SenderKey
from gateway.decide.model import Confirmation, Person
from gateway.doors.confirm import Confirmations
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.operator import Operator
from gateway.people.operators import Operators
from gateway.state.clock import Clock

ROSA = Operator("rosa", person="e2", name="Rosa")


class Site:
    """One door at which Ben waits for a guard's word; the log and the list are stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.events: list[NewEvent] = []
        self.confirmations = Confirmations()
        self.kept: dict[str, str] = {}
        self.nudged = 0
        door = SimpleNamespace(name="yard", hardware=SimpleNamespace(set_out_of_service=self.set))
        door.hardware.door = SimpleNamespace(state=SimpleNamespace(value="locked"))
        no: Any = None
        operations = Operations(
            gateway="g",
            plant=SimpleNamespace(doors={"yard": door}),  # type: ignore[arg-type]
            faces=None,
            ledger=self,  # type: ignore[arg-type]
            clock=no,
            presence=no,
            threat=no,
            confirmations=self.confirmations,
            out_of_service=self,  # type: ignore[arg-type]
            outbox=no,
        )
        self.fault: OSError | None = None
        self.acts = RemoteActs(
            settings=SimpleNamespace(people_path=folder / "people.db"),  # type: ignore[arg-type]
            plant=SimpleNamespace(doors={"yard": door}),  # type: ignore[arg-type]
            operations=operations,
            operators=Operators({}, folder / "people.db"),
            clock=Clock(None, 60),
            nudge=self.nudge,
        )

    async def append(self, event: NewEvent) -> Event:
        self.events.append(event)
        return Event(1, "", "", "", "", {}, "", "")

    async def put(self, door: str, reason: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.kept[door] = reason

    def set(self, reason: str, by: str) -> None:
        self.by = by

    def nudge(self) -> None:
        self.nudged += 1


def command(name: str, doors: frozenset[str] = frozenset(), **body: Any) -> Command:
    sender = SenderKey(None, frozenset({name}), "rosa", doors)  # type: ignore[arg-type]
    expires = datetime.now(UTC) + timedelta(seconds=30)
    return Command("rosa", name, "rosa", 1, body, sender, expires, "ab" * 16)


async def why(act: Any) -> str:
    with pytest.raises(Refused) as caught:
        await act
    return str(caught.value)


async def test_a_word_counts_for_the_one_who_waits_and_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    waiting = site.confirmations.ask("yard", "r", Person("e1", "Ben"), "camera")
    heard = asyncio.create_task(site.confirmations.hear(waiting))
    await asyncio.sleep(0)

    def word(request: str, yes: Any = True, door: str = "yard") -> Any:
        body: Mapping[str, Any] = {"door": door, "request": request, "yes": yes}
        return site.acts.confirm(command("door_confirm", **body), ROSA)

    assert await why(word("00000000")) == "nobody waits there under that id"
    assert await why(word(waiting.id, door="attic")) == "there is no such door"
    own = Operator("ben", person="e1")
    body = {"door": "yard", "request": waiting.id, "yes": True}
    vouch = site.acts.confirm(command("door_confirm", **body), own)
    assert await why(vouch) == "nobody confirms themselves"
    assert site.events == []
    assert (await word(waiting.id))["name"] == "Ben"
    assert await heard is Confirmation.CONFIRMED
    assert [event.type for event in site.events] == ["door.confirmed"]
    assert site.events[0].data["by_name"] == "Rosa"
    assert await why(word(waiting.id)) == "nobody waits there under that id"


async def test_only_the_word_yes_lets_anybody_pass(tmp_path: Path) -> None:
    for nearly in ("true", 1, [True], None):
        site = Site(tmp_path)
        waiting = site.confirmations.ask("yard", "r", Person("e1", "Ben"), "camera")
        body = {"door": "yard", "request": waiting.id, "yes": nearly}
        await site.acts.confirm(command("door_confirm", **body), ROSA)
        assert waiting.answer.result() is Confirmation.REFUSED


async def test_a_door_goes_out_of_service_and_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    out = command("door_out_of_service", door="yard", reason="strike broken")
    await site.acts.out_of_service(out, ROSA)
    assert site.kept == {"yard": "strike broken (rosa)"} and site.by == "rosa"
    await site.acts.in_service(command("door_in_service", door="yard", reason="x"), ROSA)
    assert site.kept == {"yard": ""}
    site.fault = OSError("full")
    assert await why(site.acts.out_of_service(out, ROSA)) == "the door's state could not be kept"


@pytest.mark.parametrize("door", [None, 7, [], {"yard": 1}, "attic", "", "YARD"])
async def test_a_door_is_named_exactly(tmp_path: Path, door: Any) -> None:
    site = Site(tmp_path)
    for act in (site.acts.open, site.acts.in_service, site.acts.out_of_service):
        assert await why(act(command("x", door=door), ROSA)) == "there is no such door"


async def test_a_key_for_some_doors_is_for_no_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    act = site.acts.open(command("door_open", frozenset({"gate"}), door="yard"), ROSA)
    assert await why(act) == "not for this door"


async def test_a_list_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    (tmp_path / "people.db").mkdir()
    act = site.acts.revoke(command("person_revoke", person="e1", reason="x"), ROSA)
    assert await why(act) == "the personnel list could not be written"
    assert site.nudged == 0


async def test_an_operator_who_is_not_known_gives_no_command(tmp_path: Path) -> None:
    site = Site(tmp_path)
    settings: Any = SimpleNamespace(site=SimpleNamespace(zone=UTC))
    site.acts._settings = settings
    done = site.acts._by_operator(site.acts.in_service)
    said = await why(done(command("door_in_service", door="yard")))
    assert said == "its operator is not active on the list" and site.kept == {}


async def test_a_key_of_another_operator_opens_nothing_through_the_console(tmp_path: Path) -> None:
    """Two operators share a browser, and each has a key in it."""
    with closing(sqlite3.connect(tmp_path / "people.db")) as db:
        db.executescript(
            "CREATE TABLE person (id, name, status, valid_from, valid_until);"
            "CREATE TABLE revocation (person_id);"
            "INSERT INTO person VALUES ('e2', 'Rosa', 'active', NULL, NULL)"
        )
    site = Site(tmp_path)
    table = {"rosa": OperatorTable(account="rosa", person="e2", roles=["guard"])}
    site.acts._operators = Operators(table, tmp_path / "people.db")
    settings: Any = SimpleNamespace(site=SimpleNamespace(zone=UTC))
    site.acts._settings = settings
    done = site.acts._by_operator(site.acts.in_service)
    sender = SenderKey(None, frozenset({"door_in_service"}), "rosa", through="console")  # type: ignore[arg-type]
    asked = replace(command("door_in_service", door="yard"), sender=sender)
    for other in ("", "e3"):
        said = await why(done(replace(asked, signed_in=other)))
        assert said == "signed with the key of another operator"
    assert site.kept == {}
    await done(replace(asked, signed_in="e2"))
    assert site.kept == {"yard": ""}
