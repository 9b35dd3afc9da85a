"""A gateway's log for tests of the collector's inside: messages as the gateway sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.collector.judge import Delivery
from gateway.ledger.chain import GENESIS, body_of, digest_of, link, to_event
from gateway.ledger.event import EventType, NewEvent
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import Signer
from gateway.uplink.messages import cloud_event, omitted_event
from tests.gateway.collector.gates import badge

BEGIN = datetime(2026, 11, 24, 13, 2, 14, tzinfo=UTC)


class Log:
    """One origin of a gateway's log: records, and checkpoints signed with `key`."""

    def __init__(
        self,
        gateway: str = "gate-1",
        chain: str = "c36d086c136d1b3a",
        *,
        key: Ed25519PrivateKey | None = None,
        first: int = 1,
        prev: bytes = GENESIS,
        follows: Mapping[str, Any] | None = None,
    ) -> None:
        self.gateway, self.chain = gateway, chain
        self.signer = Signer(f"test.example/{gateway}/{chain}", key or Ed25519PrivateKey.generate())
        self.door = "yard"
        self.seq, self.hash, self.tree = first - 1, prev, Frontier()
        data = {"chain": chain, "gateway": gateway}
        if follows is not None:
            data["follows"] = follows
        self.records = [self.add(NewEvent(EventType.LEDGER_CREATED, gateway, data))]

    def add(self, event: NewEvent, *, id_: str = "", when: datetime | None = None) -> Delivery:
        """One record more, as a message."""
        prev, self.seq = self.hash, self.seq + 1
        moment = when or BEGIN + timedelta(seconds=self.seq)
        body = body_of(event, id_ or f"{self.chain}-{self.seq}", moment)
        self.hash = link(prev, self.seq, digest_of(body))
        self.tree.add(leaf_hash(body.encode()))
        self._last = to_event(self.seq, body, self.hash, prev)
        return self.message(cloud_event(self._last, self.gateway))

    def omitted(self) -> Delivery:
        """The last record as a broker takes it that finds it too large."""
        return self.message(omitted_event(self._last, self.gateway, 100_000))

    def badges(self, count: int) -> list[Delivery]:
        return [self.add(badge(self.seq + 1, door=self.door)) for _ in range(count)]

    def checkpoint(self) -> list[Delivery]:
        """The record before a checkpoint, and the checkpoint."""
        bound = NewEvent(EventType.LEDGER_CHECKPOINT, self.gateway, {"key": str(self.signer.key)})
        record = self.add(bound)
        return [record, self.head()]

    def head(self) -> Delivery:
        point = Checkpoint(self.signer.name, self.tree.size, self.tree.root())
        text = sign(point, self.signer).write()
        return Delivery("b1", f"garita/{self.gateway}/checkpoint", text.encode(), retained=True)

    def message(self, text: str) -> Delivery:
        return Delivery("b1", f"garita/{self.gateway}/events", text.encode())

    def fork(self) -> Log:
        """Somebody who forges goes on from the newest record, as anyone on the broker can."""
        other = Log.__new__(Log)
        other.__dict__ = {**self.__dict__, "tree": Frontier(self.tree.size, self.tree.roots)}
        other.door = "vault"
        other.signer = Signer(self.signer.name, Ed25519PrivateKey.generate())
        return other


def with_changes(message: Delivery, **changes: Any) -> Delivery:
    """The message with other values, its hash as it was."""
    item = {**json.loads(message.payload), **changes}
    return Delivery(message.broker, message.topic, json.dumps(item).encode())
