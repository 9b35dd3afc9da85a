"""A gate with a witness, a mirror and a broker: cosignatures come back, and auditors see them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.broker import free_port
from demo.rig import Rig
from gateway.ledger.heads import Heads
from gateway.proof import note
from gateway.proof.checkpoint import cosign, cosigned_at
from gateway.proof.note import COSIGNATURE, Signer, VerifierKey

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
MIRROR = Signer("hq.example/mirror", Ed25519PrivateKey.generate(), COSIGNATURE)


class WitnessProcess:
    """`garita witness` with a file of its own; it knows no log before `start` is told of one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        self._config = folder / "witness.toml"
        self._running: subprocess.Popen[bytes] | None = None
        # Any log: the key of the witness is wanted before the gate has made its own.
        self._write(str(Signer("x", Ed25519PrivateKey.generate()).key))
        shown = subprocess.run(
            [*self._command, "key"], capture_output=True, text=True, check=True, timeout=100
        )
        self.key = VerifierKey.parse(shown.stdout.strip())

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-m", "gateway.cli.main", "witness", "-c", str(self._config)]

    def _write(self, log: str) -> None:
        text = f'name = "w.example/1"\nlisten = "127.0.0.1:{self.port}"\nlogs = ["{log}"]\n'
        self._config.write_text(text)

    def start(self, log: str) -> None:
        self._write(log)
        self._running = subprocess.Popen(self._command)

    def stop(self) -> None:
        if self._running is not None:
            os.kill(self._running.pid, signal.SIGKILL)
            self._running.wait(30)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    made = WitnessProcess(tmp_path / "witness")
    yield made
    made.stop()


async def test_cosignatures_come_back_and_an_auditor_sees_them(
    make_rig: Callable[..., Rig], broker: Any, witness: WitnessProcess, tmp_path: Path
) -> None:
    log_table = f"""
[log]
quorum = 2
[log.witnesses.w1]
key = "{witness.key}"
url = "http://127.0.0.1:{witness.port}"
[log.mirrors]
hq = "{MIRROR.key}"
"""
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}', policy=log_table)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"] and s["checkpoint"], timeout_s=60)
    # The witness is away: doors open, checkpoints are made, and the status says what is missing.
    rig.yard_reader.present(18, 1001)
    status = await rig.until(lambda s: s["last"]["yard"] is not None)
    assert status["last"]["yard"]["reason"].startswith("granted")
    assert status["witnesses"]["quorum"] is None
    shown = (await rig.acli("status")).stdout
    assert "no quorum yet" in shown
    key = (await rig.acli("log", "key")).stdout.strip()
    assert (await rig.acli("log", "verify", "--key", key)).returncode == 0
    trust = tmp_path / "trust.txt"
    await rig.acli("log", "trust", "-o", str(trust))
    done = await rig.acli("log", "verify", "--trust", str(trust), check=False)
    assert done.returncode == 3 and "cosignatures that the trust file asks for" in done.stdout

    witness.start(key)
    await rig.until(lambda s: s["witnesses"]["cosigners"]["w1"]["time"], timeout_s=120)
    topic = "garita/demo-gate/cosigned/hq"
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("garita/demo-gate/checkpoint", qos=1)
        async with asyncio.timeout(100):
            async for message in client.messages:
                held = note.parse(bytes(message.payload))  # type: ignore[arg-type]
                if cosigned_at(held, witness.key) and cosigned_at(held, MIRROR.key):
                    break  # published again with what both signed
                line = cosign(held.text, MIRROR, 1_780_000_000)
                await client.publish(topic, held.with_signatures([line]).write(), qos=1)
    await rig.until(lambda s: s["witnesses"]["quorum"])
    assert "cosigned by a quorum (2)" in (await rig.acli("status", "--all")).stdout
    verified = await rig.acli("log", "verify", "--trust", str(trust))
    assert "cosigned by the witnesses of the trust file up to event" in verified.stdout

    # What goes to an auditor has them: a proof, a copy, and the program of one file agrees.
    covered = Heads(rig.ledger_path).newest_that(
        lambda n: bool(cosigned_at(n, witness.key) and cosigned_at(n, MIRROR.key))
    )
    assert covered is not None
    await rig.acli("log", "prove", "2", "-o", str(tmp_path))
    await rig.acli("log", "copy", str(tmp_path / "copy.db"))
    program = tmp_path / "check.py"
    await rig.acli("log", "checker", "-o", str(program))
    proof = tmp_path / "demo-gate-2.tlog-proof"
    checked = subprocess.run(
        [sys.executable, "-I", "-S", str(program), "--trust", str(trust), str(proof)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert checked.returncode == 0, checked.stdout
    assert "the witnesses that the trust file asks for signed" in checked.stdout
    copied = await rig.acli("log", "verify", str(tmp_path / "copy.db"), "--trust", str(trust))
    assert "cosigned by the witnesses" in copied.stdout
    # A trust file of somebody else's gate, and one that is none.
    other = Signer("garita/other/0123456789abcdef", Ed25519PrivateKey.generate())
    trust.write_text(f"log {other.key}\nquorum none\n")
    done = await rig.acli("log", "verify", "--trust", str(trust), check=False)
    assert done.returncode == 3
    trust.write_text("log nonsense\n")
    done = await rig.acli("log", "verify", "--trust", str(trust), check=False)
    assert done.returncode == 2
