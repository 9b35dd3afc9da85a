"""Seals face templates for the disk and opens them again.

Each person has a random data key (AES-256-GCM).  It lies in people.db wrapped with a key derived
from the site key, bound to the person and to its own id.  Destroying that one row makes every
template of the person unreadable, wherever else a copy of the templates alone lies.  The holder,
the template's id, the model and the key's id are bound in, so that a template or a key copied to
another person's row, or changed by one bit, does not open.  No plain key is kept here.

Templates from before version 3 of people.db were sealed with the site key itself: they have no
key of their own and open by that path until `reseal` (gateway/people/faces.py) took them over.
"""

from __future__ import annotations

import os
import uuid

from gateway.locale import GaritaError, worded
from gateway.vault.sitekey import Sealer, SealError, SiteKey

KEY_BYTES = 32

WrappedKey = tuple[str, bytes]
"""The id of a person's key (it appears in events) and the key, wrapped."""


class VaultError(GaritaError):
    """A template does not open: another key, or it was changed."""


class Vault:
    """`template` is 512 bytes: 128 float32, little endian."""

    def __init__(self, key: SiteKey) -> None:
        self._wrapper = key.sealer("person keys")
        self._sealer = key.sealer("templates")

    def new_key(self, person_id: str) -> WrappedKey:
        """A fresh key for a person, ready for the disk."""
        key_id = str(uuid.uuid4())
        return key_id, self._wrapper.seal(os.urandom(KEY_BYTES), person_id, key_id)

    def seal(
        self,
        person_id: str,
        template_id: str,
        model: str,
        template: bytes,
        key: WrappedKey | None = None,
    ) -> bytes:
        """What goes to the disk.  Without `key`: as before version 3, for tests of the update.
        Raises VaultError if the person's key does not open."""
        if key is None:
            return self._sealer.seal(template, person_id, template_id, model)
        return self.sealer(person_id, key).seal(template, person_id, template_id, model, key[0])

    def open(
        self,
        person_id: str,
        template_id: str,
        model: str,
        sealed: bytes,
        key: WrappedKey | None = None,
    ) -> bytes:
        """What was sealed; `key` is the person's, or None if they have none.  Raises VaultError."""
        try:
            if key is None:
                return self._sealer.open(sealed, person_id, template_id, model)
            return self.sealer(person_id, key).open(sealed, person_id, template_id, model, key[0])
        except (SealError, TypeError) as error:  # a column that holds text, or nothing
            raise VaultError(worded("a face template does not open with this site key")) from error

    def sealer(self, person_id: str, key: WrappedKey) -> Sealer:
        """Encryption with the key of one person; raises VaultError if it does not open."""
        try:
            plain = self._wrapper.open(key[1], person_id, key[0])
        except (SealError, TypeError, AttributeError) as error:
            raise VaultError(
                worded("a person's face key does not open with this site key")
            ) from error
        if len(plain) != KEY_BYTES:
            raise VaultError(worded("a person's face key has the wrong size"))
        return Sealer(plain)
