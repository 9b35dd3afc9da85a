"""The four messages that open a secure channel, as the panel sees them.

CHLNG (our nonce) -> CCRYPT (its nonce and proof) -> SCRYPT (our proof) -> RMAC_I (the first MAC).
The reader proves first that it holds one of our keys.  Only then the panel sends its own proof, so
that a forged reader learns nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from drivers.readers.osdp.frame import Frame
from drivers.readers.osdp.messages import Cmd
from drivers.readers.osdp.secure import (
    SCBK_DEFAULT,
    SCS_11,
    SCS_12,
    SCS_13,
    SCS_14,
    SecureChannel,
)


class Handshake:
    """One attempt with `keys` (newest last), or with the default key if `default`.  `nonce` has
    8 random bytes."""

    def __init__(self, keys: Sequence[bytes], nonce: bytes, *, default: bool = False) -> None:
        self.default = default
        self.channel: SecureChannel | None = None
        self.key = b""  # the one that the reader proved to hold
        self._keys = [SCBK_DEFAULT] if default else list(keys)
        self._nonce = nonce
        self._proof = b""
        self._rmac = b""

    def challenge(self) -> tuple[bytes, bytes]:
        """The payload and security block of CHLNG."""
        return bytes((Cmd.CHLNG,)) + self._nonce, bytes((SCS_11, not self.default))

    def on_ccrypt(self, reply: Frame) -> str:
        """Check the reader's proof; returns "" when it is good, else why not."""
        if reply.scb != bytes((SCS_12, not self.default)) or len(reply.data) != 32:
            return "it answers with another kind of key"
        rnd_b, proof = reply.data[8:16], reply.data[16:]
        for key in reversed(self._keys):
            channel = SecureChannel(key, self._nonce)
            if hmac.compare_digest(channel.client_cryptogram(rnd_b), proof):
                self._proof = channel.server_cryptogram(rnd_b)
                self._rmac = channel.start(rnd_b)
                self.channel, self.key = channel, key
                return ""
        return no_key(self.default, True)

    def scrypt(self) -> tuple[bytes, bytes]:
        """The payload and security block of SCRYPT."""
        return bytes((Cmd.SCRYPT,)) + self._proof, bytes((SCS_13, not self.default))

    def on_rmac(self, reply: Frame) -> bool:
        """Whether the reader accepted our proof and begins the MAC chain as we do."""
        return reply.security == SCS_14 and hmac.compare_digest(reply.data, self._rmac)


def no_key(default: bool, known: bool) -> str:
    """Why there is no session, for an installer."""
    if default:
        return "it does not take the default key: put it into install mode"
    if known:
        return "it does not hold the key that it was given: garita reader install"
    return "no key yet: garita reader install"
