"""Commands from afar, with a real broker: what an operator does, what a hostile client tries.

The hostile client may write and read everything on the broker, and has recorded every message.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.rig import Rig
from gateway.daemon.signed import sign
from gateway.uplink import schemas
from gateway.vault import commandkey

TOPIC = "garita/demo-gate/command"
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"},
    {"id": "e2", "name": "Rosa", "credentials": "em4100:18:1002", "access_levels": "plant"},
]
POLICY = """
[operators.rosa]
account = "rosa"
person = "e2"
roles = ["guard"]

[command_keys.rosa]
{public}
operator = "rosa"
commands = [
    "door_open", "door_confirm", "door_out_of_service", "door_in_service", "person_revoke",
]

[degraded]
channel = "confirm"
"""


@dataclass
class Gate:
    """A running gate with an operator who has a key and a profile."""

    rig: Rig
    broker: Any
    profile: Path
    key: Ed25519PrivateKey
    boot: str = ""
    counter: int = 0

    async def start(self) -> None:
        await self.rig.start()
        await self.connected()

    async def connected(self) -> None:
        status = await self.rig.until(lambda s: s["mqtt"]["connected"], 60)
        self.boot = status["boot"]

    async def remote(self, *arguments: str, code: int = 0, stdin: str = "correct horse\n") -> str:
        done = await self.rig.acli(
            "remote",
            *arguments,
            "--profile",
            str(self.profile),
            config=False,
            check=False,
            stdin=stdin,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return " ".join((done.stdout + done.stderr).split())

    def message(self, key: Ed25519PrivateKey | None = None, **changes: Any) -> str:
        """A command that opens the yard now, with changes; `key` signs it."""
        now = datetime.now(UTC)
        self.counter = max(self.counter + 1, int(now.timestamp() * 1000))
        body = {
            "gateway": "demo-gate",
            "command": "door_open",
            "door": "yard",
            "by": "rosa",
            "boot": self.boot,
            "nonce": f"{self.counter:032x}",
            "counter": self.counter,
            "issued": now.isoformat(),
            "expires": (now + timedelta(seconds=29)).isoformat(),
        }
        kept = {name: value for name, value in {**body, **changes}.items() if value is not ...}
        return sign(kept, "rosa", key or self.key)

    async def events(self) -> list[dict[str, Any]]:
        done = await self.rig.acli("log", "tail", "--json", "-n", "2000")
        return [json.loads(line) for line in done.stdout.splitlines()]

    async def until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition(await self.events()):
                await asyncio.sleep(0.1)

    async def count(self, kind: str) -> int:
        return sum(event["type"] == kind for event in await self.events())

    async def refused(self) -> dict[str, int]:
        """How many were refused, by reasons."""
        found: dict[str, int] = {}
        for event in await self.events():
            if event["type"] == "command.refused":
                why = event["data"]["why"]
                found[why] = found.get(why, 0) + event["data"]["count"]
        return found

    def energised(self) -> int:
        """How many times the yard's relay was ordered to open."""
        return sum(switch.on and switch.channel == 2 for switch in self.rig.board.log)


