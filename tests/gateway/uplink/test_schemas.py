"""Every topic has a schema, and what a real gateway publishes fits it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiomqtt
import jsonschema
import pytest
from jinja2.sandbox import SandboxedEnvironment

from demo.rig import Rig
from gateway.config import MqttSettings
from gateway.uplink import homeassistant, schemas

ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}


def fits(name: str, payload: bytes) -> None:
    text = payload.decode()
    item = text if schemas.schema(name).get("type") == "string" else json.loads(text)
    jsonschema.Draft202012Validator(schemas.schema(name)).validate(item)


@pytest.mark.parametrize("name", schemas.TOPICS)
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.schema(name))


@pytest.mark.system
async def test_what_a_real_gateway_publishes_fits(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    mqtt = f'host = "127.0.0.1"\nport = {broker.port}\nhome_assistant = "homeassistant"'
    rig = make_rig(mqtt=mqtt)
    await rig.acli("people", "sync", str(rig.write_people([ANA])), "--apply")
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"] and s["checkpoint"])
    rig.yard_reader.present(18, 1001)
    rig.yard_reader.present(18, 1002)
    await rig.until(lambda s: s["last"]["yard"] is not None and s["mqtt"]["waiting"] == 0)
    seen: dict[str, list[bytes]] = {}
    kinds = {"status", "state", "instance", "checkpoint", "events", "replayed", "discovery"}
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("#", qos=1)
        request = {"id": "x", "from": 1, "to": 5}
        fits("replay", json.dumps(request).encode())
        await client.publish("garita/demo-gate/replay", json.dumps(request), qos=1)
        rig.yard_reader.present(18, 1003)
        async with asyncio.timeout(60):
            async for message in client.messages:
                payload = bytes(message.payload)  # type: ignore[arg-type]
                words = message.topic.value.split("/")
                if words[0] == "homeassistant":
                    name = "discovery"
                else:
                    name = "replayed" if len(words) == 4 else words[2]
                if message.topic.value == "garita/demo-gate/replay":
                    continue
                fits(name, payload)
                seen.setdefault(name, []).append(payload)
                done = any(b'"done"' in item for item in seen.get("replayed", ()))
                if kinds <= set(seen) and done:
                    break
    # Home Assistant's templates are Jinja's; each gives a value for the state that is published.
    found, state = json.loads(seen["discovery"][-1]), json.loads(seen["state"][-1])
    environment = SandboxedEnvironment()
    values = {
        name: environment.from_string(entity["value_template"]).render(value_json=state)
        for name, entity in found["components"].items()
    }
    assert values["door-yard"] in {"locked", "unlocked"}
    assert values["log"] == values["clock"] == "OFF"
    assert values["devices"] == "0"
    assert "Ana" not in seen["discovery"][-1].decode()


def test_discovery_shows_and_takes_nothing() -> None:
    state = {
        "version": "1",
        "threat": {"level": "usual"},
        "doors": {"a'\"b": {"state": "locked", "open": True}, "c": {"state": "open", "open": None}},
        "areas": {"yard": {"inside": 3, "maximum": None}},
        "ledger": {"ok": True, "follows": {"seq": 1}},
        "clock_trusted": False,
        "devices": [{"online": False}],
    }
    text = homeassistant.discovery("garita/g.1", "g.1", state)
    fits("discovery", text.encode())
    found = json.loads(text)
    environment = SandboxedEnvironment()
    shown = {
        name: environment.from_string(entity["value_template"]).render(value_json=state)
        for name, entity in found["components"].items()
    }
    assert shown == {
        "log": "ON", "clock": "ON", "devices": "1", "threat": "usual", "door-a'\"b": "locked",
        "door-a'\"b-contact": "ON", "door-c": "open", "area-yard": "3",
    }  # fmt: skip
    assert "command" not in text
    assert homeassistant.topic("homeassistant", "g.1") == "homeassistant/device/garita-g_1/config"
    ids = [entity["unique_id"] for entity in found["components"].values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("prefix", ["home assistant", "#", "a/+", "/a", "a/"])
def test_a_prefix_that_is_not_a_topic(prefix: str) -> None:
    with pytest.raises(ValueError, match="is a topic"):
        MqttSettings(host="a", home_assistant=prefix)
