"""A gate that is restored from a backup contradicts nothing that it published after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt

from demo.rig import Rig
from gateway.ledger.heads import Heads
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]


async def badge(rig: Rig) -> str:
    before = (await rig.until(lambda s: True))["last"].get("yard")
    rig.yard_reader.present(18, 1001)
    status = await rig.until(lambda s: s["last"].get("yard") not in (None, before))
    return str(status["last"]["yard"]["reason"])


async def published(port: int) -> Checkpoint:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("garita/+/checkpoint", qos=1)
        async with asyncio.timeout(60):
            async for message in client.messages:
                return Checkpoint.parse(note.parse(bytes(message.payload)).text)  # type: ignore[arg-type]
    raise AssertionError


async def test_a_restored_gate_works_and_signs_under_a_new_name(
    make_rig: Callable[..., Rig], broker: Any, tmp_path: Path
) -> None:
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}')
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"] and s["checkpoint"], timeout_s=60)
    file, phrase = tmp_path / "gate.backup", tmp_path / "phrase"
    phrase.write_text("a long enough passphrase")
    words = [str(file), "--passphrase-file", str(phrase)]
    # While it is made, doors work.
    making = asyncio.create_task(rig.acli("backup", *words))
    assert (await badge(rig)).startswith("granted")
    assert (await making).returncode == 0
    await badge(rig)
    await badge(rig)
    await rig.acli("log", "checkpoint")
    signed = Heads(rig.ledger_path).newest()
    assert signed is not None
    old = signed.checkpoint
    while await published(broker.port) != old:
        await asyncio.sleep(0.1)
    await rig.stop_daemon()
    last = Heads(rig.ledger_path).newest()
    assert last is not None
    rig.ledger_path.parent.rename(tmp_path / "away")
    rig.ledger_path.parent.mkdir()
    assert (await rig.acli("restore", *words)).returncode == 0
    await rig.start()
    status = await rig.until(lambda s: s["ledger"]["follows"] and s["checkpoint"], timeout_s=90)
    assert status["last"].get("yard") is None
    assert (await badge(rig)).startswith("granted")
    await rig.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["waiting"] == 0, timeout_s=90)
    shown = await rig.acli("status")
    assert "restored" in shown.stdout or "broker knows" in shown.stdout
    # Nothing was signed under the old name but what the backup had.
    held = Heads(rig.ledger_path).all()
    away = {h.note.text for h in Heads(tmp_path / "away" / "ledger.db").all()}
    assert {h.note.text for h in held if h.checkpoint.origin == old.origin} <= away
    newest = held[-1].checkpoint
    assert newest.origin != old.origin
    while (await published(broker.port)).origin == old.origin:
        await asyncio.sleep(0.1)
