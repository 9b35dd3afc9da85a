"""Seals face templates for the disk and opens them again.

The holder, the template's id and the model are bound in, so that a template copied to another
person's row, or changed by one bit, does not open.
"""

from __future__ import annotations

from gateway.keys import SealError, SiteKey


class VaultError(Exception):
    """A template does not open: another key, or it was changed."""


class Vault:
    """`template` is 512 bytes: 128 float32, little endian."""

    def __init__(self, key: SiteKey) -> None:
        self._sealer = key.sealer("templates")

    def seal(self, person_id: str, template_id: str, model: str, template: bytes) -> bytes:
        """What goes to the disk."""
        return self._sealer.seal(template, person_id, template_id, model)

    def open(self, person_id: str, template_id: str, model: str, sealed: bytes) -> bytes:
        """What was sealed; raises VaultError."""
        try:
            return self._sealer.open(sealed, person_id, template_id, model)
        except SealError as error:
            raise VaultError("a face template does not open with this site key") from error
