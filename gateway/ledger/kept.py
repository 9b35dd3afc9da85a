"""A record as it is kept, whole or redacted, whether in ledger.db, in a copy or in an archive."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.ledger import chain
from gateway.proof.merkle import leaf_hash

REDACTED = '{"redacted":'
"""How the line of a redacted record begins; no body does."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is kept of a record whose personal data had to go: `act` names the record that says so,
    `digest` is SHA-256 of the body that was, `leaf` its leaf hash, `rest` the JSON that is left."""

    act: str
    digest: bytes
    leaf: bytes
    old: bool = False
    """Whether its link is of an earlier version: it takes in the body that is gone."""

    def line(self, rest: str, old_hash: bytes | None) -> str:
        held = {"act": self.act, "body": self.digest.hex(), "leaf": self.leaf.hex()}
        if old_hash is not None:
            held["hash"] = old_hash.hex()
        return f'{REDACTED}{chain.canonical(held)},"rest":{rest}}}'


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is kept, with its hash and that of the record before.  If it was redacted,
    `body` is what is left of it."""

    seq: int
    body: str
    hash: bytes
    prev: bytes
    redacted: Redaction | None = None
    old: bool = False
    """Whether its link is of an earlier version (chain.py)."""

    @property
    def intact(self) -> bool:
        """Whether its hash is that of its body and of the record before."""
        return chain.fits(self.prev, self.seq, self.body, self.hash)

    @property
    def leaf(self) -> bytes:
        """Its leaf in the tree, 32 bytes."""
        return self.redacted.leaf if self.redacted else leaf_hash(self.body.encode())

    @property
    def digest(self) -> bytes:
        """SHA-256 of its body as it was written, 32 bytes."""
        return self.redacted.digest if self.redacted else chain.digest_of(self.body)
