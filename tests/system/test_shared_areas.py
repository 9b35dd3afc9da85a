"""A yard with two gates: two real daemons on a real mosquitto, together, cut off and together
again, and somebody on the broker who would like to be a third."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import aiomqtt
import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.rig import Rig
from gateway.daemon import control
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.ledger.pen import Head
from gateway.proof.note import Signer
from gateway.uplink import schemas
from gateway.uplink.peers import sign_head
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey

ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
BEN = {"id": "e2", "name": "Ben", "credentials": "em4100:18:1002", "access_levels": "plant"}

POLICY = """
[areas.yard]
passback = "hard"
maximum = 2
{shared}

{peers}
"""


def events(rig: Rig, *types: str) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return [event for event in reader.after(0, 100_000) if event.type in types]


def configure(rig: Rig, name: str, peers: dict[str, str]) -> None:
    """Give the gate its name, and the others of the yard."""
    tables = "\n".join(
        f'[peers.{other}]\nkey = "{key}"\nstale_s = 15' for other, key in peers.items()
    )
    shared = f"shared = {json.dumps(sorted(peers))}" if peers else ""
    before, _, rest = rig.config.read_text().partition("# policy\n")
    after = rest.rpartition("# end of policy\n")[2]
    policy = f"# policy\n{POLICY.format(shared=shared, peers=tables)}\n# end of policy\n"
    rig.config.write_text(before.replace('"demo-gate"', f'"{name}"') + policy + after)


async def make_yard(
    make_rig: Callable[..., Rig], mqtt: Callable[[int], str], count: int = 2
) -> list[Rig]:
    """Gates that share a yard: the door `yard` leads in, the door `gate` out."""
    rigs = [
        make_rig(
            mqtt=mqtt(number),
            yard_more='area = "yard"',
            gate_more='from_area = "yard"',
            policy="# policy\n# end of policy\n",
        )
        for number in range(count)
    ]
    names = [f"gate-{number + 1}" for number in range(count)]
    keys = {}
    for rig, name in zip(rigs, names, strict=True):
        configure(rig, name, {})
        await rig.acli("people", "sync", str(rig.write_people([ANA, BEN])), "--apply")
        private = logkey.load_or_make(
            rig.folder / "data" / "log-key.json", SiteKey.load(str(rig.folder / "site.key"))
        )
        keys[name] = str(Signer(f"garita/{name}/00", private).key)  # of whichever origin
    for rig, name in zip(rigs, names, strict=True):
        configure(rig, name, {n: k for n, k in keys.items() if n != name})
        await rig.acli("check")
    return rigs


async def start(*rigs: Rig) -> None:
    await asyncio.gather(*(rig.start() for rig in rigs))
    await asyncio.gather(*(rig.until(all_heard, 60) for rig in rigs))


def all_heard(status: Any) -> bool:
    return bool(status["peers"]) and not any(part["away"] for part in status["peers"])


async def badge(rig: Rig, number: int, door: str = "yard") -> str:
    """Show a badge; returns the reason of the decision."""
    before = len(events(rig, "access.granted", "access.denied"))
    (rig.yard_reader if door == "yard" else rig.gate_reader).present(18, number)

    def decided() -> list[Event]:
        return events(rig, "access.granted", "access.denied")[before:]

    await until(lambda: asyncio.to_thread(decided))
    return str(decided()[0].data["reason"])


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 60.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
        return found


async def inside(rig: Rig) -> list[str]:
    answer = await asyncio.to_thread(control.ask, rig.socket, "muster")
    return sorted(row["person"] for row in answer["people"])


async def see(rig: Rig, *people: str) -> None:
    async def seen() -> bool:
        return await inside(rig) == sorted(people)

    await until(seen)


async def test_the_yard_is_one_place_for_both_gates(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    one, two = await make_yard(make_rig, lambda _: f'host = "127.0.0.1"\nport = {broker.port}')
    await start(one, two)
    assert await badge(one, 1001) == "granted"
    await see(two, "e1")
    # Anti-passback and the number of people hold over both.
    assert await badge(two, 1001) == "denied_passback"
    denied = events(two, "access.denied")[-1]
    assert "(by gate-1)" in denied.data["rule"] and denied.data["facts"]["place"][3] == "gate-1"
    assert "peers" not in denied.data["degraded"]
    assert await badge(two, 1002) == "granted"
    await see(one, "e1", "e2")
    shown = " ".join((await two.acli("muster")).stdout.split())
    assert "gate-1 (yard): known up to" in shown and "2 inside" in shown
    # Out by the other gate, and in again.
    assert await badge(two, 1001, "gate") == "granted"
    await see(one, "e2")
    assert await badge(one, 1001) == "granted"
    await see(two, "e1", "e2")
    # Both are killed, and know it all when they are back.
    for rig in (one, two):
        rig.kill()
        assert rig.daemon is not None
        await rig.daemon.wait()
    shown = " ".join((await two.acli("muster")).stdout.split())
    assert "NOT COMPLETE" in shown and "gate-1 (yard)" in shown and "is stopped" in shown
    await start(one, two)
    for rig in (one, two):
        await see(rig, "e1", "e2")
    moved = events(one, "area.moved") + events(two, "area.moved")
    assert len(moved) == 4 and len({event.id for event in moved}) == 4
    assert events(one, "area.contradiction", "area.peer_refused") == []
    assert events(two, "area.contradiction", "area.peer_refused") == []


async def test_a_gate_that_changes_its_key_is_followed(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    one, two = await make_yard(make_rig, lambda _: f'host = "127.0.0.1"\nport = {broker.port}')
    await start(one, two)
    assert await badge(one, 1001) == "granted"
    await see(two, "e1")
    await one.acli("log", "key", "--renew", "--yes")
    assert await badge(one, 1002) == "granted"
    await see(two, "e1", "e2")
    await two.stop_daemon()  # and once more while the other gate is away
    await one.acli("log", "key", "--renew", "--yes")
    assert await badge(one, 1001, "gate") == "granted"
    await two.start()
    await see(two, "e2")
    await two.until(all_heard, 60)
    assert events(two, "area.peer_refused") == []


async def test_cut_off_each_gate_decides_alone_says_so_and_they_agree_again(
    make_rig: Callable[..., Rig], make_broker: Callable[..., Any]
) -> None:
    broker = make_broker()
    broker.start()
    one, two = await make_yard(make_rig, lambda _: f'host = "127.0.0.1"\nport = {broker.port}')
    await start(one, two)
    assert await badge(one, 1002) == "granted"
    await see(two, "e2")
    broker.kill()
    for rig in (one, two):
        await rig.until(lambda s: all(part["away"] for part in s["peers"]), 60)
    # One badge at both gates: neither can know.
    assert await badge(one, 1001) == "granted"
    assert await badge(two, 1001) == "granted"
    for rig, other in ((one, "gate-2"), (two, "gate-1")):
        record = events(rig, "access.granted")[-1]
        assert "peers" in record.data["degraded"] and record.data["fallback"]["peers"] == "badge"
        assert record.data["facts"]["failing"]["peers"] == other
        shown = " ".join((await rig.acli("muster")).stdout.split())
        assert f"NOT COMPLETE: {other} (yard)" in shown and "not heard any more" in shown
        offline = events(rig, "device.offline")
        assert [e.subject for e in offline if e.data["kind"] == "peer"] == [other]
    # What was known before is still known.
    assert await badge(two, 1002) == "denied_passback"
    broker.start()
    for rig in (one, two):
        await rig.until(all_heard, 90)
        found = await until(lambda rig=rig: asyncio.to_thread(events, rig, "area.contradiction"))
        assert [event.subject for event in found] == ["e1"]
        data = found[0].data
        assert (data["first_gate"], data["second_gate"]) == ("gate-1", "gate-2")
        assert data["apart"] == ["gate-1", "gate-2"]
        await see(rig, "e1", "e2")
    assert events(one, "area.contradiction")[0].id == events(two, "area.contradiction")[0].id
    assert "CONTRADICTION in yard: Ana" in (await one.acli("log", "tail")).stdout


@pytest.mark.slow
async def test_a_liar_on_the_broker_moves_nobody(make_rig: Callable[..., Rig], broker: Any) -> None:
    one, two = await make_yard(make_rig, lambda _: f'host = "127.0.0.1"\nport = {broker.port}')
    await start(one, two)
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier="liar") as liar:
        heard: dict[str, list[bytes]] = {"events": [], "head": []}
        await liar.subscribe("garita/gate-1/events", qos=1)
        await liar.subscribe("garita/gate-1/head", qos=1)

        async def listen() -> None:
            async for message in liar.messages:
                kind = message.topic.value.rpartition("/")[2]
                heard[kind].append(bytes(message.payload))

        task = asyncio.create_task(listen())
        assert await badge(one, 1001) == "granted"
        await see(two, "e1")

        async def moved() -> bool:
            return any(b"area.moved" in payload for payload in heard["events"])

        await until(moved)
        real = next(p for p in heard["events"] if b"area.moved" in p)
        old_head = heard["head"][-1]
        jsonschema.validate(old_head.decode(), schemas.schema("head"))
        # He takes Ana out, with a movement and a head of his own.
        item = json.loads(real)
        item["data"] |= {"area": "", "from": "yard"}
        key = Signer(old_head.decode().split("\n")[0], Ed25519PrivateKey.generate())
        forged = sign_head(Head("x", 9, bytes(32), 9999, "00" * 32), key, 2**31 - 1).write()
        for payload in (json.dumps(item).encode(), b"{}", b"\xff", b"[" * 5000, b"9" * 200_000):
            await liar.publish("garita/gate-1/events", payload, qos=1)
            await liar.publish("garita/gate-1/head", payload[:2000], qos=1, retain=True)
        await liar.publish("garita/gate-1/head", forged, qos=1, retain=True)
        refused = await until(lambda: asyncio.to_thread(events, two, "area.peer_refused"))
        assert refused[0].subject == "gate-1"
        # She leaves, and what was heard before comes once more, also after a restart.
        assert await badge(one, 1001, "gate") == "granted"
        await see(two)
        for _ in range(3):
            await liar.publish("garita/gate-1/events", real, qos=1)
            await liar.publish("garita/gate-1/head", old_head, qos=1, retain=True)
        await two.stop_daemon()
        await liar.publish("garita/gate-1/events", real, qos=1)
        await start(two)
        await liar.publish("garita/gate-1/head", old_head, qos=1)
        assert await badge(two, 1002) == "granted"  # two has heard all that came before
        await see(one, "e2")
        await see(two, "e2")
        task.cancel()


async def test_the_gates_hear_each_other_on_different_brokers(
    make_rig: Callable[..., Rig], make_broker: Callable[..., Any]
) -> None:
    brokers = [make_broker(), make_broker()]
    for broker in brokers:
        broker.start()

    def mqtt(number: int) -> str:
        order = brokers if number == 0 else brokers[::-1]
        return f"brokers = {json.dumps([f'127.0.0.1:{b.port}' for b in order])}"

    one, two = await make_yard(make_rig, mqtt)
    await start(one, two)
    status = await one.until(lambda s: s["mqtt"]["connected"])
    other = await two.until(lambda s: s["mqtt"]["connected"])
    assert status["mqtt"]["broker"] != other["mqtt"]["broker"]
    assert await badge(one, 1001) == "granted"
    await see(two, "e1")
    brokers[0].kill()
    assert await badge(two, 1001, "gate") == "granted"
    await see(one)
