"""Areas, requirements, threat levels and their commands, on the running gateway and beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest

from demo.rig import Rig

POLICY = """
[areas.yard]
title = { en = "Yard", es = "Patio" }
passback = "hard"
maximum = 2
requires = ["training"]

[requirements.training]
title = { en = "Training", es = "Capacitación" }
warn_days = 10
criteria = ["12.1"]

[threat_levels.normal]
title = { en = "Normal", es = "Normal" }
rank = 0

[threat_levels.lockdown]
title = { en = "Lockdown", es = "Cierre" }
rank = 9
closed = ["yard"]
"""
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"},
    {"id": "e2", "name": "Ben", "credentials": "em4100:18:1002", "access_levels": "plant"},
    {"id": "e3", "name": "Eva", "credentials": "em4100:18:1003", "access_levels": "nights"},
]


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> Rig:
    rig = make_rig()
    text = rig.config.read_text()
    # The yard door leads into the yard, the gate door out of it.
    text = text.replace(
        'mode = "badge"\nreader = "yard-in"', 'mode = "badge"\nreader = "yard-in"\narea = "yard"'
    )
    text = text.replace('reader = "gate-in"', 'reader = "gate-in"\nfrom_area = "yard"')
    rig.config.write_text(text + POLICY)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    return rig


async def answer(rig: Rig, reader: Any, number: int) -> str:
    """Show a badge; the reason on record."""
    before = (await rig.until(lambda status: True))["last_seq"]
    reader.present(18, number)
    for _ in range(100):
        await asyncio.sleep(0.05)
        done = await rig.acli("log", "tail", "--json", "-n", "20")
        for line in done.stdout.splitlines():
            event = json.loads(line)
            if event["seq"] > before and event["type"].startswith("access."):
                return str(event["data"]["reason"])
    raise AssertionError("no answer")


async def js(rig: Rig, *command: str) -> Any:
    return json.loads((await rig.acli(*command, "--json")).stdout)


def soon(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


async def test_a_day_at_the_yard(rig: Rig) -> None:
    await rig.acli("requirement", "set", "e1", "training", "--until", soon(5))
    await rig.acli("requirement", "set", "e2", "training", "--until", soon(-5))
    due = await js(rig, "requirement", "due")
    # Lapsed, never shown, lapses soon.
    assert [row["subject"] for row in due] == ["e2", "e3", "e1"]
    await rig.start()
    await rig.acli("clock", "accept")  # a machine without a time server warns of nothing before
    assert await answer(rig, rig.yard_reader, 1001) == "granted"
    assert await answer(rig, rig.yard_reader, 1001) == "denied_passback"
    assert await answer(rig, rig.yard_reader, 1002) == "denied_requirement_lapsed"
    await rig.acli("requirement", "set", "e2", "training")
    assert [row["person"] for row in await js(rig, "muster")] == ["e1"]
    await rig.acli("area", "forgive", "e1", "--reason", "gate stuck")
    assert await answer(rig, rig.yard_reader, 1001) == "granted"

    # A lockdown holds for whoever enters, over a restart, and not for whoever leaves.
    done = await rig.acli("threat", "set", "lockdown", "--reason", "drill")
    assert "lockdown (was normal)" in done.stdout
    assert await answer(rig, rig.yard_reader, 1002) == "denied_threat_level"
    rig.kill()
    assert rig.daemon is not None
    await rig.daemon.wait()
    assert [row["person"] for row in await js(rig, "muster", "--area", "yard")] == ["e1"]
    assert (await js(rig, "threat", "show"))["now"]["level"] == "lockdown"
    await rig.start()
    assert await answer(rig, rig.yard_reader, 1002) == "denied_threat_level"
    assert await answer(rig, rig.gate_reader, 1001) == "granted"
    assert await js(rig, "muster") == []
    await rig.acli("threat", "set", "normal", "--reason", "over")
    assert await answer(rig, rig.yard_reader, 1002) == "granted"
    assert await rig.stop_daemon() == 0
    assert (rig.folder / "data" / "presence.json").exists()
    assert [row["person"] for row in await js(rig, "muster")] == ["e2"]

    # The warning was told once, restarts included.
    tail = (await rig.acli("log", "tail", "--json", "-n", "200")).stdout
    events = [json.loads(line) for line in tail.splitlines()]
    told = [e for e in events if e["type"] == "requirement.expiring"]
    assert [e["subject"] for e in told] == ["e1"]
    granted = next(e for e in events if e["type"] == "access.granted")
    assert granted["data"]["criteria"] == ["9.4", "10.1", "12.1"]

    # What was decided then, by today's list.
    lapsed = next(e for e in events if e["data"].get("reason") == "denied_requirement_lapsed")
    again = await js(rig, "replay", str(lapsed["seq"]))
    assert again["differs"] and again["now"]["reason"] == "granted"
    same = await js(rig, "replay", str(granted["seq"]))
    assert not same["differs"] and not same["policy_changed"]
    done = await rig.acli("replay", str(lapsed["seq"]))
    assert "differs" in done.stdout and "denied_requirement_lapsed" in done.stdout


async def test_explain_says_rule_by_rule_what_would_happen(rig: Rig) -> None:
    why = await js(rig, "explain", "e1", "yard")
    assert why["reason"] == "denied_requirement_missing" and why["rule"] == "training"
    assert [s["rule"] for s in why["steps"]][-1] == "required" and why["steps"][0]["passed"]
    why = await js(rig, "explain", "e3", "yard")
    assert why["reason"] == "denied_out_of_schedule"
    await rig.acli(
        "grant", "add", "e3", "--area", "yard", "--until", "2099-01-01T00:00", "--reason", "x"
    )
    await rig.acli("requirement", "set", "e3", "training")
    assert (await js(rig, "explain", "e3", "yard"))["reason"] == "granted"
    late = await js(rig, "explain", "e3", "yard", "--at", "2099-01-01T00:00")
    assert late["reason"] == "denied_out_of_schedule"
    assert (await js(rig, "explain", "e1", "gate"))["outcome"] == "grant"
    await rig.acli("people", "escort", "e3", "--by", "e1")
    why = await js(rig, "explain", "e3", "yard")
    assert why["asked"] == ["need_escort"] and why["reason"] == "granted"
    done = await rig.acli("explain", "e3", "yard")
    assert "the escort's badge, please" in done.stdout and "granted" in done.stdout
    number = (await js(rig, "grant", "list"))[0]["id"]
    await rig.acli("grant", "end", str(number))
    assert (await js(rig, "explain", "e3", "yard"))["reason"] == "denied_out_of_schedule"


WRONG = [
    (("explain", "e9", "yard"), 1, "nobody on the list has the id e9"),
    (("explain", "e1", "yard", "--at", "noon"), 2, "expected a time"),
    (("replay", "99999"), 1, "there is no event"),
    (("replay", "1"), 1, "is not a decision"),
    (("muster", "--area", "moon"), 1, "no [areas.moon]"),
    (("threat", "set", "orange", "--reason", "x"), 1, "no [threat_levels.orange]"),
    (("requirement", "set", "e1", "driving"), 1, "there are: training"),
    (("requirement", "set", "Acme", "training", "--company"), 2, "of a person"),
    (("requirement", "set", "e1", "training", "--until", "soon"), 2, "expected a date"),
    (("grant", "add", "e1", "--until", "2026-01-01", "--reason", "x"), 2, "--door or --area"),
    (
        ("grant", "add", "e1", "--door", "yard", "--until", "2020-01-01", "--reason", "x"),
        2,
        "before it begins",
    ),
    (("grant", "end", "7"), 1, "there is no grant 7"),
    (("door", "confirm", "yard"), 5, "not running"),
    (("area", "forgive", "e1", "--reason", "x"), 0, ""),
]


async def test_what_is_wrong_is_said_in_a_sentence(rig: Rig) -> None:
    for command, code, said in WRONG:
        done = await rig.acli(*command, check=False)
        assert done.returncode == code, (command, done)
        assert said in done.stderr and "Traceback" not in done.stderr, (command, done)


async def test_a_signed_command_over_mqtt_counts_once_and_nothing_else_does(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}')
    key = rig.folder / "control.key"
    done = await rig.acli("threat", "keygen", str(key), config=False)
    text = rig.config.read_text() + POLICY + f"\n[command_keys.room]\n{done.stdout}"
    rig.config.write_text(text)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await rig.until(lambda status: status["mqtt"]["connected"])
    sign = ("threat", "sign", "lockdown", "--key", str(key), "--name", "room", "--reason", "drill")
    good = (await rig.acli(*sign, "--gateway", "demo-gate", config=False)).stdout
    foreign = (await rig.acli(*sign, "--gateway", "gate-9", config=False)).stdout
    topic = "garita/demo-gate/command"
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in (foreign, good.replace("drill", "drilI"), '{"level": "lockdown"}'):
            await client.publish(topic, payload, qos=1)
        await asyncio.sleep(0.5)
        assert (await rig.until(lambda status: True))["threat"]["level"] == "normal"
        await client.publish(topic, good, qos=1)
        await rig.until(lambda status: status["threat"]["level"] == "lockdown")
        await rig.acli("threat", "set", "normal", "--reason", "over")
        await client.publish(topic, good, qos=1, retain=True)
        await asyncio.sleep(0.5)
    rig.kill()
    assert rig.daemon is not None
    await rig.daemon.wait()
    await rig.start()
    await rig.until(lambda status: status["mqtt"]["connected"])
    await asyncio.sleep(0.5)  # the retained one has arrived again by now
    assert (await rig.until(lambda status: True))["threat"]["level"] == "normal"
    tail = (await rig.acli("log", "tail", "--json", "-n", "200")).stdout
    events = [json.loads(line) for line in tail.splitlines()]
    accepted = [e for e in events if e["type"] == "command.accepted"]
    refused = [e for e in events if e["type"] == "command.refused"]
    changed = [e["data"]["level"] for e in events if e["type"] == "threat.changed"]
    assert len(accepted) == 1 and changed == ["lockdown", "normal"]
    assert refused and "retained" in refused[-1]["data"]["why"]


async def test_a_guard_confirms_one_badge_at_a_reader_in_clear(rig: Rig) -> None:
    text = rig.config.read_text().replace('passback = "hard"', 'degraded = { channel = "confirm" }')
    rig.config.write_text(text + "\n[health]\nconfirm_s = 20\n")
    await rig.acli("requirement", "set", "e1", "training")
    await rig.start()
    rig.yard_reader.present(18, 1001)
    await rig.until(lambda status: status["doors"]["yard"]["state"] == "waiting")
    waiting = await js(rig, "door", "waiting")
    assert [(row["door"], row["person"], row["why"]) for row in waiting] == [
        ("yard", "e1", "channel")
    ]
    confirm = ("door", "confirm", "yard", "--id", waiting[0]["id"])
    assert (await rig.acli("door", "confirm", "gate", *confirm[3:], check=False)).returncode == 1
    done = await rig.acli(*confirm)
    assert "Ana: may pass" in done.stdout
    await rig.until(lambda s: (s["last"]["yard"] or {}).get("reason") == "granted")
    again = await rig.acli(*confirm, check=False)
    assert again.returncode == 1 and "nobody waits" in again.stderr
    tail = (await rig.acli("log", "tail", "--json", "-n", "50")).stdout
    events = {event["type"]: event for event in map(json.loads, tail.splitlines())}
    assert events["door.confirmed"]["seq"] < events["access.granted"]["seq"]
    assert events["access.granted"]["data"]["fallback"] == {
        "channel": "confirm",
        "sync": "badge",
    } or events["access.granted"]["data"]["fallback"] == {"channel": "confirm"}


async def test_an_input_raises_the_level_and_never_lowers_it(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(osdp=True)
    threat = '[threat]\ninput = { device = "vault-in", input = 2, normally = "open" }\n'
    text = rig.config.read_text().replace('rex = { device = "vault-in", input = 2', "# ")
    rig.config.write_text(text + POLICY + threat + 'input_level = "lockdown"\n')
    await rig.start(wait=False)
    await rig.until(lambda s: s["readers"]["vault-in"]["identity"] is not None)
    await rig.acli("reader", "install", "vault-in", "--seconds", "20")
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
    assert (await rig.until(lambda s: True))["threat"]["level"] == "normal"
    rig.vault_in.input(2, True)
    status = await rig.until(lambda s: s["threat"]["level"] == "lockdown")
    assert status["threat"]["by"] == "input 2 of vault-in"
    rig.vault_in.input(2, False)
    await asyncio.sleep(0.5)
    assert (await rig.until(lambda s: True))["threat"]["level"] == "lockdown"
    await rig.acli("threat", "set", "normal", "--reason", "over")
    await asyncio.sleep(0.3)
    assert (await rig.until(lambda s: True))["threat"]["level"] == "normal"
