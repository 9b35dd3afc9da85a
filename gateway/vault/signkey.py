"""A signing key in a file of its own: for a witness or a mirror, which has no site key to seal it.

The file is PEM (PKCS #8, RFC 8410), so openssl reads it as well.  Its mode is what protects it.
"""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.locale import GaritaError, system, worded
from gateway.vault.files import write_whole

MOST_BYTES = 10_000


class SignKeyError(GaritaError):
    """The key can't be read or written; the message names the file and says why, never the key."""


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in the file `path`; a new one if there is no file.

    Raises SignKeyError, also for a file that others may read, and never makes a new key in place
    of one that is there.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise SignKeyError(worded("{path}: others may read it: chmod 600", path=path))
            key = load_pem_private_key(file.read(MOST_BYTES), None)
    except FileNotFoundError:
        return _make(path)
    except OSError as error:
        raise SignKeyError(f"{path}: {system(error.strerror)}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignKeyError(worded("{path}: not a private key in PEM", path=path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignKeyError(worded("{path}: the key is not an Ed25519 key", path=path))
    return key


def _make(path: Path) -> Ed25519PrivateKey:
    made = Ed25519PrivateKey.generate()
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_whole(path, text, mode=0o600, replace=False)
    except FileExistsError:  # another process was quicker
        return load_or_make(path)
    except OSError as error:
        raise SignKeyError(f"{path}: {system(error.strerror)}") from error
    return made
