"""The desk's reader: whose badge it is, who they prove to be, and a number that stays here."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from drivers.base import CardRead, Keys, Signal
from gateway.config.operators import OperatorTable
from gateway.daemon import deskreader
from gateway.daemon.control import Refused
from gateway.daemon.deskreader import DeskReader
from gateway.daemon.operatorpins import OperatorPins
from gateway.doors.pinpad import PinLimits
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.operator import Operator
from gateway.people.operators import Operators
from gateway.people.pins import Pins
from gateway.people.schema import open_admin
from gateway.vault.sitekey import SiteKey

CONSOLE = Operator("garita-console")
ROSA, LUIS, STRANGER, VISITOR, BOTH = (
    CardRead("h10301", "18", str(n)) for n in range(70101, 70106)
)


class Desk:
    """The reader with people.db, what it put on record, and what it showed."""

    def __init__(self, folder: Path) -> None:
        people = folder / "people.db"
        key = SiteKey(bytes(32))
        pins = Pins(key)
        db = open_admin(people)
        for person, status in (("e2", "active"), ("e3", "active"), ("e4", "revoked")):
            db.execute(
                "INSERT INTO person VALUES (?, ?, 'Acme', '', NULL, NULL, ?, '[]')",
                (person, f"Person {person}", status),
            )
        for card, person in ((ROSA, "e2"), (LUIS, "e3"), (BOTH, "e3")):
            db.execute("INSERT INTO credential VALUES (?, ?)", (key_of(card), person))
        for card, number in ((VISITOR, 7), (BOTH, 8)):
            db.execute(
                "INSERT INTO visit_badge VALUES (?, ?, ?, 'Iñaki', 'Norte', '', '', '2099', '[]')",
                (key_of(card), number, f"visit:{number}"),
            )
        hashes = pins.hash("e2", "4715"), pins.hash("e2", "4716")
        db.execute("INSERT INTO pin VALUES ('e2', ?, ?, '', '')", hashes)
        db.commit()
        db.close()
        self.people, self.events, self.shown = people, list[NewEvent](), list[Signal]()
        table = {
            "rosa": OperatorTable(person="e2", roles=["guard"]),
            "eva": OperatorTable(person="e4", roles=["guard"]),
        }
        operators = Operators(table, people)
        limits = PinLimits(5, 60.0)
        self.reader = DeskReader(
            people,
            operators,
            OperatorPins(operators, people, pins, limits, self._append),
            key,
            lambda: date(2026, 11, 27),
            self.shown.append,
        )

    async def _append(self, event: NewEvent) -> Event:
        self.events.append(event)
        return Event(1, f"id-{len(self.events)}", "", event.type, event.subject, event.data, "", "")

    async def read(self, card: CardRead) -> dict[str, Any]:
        """Somebody asks, and then the badge is held to the reader."""
        after = (await self.reader.desk_read({}))["next"]
        self.reader.take(card, 0.0)
        answer = await self.reader.desk_read({"after": after, "wait_s": 5})
        assert answer["next"] == after + 1
        found: dict[str, Any] = answer["badge"]
        return found

    async def prove(self, token: str, pin: str) -> Any:
        request = {"token": token, "pin": pin, "act": "sign in", "by": CONSOLE}
        return await self.reader.desk_proof(request)


def key_of(card: CardRead) -> str:
    return f"{card.format}:{card.facility}:{card.number}"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("card", "kind", "login", "name"),
    [
        (ROSA, "person", "rosa", "Person e2"),
        (LUIS, "person", "", "Person e3"),
        (VISITOR, "visitor", "", "Iñaki"),
        (STRANGER, "nobody", "", ""),
        (BOTH, "person", "", ""),  # of a person and a visitor: nobody's at a door
    ],
)
async def test_the_console_is_told_whose_badge_it_is_and_never_its_number(
    desk: Desk, card: CardRead, kind: str, login: str, name: str
) -> None:
    badge = await desk.read(card)
    assert (badge["kind"], badge["login"], badge["name"]) == (kind, login, name)
    assert badge["visit"] == (7 if card is VISITOR else 0)
    assert card.number not in json.dumps(badge) and "701" not in badge["masked"]
    assert desk.shown == [Signal.DENIED if kind == "nobody" else Signal.GRANTED]


async def test_a_badge_from_before_the_question_proves_nothing(desk: Desk) -> None:
    desk.reader.take(ROSA, 0.0)  # nobody asked
    assert desk.reader._held == []
    first = await desk.reader.desk_read({})
    desk.reader.take(Keys("4715"), 0.0)
    none = await desk.reader.desk_read({"after": first["next"], "wait_s": 0.01})
    assert none == {"next": first["next"], "badge": None}


async def test_a_question_hears_of_the_badge_at_once(desk: Desk) -> None:
    after = (await desk.reader.desk_read({}))["next"]
    waiting = asyncio.create_task(desk.reader.desk_read({"after": after, "wait_s": 10}))
    await asyncio.sleep(0)
    desk.reader.take(ROSA, 0.0)
    assert (await asyncio.wait_for(waiting, 5))["badge"]["login"] == "rosa"


async def test_badge_and_pin_prove_who_it_is_once(desk: Desk) -> None:
    token = (await desk.read(ROSA))["token"]
    assert (await desk.prove(token, "0000"))["outcome"] == "wrong"
    good = await desk.prove(token, "4715")
    assert (good["outcome"], good["login"], good["person"]) == ("correct", "rosa", "e2")
    refused, accepted = desk.events
    assert (refused.type, accepted.type) == ("operator.pin_refused", "operator.pin_accepted")
    assert good["id"] == "id-2" and accepted.data["act"] == "sign in"
    assert accepted.data["badge"].endswith("…01") and accepted.data["by"] == CONSOLE
    with pytest.raises(Refused, match="again"):  # the token is used up
        await desk.prove(token, "4715")
    assert ROSA.number not in str(desk.events) and "4715" not in str(desk.events)


async def test_a_pin_typed_under_threat_signs_in_and_calls_for_help(desk: Desk) -> None:
    token = (await desk.read(ROSA))["token"]
    assert (await desk.prove(token, "4716"))["outcome"] == "correct"
    assert [event.type for event in desk.events] == ["operator.pin_accepted", "alarm.duress"]


async def test_after_three_wrong_pins_the_badge_has_to_be_shown_again(desk: Desk) -> None:
    token = (await desk.read(ROSA))["token"]
    for _ in range(3):
        await desk.prove(token, "0000")
    for _ in range(2):
        with pytest.raises(Refused):
            await desk.prove(token, "4715")
    assert len(desk.events) == 3
    again = (await desk.read(ROSA))["token"]
    assert (await desk.prove(again, "4715"))["outcome"] == "correct"


@pytest.mark.parametrize("card", [LUIS, VISITOR, STRANGER, BOTH])
async def test_only_an_operator_proves_anything(desk: Desk, card: CardRead) -> None:
    token = (await desk.read(card))["token"]
    with pytest.raises(Refused, match="not one of an operator"):
        await desk.prove(token, "4715")
    assert desk.events == []


async def test_an_operator_who_was_revoked_proves_nothing(desk: Desk) -> None:
    with open_admin(desk.people) as db:
        db.execute("INSERT INTO credential VALUES (?, 'e4')", (key_of(STRANGER),))
    token = (await desk.read(STRANGER))["token"]
    with pytest.raises(Refused, match="not one of an operator"):
        await desk.prove(token, "4715")


@pytest.mark.parametrize("token", ["", "x", "ñ" * 10_000, "\ud800"])
async def test_a_token_of_ones_own_is_none(desk: Desk, token: str) -> None:
    await desk.read(ROSA)
    for act in (desk.prove(token, "4715"), desk.reader.desk_card({"token": token})):
        with pytest.raises(Refused, match="again"):
            await act


async def test_the_number_of_a_badge_in_stock_is_told_once(desk: Desk) -> None:
    token = (await desk.read(STRANGER))["token"]
    told = await desk.reader.desk_card({"token": token})
    assert told["card"] == key_of(STRANGER) and len(told["fingerprint"]) == 16
    with pytest.raises(Refused):
        await desk.reader.desk_card({"token": token})


@pytest.mark.parametrize("card", [ROSA, LUIS, VISITOR, BOTH])
async def test_the_number_of_somebodys_badge_is_not_told(desk: Desk, card: CardRead) -> None:
    token = (await desk.read(card))["token"]
    with pytest.raises(Refused, match="is out"):
        await desk.reader.desk_card({"token": token})


async def test_a_badge_is_forgotten_after_its_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deskreader, "GOOD_S", 0.02)
    token = (await desk.read(ROSA))["token"]
    async with asyncio.timeout(5):
        while desk.reader._held:
            await asyncio.sleep(0.01)
    with pytest.raises(Refused, match="again"):
        await desk.prove(token, "4715")


async def test_a_flood_of_badges_takes_no_more_memory(desk: Desk) -> None:
    after = (await desk.reader.desk_read({}))["next"]
    for number in range(1000):
        desk.reader.take(CardRead("h10301", "18", str(number)), 0.0)
    assert len(desk.reader._held) == deskreader.KEPT
    assert (await desk.reader.desk_read({"after": after, "wait_s": 1}))["badge"] is not None
