"""Simulated gateways for loads on brokers and collectors, hundreds in one process.

What a collector sees is real: records as the log writes them, their chain, CloudEvents, signed
checkpoints and answers to replay requests.  What is missing is the gate behind them: there are no
doors, and the records are in memory, because a thousand databases would measure the disk.

    python -m benchmarks.gates PORT FIRST COUNT RATE SECONDS BACKLOG
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import resource
import secrets
import sys
import time
from datetime import UTC, datetime

import aiomqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import Signer
from gateway.uplink.messages import cloud_event, parse_replay

logging.getLogger("mqtt").setLevel(logging.ERROR)  # aiomqtt warns of every tenth message under way
BASE = "garita"
EVERY = 200  # records between checkpoints, as a gateway's default
MINUTES = 10
IN_FLIGHT = 20
PEOPLE = [(f"e{n}", f"Ana Ruiz {n}") for n in range(200)]


def badge(n: int) -> NewEvent:
    """A granted badge with the fields of a real record, about 600 bytes."""
    person, name = PEOPLE[n % len(PEOPLE)]
    data = {
        "door": "yard", "reader": "yard-in", "way": "in", "reason": "granted",
        "rule": "plant/always", "person": {"id": person, "name": name, "company": "Acme"},
        "credential": {"masked": "em4100:…02", "fingerprint": f"{n:016x}"}, "list_version": 7,
        "policy_version": "a6d654fda74a", "degraded": [], "took_ms": 0.7,
        "criteria": ["9.4", "10.1"], "criteria_edition": "ctpat-msc-2020/2",
        "facts": {"levels": ["plant"], "templates": 3},
    }  # fmt: skip
    return NewEvent(EventType.ACCESS_GRANTED, "yard", data)


class Gate:
    """One gateway `name`: its records as messages, and its head."""

    def __init__(self, name: str) -> None:
        self.name, self.chain = name, secrets.token_hex(8)
        self.signer = Signer(f"garita/{name}/{self.chain}", Ed25519PrivateKey.generate())
        self.messages: list[bytes] = []
        self.sent = 0  # acknowledged by the broker, without a hole
        self.note = ""
        self._head, self._tree = chain.GENESIS, Frontier()
        self._signed, self._signed_at = 0, time.monotonic()
        self.more = asyncio.Event()
        self.append(NewEvent(EventType.LEDGER_CREATED, name, {"chain": self.chain}))

    def append(self, event: NewEvent) -> None:
        seq = len(self.messages) + 1
        body = chain.body_of(event, f"{self.chain}-{seq}", datetime.now(UTC))
        previous = self._head
        self._head = chain.link(previous, seq, chain.digest_of(body))
        self._tree.add(leaf_hash(body.encode()))
        record = chain.to_event(seq, body, self._head, previous)
        self.messages.append(cloud_event(record, self.name).encode())
        self.more.set()

    def checkpoint(self) -> None:
        self.append(NewEvent(EventType.LEDGER_CHECKPOINT, self.name, {"key": str(self.signer.key)}))
        head = Checkpoint(self.signer.name, self._tree.size, self._tree.root())
        self.note = sign(head, self.signer).write()
        self._signed, self._signed_at = len(self.messages), time.monotonic()

    def due(self) -> bool:
        new = len(self.messages) - self._signed
        return new >= EVERY or (new > 0 and time.monotonic() - self._signed_at > MINUTES * 60)


async def serve(gate: Gate, port: int, stop: asyncio.Event) -> None:
    """Be that gateway on the broker until `stop`, connecting again whenever it ends."""
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0
    while not stop.is_set():
        try:
            async with aiomqtt.Client(
                "127.0.0.1",
                port,
                identifier=f"garita-{gate.name}",
                protocol=aiomqtt.ProtocolVersion.V5,
                properties=properties,
                keepalive=60,
                max_inflight_messages=IN_FLIGHT,
                will=aiomqtt.Will(f"{BASE}/{gate.name}/status", "offline", 1, True),
                timeout=60,
            ) as client:
                await client.subscribe(f"{BASE}/{gate.name}/replay", qos=1)
                await client.publish(f"{BASE}/{gate.name}/status", "online", 1, True)
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(_publish(gate, client)),
                        group.create_task(_answer(gate, client)),
                    ]
                    await stop.wait()
                    for task in tasks:
                        task.cancel()
        except* aiomqtt.MqttError:
            await asyncio.sleep(random.uniform(0.5, 2))


async def _publish(gate: Gate, client: aiomqtt.Client) -> None:
    head = ""
    while True:
        batch = gate.messages[gate.sent : gate.sent + IN_FLIGHT]
        if not batch:
            if gate.note != head:
                head = gate.note
                await client.publish(f"{BASE}/{gate.name}/checkpoint", head, 1, True)
                continue
            gate.more.clear()
            await gate.more.wait()
            continue
        await asyncio.gather(
            *(client.publish(f"{BASE}/{gate.name}/events", message, 1) for message in batch)
        )
        gate.sent += len(batch)


async def _answer(gate: Gate, client: aiomqtt.Client) -> None:
    async for message in client.messages:
        asked = parse_replay(message.payload, retained=bool(message.retain))
        if asked is None:
            continue
        name, first, last = asked
        topic, found = f"{BASE}/{gate.name}/replay/{name}", gate.messages[first - 1 : last]
        for at in range(0, len(found), IN_FLIGHT):
            await asyncio.gather(
                *(client.publish(topic, item, 1) for item in found[at : at + IN_FLIGHT])
            )
        done = {"id": name, "from": first, "to": last, "count": len(found), "done": True}
        await client.publish(topic, json.dumps(done), 1)


async def live(gates: list[Gate], rate: float, seconds: float) -> None:
    """Badges at `rate` a second over all gates, at random, for `seconds`."""
    end, due = time.monotonic() + seconds, time.monotonic()
    n = 0
    while (now := time.monotonic()) < end:
        while due <= now:
            gate = random.choice(gates)
            gate.append(badge(n))
            n += 1
            due += random.expovariate(rate)
            if gate.due():
                gate.checkpoint()
        await asyncio.sleep(0.01)


async def main(
    port: int, first: int, count: int, rate: float, seconds: float, backlog: int
) -> None:
    gates = [Gate(f"gate-{first + n}") for n in range(count)]
    for gate in gates:
        for n in range(backlog):
            gate.append(badge(n))
        gate.checkpoint()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for at, gate in enumerate(gates):
            group.create_task(serve(gate, port, stop))
            if at % 20 == 19:
                await asyncio.sleep(0.1)  # a fleet does not come back within one millisecond
        if rate > 0:
            await live(gates, rate, seconds)
        for gate in gates:
            gate.checkpoint()
        while any(gate.sent < len(gate.messages) for gate in gates):
            await asyncio.sleep(0.1)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps(
                {
                    "records": sum(len(gate.messages) for gate in gates),
                    "bytes": sum(len(item) for gate in gates for item in gate.messages),
                    "cpu_s": used.ru_utime + used.ru_stime,
                }
            ),
            flush=True,
        )
        await asyncio.to_thread(sys.stdin.readline)  # replays may be asked for until then
        stop.set()


if __name__ == "__main__":
    number = sys.argv[1:]
    asyncio.run(main(*map(int, number[:3]), float(number[3]), float(number[4]), int(number[5])))