@pytest.fixture
async def gate(
    make_rig: Callable[..., Rig], broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Gate:
    monkeypatch.setattr(commandkey, "WORK", 2**10)  # tests/gateway/vault/test_commandkey.py
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}', yard_more="remote_open = true")
    key, profile = tmp_path / "rosa.key", tmp_path / "remote.toml"
    made = await rig.acli("remote", "keygen", str(key), config=False, stdin="correct horse\n")
    profile.write_text(
        f'name = "rosa"\nkey_file = "rosa.key"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    )
    rig.config.write_text(rig.config.read_text() + POLICY.format(public=made.stdout.strip()))
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    return Gate(rig, broker, profile, commandkey.load(key, lambda: "correct horse"))


async def test_what_an_operator_does_from_afar(gate: Gate) -> None:
    assert "sealed" in (gate.profile.parent / "rosa.key").read_text()
    assert "not connected" in await gate.remote(
        "open", "demo-gate", "yard", "--reason", "x", code=5
    )
    await gate.start()
    async with aiomqtt.Client("127.0.0.1", gate.broker.port) as auditor:
        await auditor.subscribe("garita/demo-gate/command/#", qos=1)
        said = await gate.remote("open", "demo-gate", "yard", "--reason", "delivery")
        seen = {}
        async with asyncio.timeout(30):
            async for message in auditor.messages:
                name = "answer" if message.topic.value.endswith("answer") else "command"
                seen[name] = json.loads(bytes(message.payload))  # type: ignore[arg-type]
                if len(seen) == 2:
                    break
    for name, item in seen.items():
        jsonschema.Draft202012Validator(schemas.schema(name)).validate(item)
    assert (
        seen["answer"]["done"] and seen["answer"]["counter"] == seen["command"]["body"]["counter"]
    )
    assert "yard: opened" in said
    await gate.rig.board.wait_for(2, True, 30)
    events = {event["type"]: event for event in await gate.events()}
    record = events["door.remote_opened"]
    assert record["data"]["by"] == "rosa" and record["data"]["by_name"] == "Rosa"
    assert record["data"]["reason"] == "delivery" and record["subject"] == "yard"
    await gate.until(lambda found: any(e["type"] == "door.locked" for e in found))
    events = {event["type"]: event for event in await gate.events()}
    assert events["door.unlocked"]["data"]["grant"] == record["seq"]
    accepted = events["command.accepted"]["data"]
    assert accepted["seq"] == record["seq"] and accepted["command"] == "door_open"

    # A door that does not say so stays shut, and the operator hears why.
    said = await gate.remote("open", "demo-gate", "gate", "--reason", "x", code=1)
    assert "does not open from afar" in said
    assert "no such door" in await gate.remote("open", "demo-gate", "x", "--reason", "x", code=1)
    await gate.remote("out-of-service", "demo-gate", "yard", "--reason", "repair")
    said = await gate.remote("open", "demo-gate", "yard", "--reason", "x", code=1)
    assert "out of service" in said
    await gate.remote("in-service", "demo-gate", "yard")
    await gate.remote("open", "demo-gate", "yard", "--reason", "again")
    assert await gate.count("door.remote_opened") == 2 and gate.energised() == 2

    # The readers here are in clear, so a guard has to say who it is: from afar, too.
    gate.rig.gate_reader.present(18, 1001)
    await gate.rig.until(lambda s: s["doors"]["gate"]["state"] == "waiting")
    asked = next(e for e in await gate.events() if e["type"] == "door.confirm_asked")
    confirm = ("confirm", "demo-gate", "gate")
    assert "nobody waits" in await gate.remote(*confirm, "00000000", code=1)
    assert "Ana: may pass" in await gate.remote(*confirm, asked["data"]["id"])
    await gate.rig.board.wait_for(1, True, 30)
    assert "nobody waits" in await gate.remote(*confirm, asked["data"]["id"], code=1)

    # Revoked from afar, Ana's badge is denied; and again changes nothing.
    said = await gate.remote("revoke", "demo-gate", "e1", "--reason", "left")
    assert "e1: revoked" in said
    assert "before" in await gate.remote("revoke", "demo-gate", "e1", "--reason", "left")
    assert "nobody" in await gate.remote("revoke", "demo-gate", "e99", "--reason", "x", code=1)
    gate.rig.yard_reader.present(18, 1001)
    last = await gate.rig.until(lambda s: s["last"]["yard"] is not None)
    assert last["last"]["yard"]["reason"] == "denied_revoked"
    await gate.until(lambda found: any(e["type"] == "people.revoked" for e in found))

    # Rosa leaves: her key opens nothing from then on.
    await gate.rig.acli("people", "revoke", "e2", "--reason", "left")
    said = await gate.remote("open", "demo-gate", "yard", "--reason", "x", code=1)
    assert "not active on the list" in said
    assert "passphrase" in await gate.remote(
        "open", "demo-gate", "yard", "--reason", "x", code=1, stdin="wrong\n"
    )
    assert gate.energised() == 2


async def test_a_hostile_client_opens_nothing_and_is_recorded(gate: Gate) -> None:
    await gate.start()
    stranger = Ed25519PrivateKey.generate()
    good = gate.message()
    late = datetime.now(UTC) - timedelta(seconds=60)
    wrong = {
        "unsigned": json.dumps({"key": "rosa", "body": json.loads(good)["body"], "signature": ""}),
        "by a stranger": gate.message(stranger),
        "changed": gate.message().replace('"yard"', '"gate"'),
        "another gateway": gate.message(gateway="gate-2"),
        "another boot": gate.message(boot="0" * 16),
        "without a boot": gate.message(boot=...),
        "without a nonce": gate.message(nonce=...),
        "expired": gate.message(
            issued=(late - timedelta(seconds=30)).isoformat(), expires=late.isoformat()
        ),
        "issued in the future": gate.message(
            issued=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            expires=(datetime.now(UTC) + timedelta(hours=1, seconds=20)).isoformat(),
        ),
        "good for hours": gate.message(
            expires=(datetime.now(UTC) + timedelta(hours=1)).isoformat()
        ),
        "a command that the key may not give": gate.message(command="threat_set"),
        "nonsense": "{" * 3000,
        "too long": "x" * 10_000,
        "empty": "",
    }
    async with aiomqtt.Client("127.0.0.1", gate.broker.port) as client:

        async def hostile(*payloads: str) -> None:
            for payload in payloads:
                await client.publish(TOPIC, payload, qos=1)

        async def settle() -> None:
            """Until everything that was sent was judged: commands are taken in their order."""
            before = await gate.count("command.accepted")
            while await gate.count("command.accepted") == before:
                in_service = gate.message(command="door_in_service")
                await client.publish(TOPIC, in_service, qos=1)
                await asyncio.sleep(0.3)

        await hostile(*wrong.values())
        await settle()
        assert await gate.count("door.remote_opened") == gate.energised() == 0

        # The operator's own, once; then the same again and again, and one that was kept back.
        kept_back, newer = gate.message(), gate.message()
        await client.publish(TOPIC, newer, qos=1)
        await gate.rig.board.wait_for(2, True, 30)
        await hostile(*[newer] * 20, kept_back)
        await settle()
        assert await gate.count("door.remote_opened") == 1
        # The hostile client has the broker keep the next one.
        retained = gate.message()
        await client.publish(TOPIC, retained, qos=1, retain=True)
        await gate.until(lambda found: sum(e["type"] == "door.remote_opened" for e in found) == 2)
        await gate.rig.stop_daemon()

        # While it is away, and when it is back: what lay there, and what was recorded before.
        await hostile(retained)  # nobody keeps this one for the gateway
        await gate.start()
        await hostile(newer, kept_back)
        await settle()
        assert await gate.count("door.remote_opened") == gate.energised() == 2
        await gate.rig.stop_daemon()
        refused = await gate.refused()
        for why in ("retained", "seen before", "older than one", "expired", "another gateway"):
            assert why in " ".join(refused), refused
        # Not one of them is missing: 14 wrong ones, 20 again, 1 late, 3 after the restart.
        assert sum(refused.values()) >= len(wrong) + 20 + 1 + 3

        # The whole folder is put back to before an opening: counters, log and all.
        before = gate.rig.folder / "before"
        shutil.copytree(gate.rig.folder / "data", before)
        await gate.start()
        fresh = gate.message()
        await client.publish(TOPIC, fresh, qos=1)
        await gate.until(lambda found: sum(e["type"] == "door.remote_opened" for e in found) == 3)
        await gate.rig.stop_daemon()
        shutil.rmtree(gate.rig.folder / "data")
        shutil.move(before, gate.rig.folder / "data")
        await gate.start()
        await hostile(fresh, newer)
        await settle()
        await client.publish(TOPIC, "", qos=1, retain=True)
        await gate.rig.stop_daemon()
    assert await gate.count("door.remote_opened") == 2  # the third went with the folder
    assert gate.energised() == 3
    again = await gate.refused()
    assert sum(again.values()) >= sum(refused.values()) + 3
    keys = [e["data"].get("keys") for e in await gate.events() if e["type"] == "command.refused"]
    assert ["rosa"] in keys  # the operator learns that somebody has what they signed
