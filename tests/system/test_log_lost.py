"""A gate whose log lost its end starts, works, and says so; what it publishes repeats nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import aiomqtt

from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.proof import note
from gateway.proof.checkpoint import open_checkpoint
from gateway.proof.note import VerifierKey

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]


def records(rig: Rig) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return reader.after(0, 100_000)


def status_chain(rig: Rig) -> str:
    """The name of the newest origin."""
    return str([e for e in records(rig) if e.type == "ledger.created"][-1].data["chain"])


async def badges(rig: Rig, count: int) -> None:
    for _ in range(count):
        before = (await rig.until(lambda s: True))["last"].get("yard")
        rig.yard_reader.present(18, 1001)
        await rig.until(lambda s, before=before: s["last"].get("yard") not in (None, before))


def mqtt(broker: Any) -> str:
    return f'host = "127.0.0.1"\nport = {broker.port}'


async def retained(port: int, topic: str) -> bytes:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(topic, qos=1)
        async for message in client.messages:
            return bytes(message.payload)  # type: ignore[arg-type]
    return b""


async def test_the_wal_is_emptied_after_a_kill_and_no_number_and_no_id_comes_twice(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await badges(rig, 5)
    await rig.acli("log", "checkpoint")
    before = records(rig)
    rig.kill()
    with closing(sqlite3.connect(rig.ledger_path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cut = before[-1].seq - 4
    with closing(sqlite3.connect(rig.ledger_path)) as db, db:
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events WHERE seq > ?", (cut,))
    assert json.loads((rig.folder / "data" / "log-head.json").read_text())["seq"] > cut
    await rig.start()
    status = await rig.until(lambda s: s["ledger"]["follows"])
    assert status["ledger"]["follows"]["seq"] == cut
    await badges(rig, 1)
    after = [event for event in records(rig) if event.seq > cut]
    assert {event.id for event in after}.isdisjoint(event.id for event in before)
    assert [event.type for event in after][:1] == ["ledger.created"]
    assert "alarm.log_lost" in [event.type for event in after]
    shown = await rig.acli("status")
    assert "lost" in shown.stdout
    verified = await rig.acli("log", "verify", check=False)
    assert verified.returncode == 3
    assert "the gateway noticed" in verified.stdout


async def test_a_disk_image_that_was_put_back_is_noticed_by_what_the_broker_holds(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    rig = make_rig(mqtt=mqtt(broker))
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["waiting"] == 0)
    await rig.stop_daemon()
    image = rig.folder.with_name(f"{rig.folder.name}-image")
    shutil.copytree(rig.ledger_path.parent, image)
    await rig.start()
    await badges(rig, 3)
    shown = (await rig.acli("log", "checkpoint")).stdout
    while await retained(broker.port, "garita/+/checkpoint") != shown.encode():
        await asyncio.sleep(0.1)
    await rig.stop_daemon()
    lost = {event.id for event in records(rig)}
    shutil.rmtree(rig.ledger_path.parent)
    shutil.copytree(image, rig.ledger_path.parent)
    await rig.start()
    status: dict[str, Any] = await rig.until(lambda s: s["ledger"]["follows"], timeout_s=60)
    assert status["ledger"]["follows"]["known_by"] == "broker"
    await badges(rig, 1)
    anew = [e for e in records(rig) if e.id.startswith(status_chain(rig))]
    assert anew[0].type == "ledger.created"
    assert {event.id for event in anew}.isdisjoint(lost)


async def test_the_newest_checkpoint_is_retained_on_the_broker(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    rig = make_rig(mqtt=mqtt(broker))
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await rig.until(lambda s: (s.get("checkpoint") or {}).get("note"), timeout_s=60)
    held = note.parse(await retained(broker.port, "garita/+/checkpoint"))
    key = (await rig.acli("log", "key")).stdout.strip()
    assert open_checkpoint(held, VerifierKey.parse(key)).size > 0
    shown = await rig.acli("log", "checkpoint")
    assert open_checkpoint(note.parse(shown.stdout), VerifierKey.parse(key)).size > 0
    done = await rig.acli("log", "prove", "2", "-o", str(rig.folder))
    assert ".tlog-proof" in done.stdout
    verified = await rig.acli("log", "verify", "--key", key)
    assert "signed up to event" in verified.stdout


async def test_a_lost_key_begins_a_new_origin_and_breaks_nothing(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await badges(rig, 1)
    await rig.acli("log", "checkpoint")
    await rig.stop_daemon()
    before = records(rig)
    for name in ("log-key.json", "log-key.json.previous"):  # both, or the one before is used
        (rig.folder / "data" / name).unlink()
    await rig.start()
    await badges(rig, 1)
    await rig.acli("log", "checkpoint")
    after = records(rig)[len(before) :]
    told = after[0].data["follows"]
    assert (after[0].type, after[0].seq) == ("ledger.created", before[-1].seq + 1)
    assert (told["missing"], told["known_by"]) == (0, "log-key.json")
    assert "alarm.log_lost" in [event.type for event in after]
    assert "the key that signed the log was lost" in (await rig.acli("status")).stdout
    verified = (await rig.acli("log", "verify")).stdout
    assert f"the log's key was lost before event {after[0].seq}" in verified
