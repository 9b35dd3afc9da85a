"""A gate and headquarters: the collector stores what the daemon records, and its cosignature comes
back into the gate's log."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt

from demo.rig import Rig
from gateway.proof import note
from gateway.proof.checkpoint import cosigned_at
from gateway.proof.note import VerifierKey

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]


async def test_the_collectors_cosignature_comes_back_into_the_gates_log(
    make_rig: Callable[..., Rig], broker: Any, tmp_path: Path
) -> None:
    toml = tmp_path / "collector.toml"
    toml.write_text(
        f'name = "hq-1"\ndatabase = "collected.db"\n[mqtt]\nhost = "127.0.0.1"\n'
        f'port = {broker.port}\n[mirror]\nname = "hq.example/mirror"\n'
    )
    command = [sys.executable, "-m", "gateway.cli.main", "collect"]
    shown = subprocess.run(
        [*command, "key", "-c", toml], capture_output=True, text=True, check=True, timeout=100
    )
    key = VerifierKey.parse(shown.stdout.strip())
    rig = make_rig(
        mqtt=f'host = "127.0.0.1"\nport = {broker.port}',
        policy=f'\n[log]\nquorum = 1\n[log.mirrors]\nhq = "{key}"\n',
    )
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    with (tmp_path / "collector.log").open("wb") as log:
        collector = subprocess.Popen([*command, "-c", toml], stderr=log)
    try:
        await rig.start()
        rig.yard_reader.present(18, 1001)
        await rig.until(lambda s: s["last"]["yard"] is not None)
        await rig.until(lambda s: s["witnesses"]["quorum"], timeout_s=120)
        trust = tmp_path / "trust.txt"
        await rig.acli("log", "trust", "-o", str(trust))
        verified = await rig.acli("log", "verify", "--trust", str(trust))
        assert "cosigned by the witnesses of the trust file up to event" in verified.stdout
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.subscribe("garita/demo-gate/cosigned/hq.example/mirror", qos=1)
            await client.subscribe("garita/demo-gate/checkpoint", qos=1)
            async for message in client.messages:
                held = note.parse(bytes(message.payload))  # type: ignore[arg-type]
                if cosigned_at(held, key):
                    break  # the gate keeps it beside its checkpoint
    finally:
        collector.terminate()
        collector.wait(60)
    done = subprocess.run(
        [*command, "verify", "-c", toml], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
