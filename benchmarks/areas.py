"""An area with two gates: how soon one knows who passed the other; what following a log costs."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import say, spread
from demo.broker import free_port
from demo.rig import Rig
from gateway.daemon import control
from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.pen import Head
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import Signer
from gateway.uplink import cloud_event
from gateway.uplink.peers import WAITING, PeerLog, sign_head
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey

BADGES = 40
RECORDS = 20_000
ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}


async def run(folder: Path) -> None:
    """Print the figures."""
    await _two_gates(folder)
    _follow()


async def _gates(folder: Path, port: int) -> list[Rig]:
    """The door `yard` leads in at both, the door `gate` out."""
    rigs, keys = [], []
    for number in (1, 2):
        rig = Rig(
            folder / f"gate-{number}",
            mqtt=f'host = "127.0.0.1"\nport = {port}',
            yard_more='area = "yard"',
            gate_more='from_area = "yard"',
            policy=f'[areas.yard]\npassback = "hard"\nshared = ["gate-{3 - number}"]\n# peers\n',
        )
        path = rig.folder / "data" / "log-key.json"
        path.parent.mkdir(exist_ok=True)
        private = logkey.load_or_make(path, SiteKey.load(str(rig.folder / "site.key")))
        keys.append(Signer(f"garita/gate-{number}/00", private).key)
        rigs.append(rig)
    for number, rig in enumerate(rigs):
        peer = f'[peers.gate-{2 - number}]\nkey = "{keys[1 - number]}"'
        text = rig.config.read_text(encoding="utf-8").replace("# peers", peer)
        rig.config.write_text(text.replace('"demo-gate"', f'"gate-{number + 1}"'), encoding="utf-8")
        await rig.acli("people", "sync", str(rig.write_people([ANA])), "--apply")
    return rigs


async def _two_gates(folder: Path) -> None:
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    broker = await asyncio.create_subprocess_exec(
        "/usr/sbin/mosquitto", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    rigs: list[Rig] = []
    try:
        rigs = one, two = await _gates(folder, port)
        await asyncio.gather(*(rig.start() for rig in rigs))
        for rig in rigs:
            await rig.until(lambda s: s["peers"] and not s["peers"][0]["away"], 60)
        took = []
        for number in range(BADGES):
            way_in = number % 2 == 0
            (one.yard_reader if way_in else one.gate_reader).present(18, 1001)
            begun = time.monotonic()
            while bool(control.ask(two.socket, "muster")["people"]) != way_in:
                await asyncio.sleep(0.005)
            took.append((time.monotonic() - begun) * 1000)
            await asyncio.sleep(0.7)
        say("badge at one gate, until the other counts it (ms)", spread(took))
    finally:
        await asyncio.gather(*(rig.stop() for rig in rigs))
        broker.terminate()
        await broker.wait()


def _follow() -> None:
    """What it costs a gate to follow another one's log, a head every 100 records."""
    signer = Signer("garita/gate-2/00", Ed25519PrivateKey.generate())
    tree, prev, messages = Frontier(), chain.GENESIS, list[tuple[bytes, bytes | None]]()
    now = int(time.time())
    data = {"area": "yard", "from": "", "was": None, "door": "yard", "name": "Ana", "company": ""}
    for seq in range(1, RECORDS + 1):
        event = NewEvent(EventType.AREA_MOVED, f"e{seq}", {**data, "at": "2026-01-01T00:00:00Z"})
        body = chain.body_of(event, f"00-{seq}", _moment(now))
        digest = chain.link(prev, seq, chain.digest_of(body))
        record = chain.to_event(seq, body, digest, prev)
        prev = digest
        tree.add(leaf_hash(body.encode()))
        head = None
        if seq % 100 == 0:
            newest = Head("00", seq, tree.root(), seq, prev.hex())
            head = sign_head(newest, signer, now + seq // 100)
        message = cloud_event(record, "gate-2").encode()
        messages.append((message, head.write().encode() if head else None))
    assert WAITING > 100
    log, believed = PeerLog(signer.key), 0
    begun = time.perf_counter()
    for message, signed in messages:
        believed += len(log.hear_record(message))
        if signed is not None:
            believed += len(log.hear_head(signed, now + RECORDS))
    took = time.perf_counter() - begun
    assert believed == RECORDS, believed
    say("records of another gate, verified (1/s)", f"{RECORDS / took:,.0f}")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
