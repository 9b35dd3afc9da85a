"""Collectors, brokers, PostgreSQL and gateways that are killed in the middle: nothing is lost,
nothing is stored twice, and what is stored is what the gateways signed.

The short form runs with all tests.  The long form, whose figures are in docs/faults.md:

    GARITA_KILLS=300 python -m pytest tests/gateway/collector/test_killed.py -k storm -s
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish as paho

from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from gateway.uplink.messages import cloud_event
from tests.conftest import Mosquitto
from tests.gateway.collector.gates import Gate
from tests.gateway.collector.headquarters import ROOT, Headquarters
from tests.postgres import Postgres

KILLS = int(os.environ.get("GARITA_KILLS", "20"))
MakeHq = Callable[..., Headquarters]


@pytest.fixture
async def make_hq(
    make_broker: Callable[..., Mosquitto], make_postgres: Callable[..., Postgres], tmp_path: Path
) -> AsyncIterator[MakeHq]:
    """Whole headquarters, each with a database server of its own."""
    made: list[Headquarters] = []

    def make(
        *,
        brokers: int = 1,
        collectors: int = 2,
        gateways: int = 4,
        database: Postgres | None = None,
    ) -> Headquarters:
        machines = [make_broker() for _ in range(brokers)]
        for broker in machines:
            broker.start()
        names = [f"gate-{n}" for n in range(1, gateways + 1)]
        server, folder = database or make_postgres(), tmp_path / f"hq{len(made)}"
        folder.mkdir()
        made.append(
            Headquarters(
                folder, brokers=machines, database=server, gateways=names, collectors=collectors
            )
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()


def verified(hq: Headquarters) -> list[dict[str, Any]]:
    """What `garita collect verify` says."""
    config = hq.config(next(iter(hq.collectors)))
    command = [sys.executable, "-m", "gateway.cli.main", "collect", "verify", "-c", str(config)]
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (3 if any(one["wrong"] for one in found) else 0), done.stderr
    return found


@pytest.mark.timeout(300 + 20 * KILLS)
@pytest.mark.slow
async def test_a_storm_of_kills_loses_nothing_and_stores_nothing_twice(make_hq: MakeHq) -> None:
    seed = int(os.environ.get("GARITA_SEED", "12"))
    hq, begun = make_hq(brokers=2, collectors=2, gateways=4), time.monotonic()
    await hq.start()
    hq.traffic(30)
    await hq.storm(KILLS, random.Random(seed))
    await hq.quiet()
    for name in hq.collectors:
        if hq.collectors[name] is None:
            hq.start_collector(name)
    await hq.whole()
    assert hq.query("SELECT * FROM conflicts") == []
    assert hq.query("SELECT * FROM quarantine") == []
    found = verified(hq)
    assert [one["wrong"] for one in found] == [[]] * 4
    told = ", ".join(f"{count} of a {what}" for what, count in sorted(hq.killed.items()))
    records = sum(one["records"] for one in found)
    print(f"{KILLS} kills ({told}) in {time.monotonic() - begun:.0f} s: {records} records, 0 lost")


# Forgeries, poison, and gateways that are not what they were


def publish(broker: Mosquitto, *messages: tuple[str, str | bytes]) -> None:
    """As anybody who may write there."""
    paho.multiple(
        [{"topic": topic, "payload": payload, "qos": 1} for topic, payload in messages],
        hostname="127.0.0.1",
        port=broker.port,
    )


def forged(gate: Gate, seq: int, prev: str, name: str) -> tuple[str, str]:
    """A record that fits its own hash, of somebody who has no key; and that hash."""
    event = NewEvent(EventType.ACCESS_GRANTED, "yard", {"person": {"id": "x", "name": name}})
    moment = datetime(2026, 11, 26, tzinfo=UTC)
    body = chain.body_of(event, f"{gate.ledger.chain}-{seq}", moment)
    digest = chain.link(bytes.fromhex(prev), seq, chain.digest_of(body))
    made = chain.to_event(seq, body, digest, bytes.fromhex(prev))
    return cloud_event(made, gate.name), digest.hex()


@pytest.mark.timeout(400)
async def test_conflicts_hold_the_planted_forgeries_and_nothing_else(make_hq: MakeHq) -> None:
    """Duplicates, disorder, poison and forgeries among what real gateways publish, and a collector
    that is killed meanwhile."""
    hq = make_hq(collectors=2, gateways=2)
    await hq.start()
    gate, broker, topic = hq.gates["gate-1"], hq.brokers[0], "garita/gate-1/events"
    await gate.badges(40)
    await hq.whole()
    true = {event.seq: event for event in gate.reader.after(0, 1000)}
    planted, messages = set[tuple[int, str]](), list[tuple[str, str | bytes]]()
    for seq in (5, 9, 20):  # of numbers that are stored
        text, digest = forged(gate, seq, true[seq].prev, f"forger of {seq}")
        planted.add((seq, digest))
        messages.append((topic, text))
    ahead, last = max(true) + 1, true[max(true)]
    text, digest = forged(gate, ahead, last.hash, "first")  # before the gateway's own
    planted.add((ahead, digest))
    messages.append((topic, text))
    twice = random.Random(1).sample(range(1, 41), 30)
    again = [(topic, cloud_event(true[n], "gate-1")) for n in twice]
    poison: list[tuple[str, str | bytes]] = [
        (topic, b""),
        (topic, b"\xff\xfe not text"),
        (topic, "[" * 5000),
        (topic, '{"seq": 99999999999999999999999}'),
        (topic, json.dumps({"seq": -1, "hash": "x"})),
        (topic, b"{" + b'"x":"' + b"a" * 300_000 + b'"}'),
        ("garita/gate-1/checkpoint", "not a note"),
    ]
    everything = [*messages, *again, *poison]
    random.Random(2).shuffle(everything)
    await asyncio.to_thread(publish, broker, *everything)
    hq.kill_collector("hq-1")
    await gate.badges(30)
    hq.start_collector("hq-1")
    await hq.gates["gate-2"].badges(10)
    await gate.checkpoints.make()
    await hq.whole()
    await hq.until(lambda: len(hq.query("SELECT 1 FROM quarantine")) >= len(poison))
    await hq.until(lambda: len(hq.query("SELECT 1 FROM conflicts")) >= len(planted))
    found = hq.query("SELECT gateway, seq, encode(hash, 'hex') FROM conflicts")
    assert {(seq, digest) for _, seq, digest in found} == planted and len(found) == len(planted)
    assert {gateway for gateway, _, _ in found} == {"gate-1"}
    assert len(hq.query("SELECT 1 FROM quarantine")) == len(poison)
    assert [one["wrong"] for one in verified(hq)] == [[], []]


@pytest.mark.timeout(400)
async def test_a_gateway_that_is_restored_or_replaced_goes_on_as_another_origin(
    make_hq: MakeHq, tmp_path: Path
) -> None:
    hq = make_hq(collectors=1, gateways=2)
    await hq.start()
    ports = [hq.brokers[0].port]
    restored, replaced = hq.gates["gate-1"], hq.gates["gate-2"]
    await restored.badges(20)
    await replaced.badges(20)
    await hq.whole()

    await restored.crash()
    restored.image(tmp_path / "image")
    restored = Gate(restored.folder, "gate-1", ports)
    await restored.start()
    hq.gates["gate-1"] = restored
    await restored.badges(30)
    await restored.checkpoints.make()
    await hq.whole()
    # Its signed head has reached the broker, which is what knows of these records later.
    await hq.until(lambda: hq.proven("gate-1") == restored.ledger.last_seq)
    before = hq.stored()
    for gate in (restored, replaced):
        await gate.stop()

    hq.gates = {
        "gate-1": Gate(tmp_path / "image", "gate-1", ports),
        "gate-2": Gate(tmp_path / "new", "gate-2", ports),
    }
    for gate in hq.gates.values():
        await gate.start()
        await gate.badges(15)
    await hq.until(lambda: hq.gates["gate-1"].ledger.follows is not None)

    def all_there() -> bool:
        stored = {(gateway, *rest) for (gateway, _), rest in hq.everything()}
        new = {
            (name, key, digest)
            for name, gate in hq.gates.items()
            for seq, key, digest in gate.records()
            if seq >= gate.ledger.first_seq
        }
        return before_set | new <= stored

    before_set = {(gateway, *rest) for (gateway, _), rest in before.items()}
    await hq.until(all_there)
    kinds = set(hq.query("SELECT gateway, kind FROM alarms"))
    assert ("gate-1", "log_lost") in kinds and ("gate-2", "log_anew") in kinds
    health = hq.query("SELECT gateway, lost, known_by FROM audit.log_health ORDER BY 1, first_seq")
    assert [row[0] for row in health] == ["gate-1", "gate-1", "gate-2", "gate-2"]
    assert health[1][1] > 0 and health[1][2] == "broker"
    # What it recorded before it heard from the broker has numbers that were used: it is kept aside.
    mine = hq.gates["gate-1"]
    again = {(seq, digest) for seq, _, digest in mine.records() if seq < mine.ledger.first_seq}
    aside = hq.query("SELECT gateway, seq, encode(hash, 'hex') FROM conflicts")
    assert {gateway for gateway, _, _ in aside} <= {"gate-1"}
    assert {(seq, digest) for _, seq, digest in aside} <= again
    assert all(not one["wrong"] for one in verified(hq) if one["gateway"] == "gate-1")
