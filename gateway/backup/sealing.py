"""Encryption of a backup in age's own format (age-encryption.org/v1), through pyrage.

A passphrase seals a key of the backup's own, and that key encrypts the rest: age's passphrase is
slow on purpose, and pyrage takes it for what fits into memory only.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyrage
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gateway.backup.contents import BackupError
from gateway.locale import worded

SHORTEST = 12  # characters of a passphrase
MOST_WORK = 20  # of scrypt, as a power of two: 1 GiB of memory


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
            texts.append(_opened_by(passphrase, sealed).decode().strip())
        return [pyrage.x25519.Identity.from_str(one) for one in texts]
    except (InvalidTag, InvalidSignature, ValueError, MemoryError) as error:
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


def _opened_by(passphrase: str, sealed: bytes) -> bytes:
    """What age sealed with a passphrase, up to 64 KiB (age-encryption.org/v1, scrypt recipient).

    pyrage does not open what this machine would need long for, and a gate may be slower or busier
    than the one that made the backup.  Raises InvalidTag, InvalidSignature, ValueError or
    MemoryError.
    """
    head, _, rest = sealed.partition(b"\n--- ")
    mac, _, payload = rest.partition(b"\n")
    version, stanza, body = head.split(b"\n")
    arrow, kind, salt, work = stanza.split(b" ")
    if (version, arrow, kind) != (b"age-encryption.org/v1", b"->", b"scrypt"):
        raise ValueError("not sealed with a passphrase")
    if not 1 <= int(work) <= MOST_WORK:
        raise ValueError("it asks for too much work")
    label = b"age-encryption.org/v1/scrypt" + _bytes(salt)
    wrap = Scrypt(salt=label, length=32, n=1 << int(work), r=8, p=1).derive(passphrase.encode())
    key = ChaCha20Poly1305(wrap).decrypt(bytes(12), _bytes(body), None)
    check = HMAC(_derived(key, b"", b"header"), SHA256())
    check.update(head + b"\n---")
    check.verify(_bytes(mac))
    nonce, chunk = payload[:16], payload[16:]
    last = bytes(11) + b"\x01"  # the first chunk of 64 KiB, and the last one
    return ChaCha20Poly1305(_derived(key, nonce, b"payload")).decrypt(last, chunk, None)


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _bytes(text: bytes) -> bytes:
    """Base64 without its padding."""
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
