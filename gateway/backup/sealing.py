"""Encryption of a backup in age's own format (age-encryption.org/v1), through pyrage.

A passphrase seals a key of the backup's own, and that key encrypts the rest: age's passphrase is
slow on purpose, and pyrage takes it for what fits into memory only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyrage

from gateway.backup.contents import BackupError
from gateway.locale import worded

SHORTEST = 12  # characters of a passphrase


@dataclass(frozen=True, slots=True)
class Sealing:
    """Who can open a backup.  `identity` is its own key, sealed with the passphrase; None if it is
    for recipients."""

    recipients: tuple[Any, ...]
    identity: bytes | None

    def seal(self, plain: IO[bytes], to: IO[bytes]) -> None:
        """Encrypt all of `plain`."""
        pyrage.encrypt_io(plain, to, list(self.recipients))


def by_passphrase(passphrase: str) -> Sealing:
    """Whoever knows the passphrase can open it; raises BackupError if it is too short."""
    if len(passphrase) < SHORTEST:
        raise BackupError(
            worded("the passphrase has fewer than {count} characters", count=SHORTEST)
        )
    own = pyrage.x25519.Identity.generate()
    sealed = pyrage.passphrase.encrypt(f"{own}\n".encode(), passphrase)
    return Sealing((own.to_public(),), sealed)


def for_recipients(recipients: Sequence[str]) -> Sealing:
    """Whoever has the key of one of them (``age1...``) can open it; raises BackupError."""
    try:
        return Sealing(tuple(pyrage.x25519.Recipient.from_str(one) for one in recipients), None)
    except pyrage.RecipientError as error:
        raise BackupError(worded("not a recipient of age: {error}", error=error)) from error


def identities(*, sealed: bytes | None, passphrase: str, keys: Sequence[str]) -> list[Any]:
    """What opens a backup: its own key out of `sealed` by the passphrase, or `keys`
    (``AGE-SECRET-KEY-...``).  Raises BackupError."""
    try:
        texts = list(keys)
        if sealed is not None and passphrase:
            texts.append(pyrage.passphrase.decrypt(sealed, passphrase).decode().strip())
        return [pyrage.x25519.Identity.from_str(one) for one in texts]
    except pyrage.DecryptError as error:
        raise BackupError(worded("the passphrase does not open this backup")) from error
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise BackupError(worded("not a key of age")) from error


def opened(sealed: IO[bytes], to: IO[bytes], by: Sequence[Any]) -> None:
    """Decrypt all of `sealed`; raises BackupError if the keys are others or it was changed."""
    try:
        pyrage.decrypt_io(sealed, to, list(by))
    except (pyrage.DecryptError, ValueError) as error:
        raise BackupError(
            worded("it does not open: another key, or the backup was changed")
        ) from error
