"""Seals face templates for the disk and opens them again.

AES-256-GCM (NIST SP 800-38D) under a key derived from the site key, a random 96-bit nonce in
front.  The holder, the template's id and the model are bound in, so that a template copied to
another person's row, or changed by one bit, does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.keys import SiteKey

_NONCE = 12


class VaultError(Exception):
    """A template does not open: another key, or it was changed."""


class Vault:
    """`template` is 512 bytes: 128 float32, little endian."""

    def __init__(self, key: SiteKey) -> None:
        self._cipher = AESGCM(key.subkey("templates"))

    def seal(self, person_id: str, template_id: str, model: str, template: bytes) -> bytes:
        """What goes to the disk."""
        nonce = os.urandom(_NONCE)
        bound = _bound(person_id, template_id, model)
        return nonce + self._cipher.encrypt(nonce, template, bound)

    def open(self, person_id: str, template_id: str, model: str, sealed: bytes) -> bytes:
        """What was sealed; raises VaultError."""
        bound = _bound(person_id, template_id, model)
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except (InvalidTag, ValueError) as error:
            raise VaultError("a face template does not open with this site key") from error


def _bound(*parts: str) -> bytes:
    """The parts, each with its length in front, so that no two lists of parts look alike."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
