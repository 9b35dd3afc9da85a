"""A running gate gives its records to an archive; badges, replay, proofs and a restart go on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import aiomqtt

from demo.rig import Rig
from tests.system.test_log_lost import PEOPLE, badges, mqtt, records


def in_file(rig: Rig) -> list[int]:
    """The numbers of the records that are in ledger.db itself."""
    with closing(sqlite3.connect(rig.ledger_path)) as db:
        return [seq for (seq,) in db.execute("SELECT seq FROM events ORDER BY seq")]


async def replayed(port: int, first: int, last: int) -> list[dict[str, Any]]:
    """What the gate answers to somebody who asks for its records again."""
    found: list[dict[str, Any]] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("garita/demo-gate/replay/audit", qos=1)
        asked = json.dumps({"id": "audit", "from": first, "to": last})
        await client.publish("garita/demo-gate/replay", asked, qos=1)
        async with asyncio.timeout(60):
            async for message in client.messages:
                item = json.loads(bytes(message.payload))  # type: ignore[arg-type]
                if "seq" in item:
                    found.append(item)
                if len(found) == last - first + 1:
                    break
    return found


async def test_a_gate_archives_while_it_runs(make_rig: Callable[..., Rig], broker: Any) -> None:
    rig = make_rig(mqtt=mqtt(broker))
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await badges(rig, 5)
    before = records(rig)
    done = await rig.acli("log", "archive", "--now", "--json")
    (held,) = json.loads(done.stdout)
    assert held["last"] >= before[-1].seq
    await badges(rig, 2)
    async with asyncio.timeout(60):
        while in_file(rig)[:2][-1] <= held["last"]:
            await asyncio.sleep(0.05)
    assert records(rig)[: len(before)] == before
    await rig.until(lambda s: s["archives"]["files"] == 1 and s["mqtt"]["connected"])

    again = await replayed(broker.port, 1, before[-1].seq)
    assert [(item["seq"], item["hash"]) for item in again] == [(e.seq, e.hash) for e in before]
    proof = await rig.acli("log", "prove", "2", "-o", str(rig.folder))
    assert "tlog-proof" in proof.stdout
    (rig.folder / "data" / "presence.json").unlink(missing_ok=True)
    rig.kill()
    await rig.start()
    await badges(rig, 1)
    assert (await rig.acli("log", "verify")).returncode == 0
