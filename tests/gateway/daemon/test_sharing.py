"""What a gate tells the gates that share an area with it, and what it takes from them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import MqttSettings
from gateway.config.tables import PeerTable
from gateway.daemon.sharing import Sharing
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event
from gateway.proof.note import Signer
from gateway.state.movement import Link
from gateway.state.presence import Presence
from gateway.uplink.peers import open_head
from tests.gateway.uplink.test_peers import NOW, Gate

BEGIN = datetime.fromtimestamp(NOW, UTC)


class World:
    """One gate with another that shares the yard; nothing is connected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger.open(folder / "ledger.db", gateway="gate-1")
        self.other = Gate("garita/gate-2")
        self.key: Signer | None = Signer(
            f"garita/gate-1/{self.ledger.chain}", Ed25519PrivateKey.generate()
        )
        self.presence = Presence(
            {"truck": Link("yard", "")},
            gateway="gate-1",
            shared={"yard": frozenset({"gate-2"})},
            strict=frozenset({"yard"}),
        )
        self.now = BEGIN
        self.devices: list[tuple[str, bool, str]] = []
        self.sharing = Sharing(
            gateway="gate-1",
            mqtt=MqttSettings(host="127.0.0.1", port=1),
            peers={"gate-2": PeerTable(key=str(self.other.key), stale_s=15)},
            shared={"yard": frozenset({"gate-2"})},
            ledger=self.ledger,
            presence=self.presence,
            signer=lambda: self.key,
            now=lambda: self.now,
            on_device=lambda kind, name, online, detail: self.devices.append(
                (name, online, detail)
            ),
            path=folder / "log-head.json",
            on_taken=lambda: None,
        )

    def badge(self, who: str) -> None:
        data = {"door": "truck", "way": "in", "person": {"id": who, "name": who}, "facts": {}}
        seq = self.presence.seq + 1
        at = self.now.isoformat()
        self.presence.apply(Event(seq, "x", at, "access.granted", "truck", data, "", ""))

    def hear(self, kind: str, payload: bytes) -> None:
        self.sharing._hear("gate-2", kind, payload)

    def records(self, kind: str) -> list[Event]:
        reader = LedgerReader(self.folder / "ledger.db")
        try:
            return [event for event in reader.after(0, 1000) if event.type == kind]
        finally:
            reader.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    made.ledger.close()


async def tell(world: World) -> None:
    world.sharing._tell()
    await world.ledger.ping(5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def moved(world: World, who: str, **more: Any) -> bytes:
    at = (BEGIN - timedelta(minutes=1)).isoformat()
    data = {"area": "yard", "from": "", "was": None, "at": at, "door": "d", "grant": 1}
    return world.other.add("area.moved", who, **{**data, "name": who, "company": "", **more})


async def test_a_movement_is_on_record_before_it_is_signed_and_the_disk_knows(
    world: World,
) -> None:
    world.badge("e1")
    await tell(world)
    await tell(world)
    assert [event.subject for event in world.records("area.moved")] == ["e1"]
    await world.sharing._sign()
    assert world.key is not None
    head = open_head(world.sharing._head.encode(), world.key.key)
    held = json.loads((world.folder / "log-head.json").read_text())
    assert head.seq == world.ledger.last_seq == held["seq"] and head.hash == held["hash"]


async def test_nothing_is_signed_without_a_key_or_for_another_origin(world: World) -> None:
    key, world.key = world.key, None
    await world.sharing._sign()
    assert key is not None
    world.key = Signer("garita/gate-1/00", key.private)
    await world.sharing._sign()
    assert world.sharing._head == "" and not (world.folder / "log-head.json").exists()


async def test_what_the_disk_did_not_take_is_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.badge("e1")

    def fails(event: object) -> asyncio.Future[Event]:
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        future.set_exception(LedgerUnavailable("full"))
        return future

    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "append_soon", fails)
        await tell(world)
    assert world.records("area.moved") == [] and len(world.presence.untold()) == 1
    await tell(world)
    assert len(world.records("area.moved")) == 1 and world.presence.untold() == []


async def test_what_the_other_gate_signed_is_taken_and_its_age_is_said(world: World) -> None:
    assert world.sharing.apart("yard") == ("gate-2",) and world.sharing.apart("store") == ()
    for seq in (1,):
        world.hear("events", world.other.message(seq))
    world.hear("events", moved(world, "e7"))
    world.hear("head", world.other.head(NOW))
    assert [key for key, _ in world.presence.inside("yard")] == ["e7"]
    assert world.sharing.apart("yard") == ()
    (part,) = world.sharing.parts()
    assert part["as_of"] == BEGIN.isoformat() and part["away"] == ""
    assert world.presence.peers["gate-2"]["seq"] == 2
    world.now = BEGIN + timedelta(seconds=16)
    assert world.sharing.parts()[0]["away"] == "not heard any more"
    world.now = BEGIN - timedelta(seconds=16)
    assert world.sharing.parts()[0]["away"] == "its clock is ahead"


async def test_a_record_that_is_signed_and_nonsense_moves_nobody(world: World) -> None:
    world.hear("events", world.other.message(1))
    world.hear("events", moved(world, "e7", at="soon"))
    world.hear("events", moved(world, "e8", area=7))
    world.hear("events", world.other.add("area.forgiven", "g", person=None, left="yes"))
    world.hear("events", moved(world, "e9"))
    world.hear("head", world.other.head(NOW))
    assert [key for key, _ in world.presence.inside("yard")] == ["e9"]


async def test_a_flood_of_forgeries_is_one_record(world: World) -> None:
    for _ in range(500):
        world.hear("head", b"nonsense")
    await world.ledger.ping(5)
    (event,) = world.records("area.peer_refused")
    assert event.subject == "gate-2" and event.data["count"] == 1


async def test_a_contradiction_is_on_record_once(world: World) -> None:
    world.now = BEGIN
    world.badge("e1")
    world.hear("events", world.other.message(1))
    world.hear("events", moved(world, "e1"))
    world.hear("head", world.other.head(NOW))
    await world.ledger.ping(5)
    (event,) = world.records("area.contradiction")
    assert (event.data["first_gate"], event.data["second_gate"]) == ("gate-2", "gate-1")
