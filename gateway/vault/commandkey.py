"""The private key with which an operator signs commands, in a file under a passphrase.

PEM, PKCS #8, encrypted (RFC 5958): any tool that knows OpenSSL's files reads it.  A key of `garita
threat keygen`, 32 bytes in base64 without a passphrase, is read as well.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.locale import GaritaError, worded
from gateway.vault.files import write_whole

LARGEST = 10_000  # bytes


class CommandKeyError(GaritaError):
    """The file holds no key that can be used; the message says why."""


def make(path: Path, passphrase: str) -> str:
    """Make a key and keep it in `path`, which must not exist; returns the public one in base64.

    An empty passphrase leaves the key in clear.  Raises OSError.
    """
    private = Ed25519PrivateKey.generate()
    sealed: KeySerializationEncryption = NoEncryption()
    if passphrase:
        sealed = BestAvailableEncryption(passphrase.encode())
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    write_whole(path, text, mode=0o600, replace=False)
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def load(path: Path, ask: Callable[[], str]) -> Ed25519PrivateKey:
    """The key in `path`; `ask` is called for the passphrase if it has one.

    Raises CommandKeyError.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST)
        if not raw.startswith(b"-----BEGIN"):
            return Ed25519PrivateKey.from_private_bytes(base64.b64decode(raw, validate=False))
        sealed = b"ENCRYPTED" in raw.split(b"\n", 1)[0]
        key = load_pem_private_key(raw, ask().encode() if sealed else None)
    except OSError as error:
        raise CommandKeyError(
            worded("{path} can't be read: {error}", path=path, error=error.strerror)
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CommandKeyError(
            worded("{path}: no private key, or the passphrase is wrong", path=path)
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandKeyError(worded("{path}: the key is not an Ed25519 one", path=path))
    return key
