"""Gateways without doors for the collector's tests: the real log, checkpoints and uplink.

What a door would record is appended here.  Everything that a collector sees (records, their chain,
signed checkpoints, answers to replay requests, the retained topics) comes from the gateway's own
code.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import MqttSettings
from gateway.daemon.checkpoints import Checkpoints
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.uplink import Handlers, Uplink

PEOPLE = [("e1", "Ana Ruiz"), ("e2", "Diego Luna"), ("e3", "Zoë Campos"), ("e4", "Luis Ibarra")]


def badge(n: int, *, door: str = "yard", way: str = "in", granted: bool = True) -> NewEvent:
    """What a badge leaves on record, with the fields that views read."""
    person, name = PEOPLE[n % len(PEOPLE)]
    data: dict[str, Any] = {
        "door": door,
        "reader": f"{door}-{way}",
        "way": way,
        "reason": "granted" if granted else "denied_expired",
        "rule": "level plant" if granted else "valid until 2020-01-01",
        "person": {"id": person, "name": name, "company": "ACME"},
        "credential": {"masked": "em4100:…02", "fingerprint": f"{n:016x}"},
        "list_version": 1,
        "took_ms": 0.7,
        "n": n,
    }
    kind = EventType.ACCESS_GRANTED if granted else EventType.ACCESS_DENIED
    return NewEvent(kind, door, data)


class Gate:
    """One gateway: `start`, `append`, `stop`.  A `Gate` made again on the same folder is the same
    gateway after a restart; on another folder and under the same name, it was replaced."""

    def __init__(
        self,
        folder: Path,
        name: str,
        brokers: Sequence[int],
        *,
        key: Ed25519PrivateKey | None = None,
        every: int = 100,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.key = key or self._key()
        self.ledger = Ledger.open(folder / "ledger.db", gateway=name, timeout_s=60)
        self.reader = LedgerReader(folder / "ledger.db")
        self.checkpoints = Checkpoints(
            ledger=self.ledger,
            gateway=name,
            name=f"test.example/garita/{name}",
            key=self.key,
            path=folder / "log-head.json",
            every=every,
            minutes=0.02,
            facts=lambda: {"boot": "test", "clock": {"trusted": True}},
            broker=True,
        )
        self.uplink = Uplink(
            MqttSettings(brokers=[f"127.0.0.1:{port}" for port in brokers]),
            name,
            self.reader,
            self.ledger.wait_beyond,
            folder / "mqtt.cursor",
            lambda: {"doors": {}},
            lambda: self.checkpoints.text,
            Handlers(
                state=lambda online, detail: None,
                note=self.ledger.note,
                checkpoint=self.checkpoints.judge,
            ),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def _key(self) -> Ed25519PrivateKey:
        path = self.folder / "key"
        if not path.exists():
            path.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())

    @property
    def vkey(self) -> str:
        """The public key of the present origin, as trust files have it."""
        return str(self.checkpoints.signer().key)

    async def start(self) -> None:
        """Publish from now on."""
        await self.ledger.append(NewEvent(EventType.GATEWAY_STARTED, self.name, {}))
        for job in (self.uplink.run(), self.checkpoints.run()):
            self._tasks.append(asyncio.create_task(job))

    async def append(self, events: Iterable[NewEvent]) -> None:
        """Record these, durably."""
        await asyncio.gather(*(self.ledger.append(event) for event in events))

    async def badges(self, count: int, first: int = 0) -> None:
        """Record so many badges."""
        await self.append(badge(first + n, granted=(first + n) % 5 != 4) for n in range(count))

    async def stop(self) -> None:
        """Sign once more and stop, as the daemon does."""
        await self.checkpoints.make()
        await self.crash()

    async def crash(self) -> None:
        """Stop without a word."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.ledger.close()

    def image(self, to: Path) -> None:
        """Copy the stopped gateway's disk."""
        shutil.copytree(self.folder, to)

    def records(self) -> list[tuple[int, str, str]]:
        """All that is on record: (number, id, hash)."""
        found: list[tuple[int, str, str]] = []
        while events := self.reader.after(found[-1][0] if found else 0, 5000):
            found += [(event.seq, event.id, event.hash) for event in events]
        return found
