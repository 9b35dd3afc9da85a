"""A log that grows, and a witness of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proof import merkle
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.merkle import leaf_hash, range_hash, root_of
from gateway.proof.note import COSIGNATURE, Note, Signer
from gateway.proof.submission import Submission
from gateway.witness.judge import Logs
from gateway.witness.service import Witness
from gateway.witness.store import Store

LOG = Signer("garita/gate-1/00112233aabbccdd", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)
NOW = 1_780_000_000


class GrowingLog:
    """A log of entries 0, 1, 2, ...; `other` makes it differ from entry `fork` on."""

    def __init__(self, signer: Signer = LOG, fork: int = 10**9) -> None:
        self.signer = signer
        self._fork = fork

    def leaves(self, count: int) -> list[bytes]:
        return [leaf_hash(b"%d%s" % (n, b"x" * (n >= self._fork))) for n in range(count)]

    def checkpoint(self, size: int) -> Note:
        head = Checkpoint(self.signer.name, size, root_of(self.leaves(size)))
        return sign(head, self.signer)

    def submission(self, old: int, size: int) -> Submission:
        leaves = self.leaves(size)

        def subtree(level: int, index: int) -> bytes:
            return root_of(leaves[index << level : (index + 1) << level])

        assert size == 0 or range_hash(subtree, 0, size) == root_of(leaves)
        hashes = merkle.consistency(subtree, old, size) if old <= size else []
        return Submission(old, tuple(hashes), self.checkpoint(size))

    def request(self, old: int, size: int) -> bytes:
        return self.submission(old, size).write().encode()


@pytest.fixture
def log() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    Store.begin(tmp_path / "witness.db")
    return Store(tmp_path / "witness.db")


@pytest.fixture
def witness(store: Store) -> Witness:
    return Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW)
