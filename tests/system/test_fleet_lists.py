"""A signed list on its way to two gates: which gate has it, and when the last one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event

ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
BEN = {"id": "e2", "name": "Ben", "credentials": "em4100:18:1002", "access_levels": "plant"}


def events(rig: Rig, kind: str) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return [event for event in reader.after(0, 100_000) if event.type == kind]


async def recorded(rig: Rig, kind: str, count: int) -> list[Event]:
    async with asyncio.timeout(60):
        while len(found := await asyncio.to_thread(events, rig, kind)) < count:
            await asyncio.sleep(0.1)
    return found


async def test_a_list_reaches_the_last_gate_or_an_alarm_says_which_lacks_it(
    make_rig: Callable[..., Rig], broker: Any, tmp_path: Path
) -> None:
    mqtt = f'host = "127.0.0.1"\nport = {broker.port}'
    key = tmp_path / "hr.pub"
    bundles = f'[sync.bundles]\ntrusted = ["{key}"]\nmqtt = true\n'
    watching = 'watch = ["gate-2"]\nlate_minutes = 0.05\n'
    one = make_rig(mqtt=mqtt, policy=bundles + watching)
    two = make_rig(mqtt=mqtt, policy=bundles)
    for rig, name in ((one, "gate-1"), (two, "gate-2")):
        rig.config.write_text(rig.config.read_text().replace("demo-gate", name))
    await one.acli("bundle", "keygen", str(tmp_path / "hr"), config=False)

    async def publish(people: list[dict[str, str]], serial: int) -> None:
        listed, bundle = one.write_people(people), tmp_path / "people.bundle"
        options = ("--key", str(tmp_path / "hr.key"), "--gateways", "*", "-o", str(bundle))
        options += ("--serial", str(serial))
        await one.acli("bundle", "sign", str(listed), *options, config=False)
        await one.acli("bundle", "publish", str(bundle))

    await publish([ANA, BEN], 1)
    await asyncio.gather(one.start(), two.start())
    (event,) = await recorded(one, "people.list_everywhere", 1)
    assert event.data["gates"] == 2 and event.data["seconds"] >= 0
    done = await one.acli("bundle", "gates", "--json")
    rows = json.loads(done.stdout)
    assert [(row["gate"], row["newest"]) for row in rows] == [("gate-1", True), ("gate-2", True)]
    assert len({row["sha256"] for row in rows}) == 1
    # The second gate is away when Ben leaves: an alarm, until it is back and has the list.
    await two.stop_daemon()
    await publish([ANA], 2)
    (alarm,) = await recorded(one, "alarm.list_late", 1)
    assert alarm.data["gates"] == ["gate-2"]
    done = await one.acli("bundle", "gates", "gate-1", "gate-2", check=False)
    assert done.returncode == 3 and "lacks the newest list" in done.stdout
    await two.start()
    found = await recorded(one, "people.list_everywhere", 2)
    assert found[-1].data["last_gate"] == "gate-2" and found[-1].data["seconds"] > 0
    assert len(events(one, "alarm.list_late")) == 1
    done = await one.acli("bundle", "gates", "--seconds", "1")
    assert "in force at 2 of 2; the last was gate-2" in " ".join(done.stdout.split())
    lost = await recorded(two, "people.revocation_effective", 1)
    assert lost[0].subject == "e2"
