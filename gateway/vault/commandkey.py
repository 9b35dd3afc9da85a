"""The private key with which an operator signs commands, in a file under a passphrase.

The file is JSON: the 32 bytes of the key, sealed with AES-256-GCM under a key that scrypt (RFC
7914) makes of the passphrase.  Each guess takes 128 MiB of memory.  Without a passphrase, as
`garita threat keygen` makes it too, the file is those 32 bytes in base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.locale import GaritaError, worded
from gateway.vault.files import write_whole

LARGEST = 10_000  # bytes
FORM = "garita command key 1"
WORK, BLOCK, LANES = 2**17, 8, 1  # scrypt's N, r, p
MEMORY = 2**28  # bytes that scrypt may take


class CommandKeyError(GaritaError):
    """The file holds no key that can be used; the message says why."""


def make(path: Path, passphrase: str) -> str:
    """Make a key and keep it in `path`, which must not exist; returns the public one in base64.

    An empty passphrase leaves the key in clear.  Raises OSError.
    """
    private = Ed25519PrivateKey.generate()
    raw = private.private_bytes_raw()
    held = _sealed(raw, passphrase) if passphrase else base64.b64encode(raw)
    write_whole(path, held + b"\n", mode=0o600, replace=False)
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def load(path: Path, ask: Callable[[], str]) -> Ed25519PrivateKey:
    """The key in `path`; `ask` is called for the passphrase if it has one.

    Raises CommandKeyError.
    """
    try:
        with path.open("rb") as file:
            held = file.read(LARGEST).strip()
        raw = _opened(held, ask) if held.startswith(b"{") else base64.b64decode(held, validate=True)
        return Ed25519PrivateKey.from_private_bytes(raw)
    except OSError as error:
        raise CommandKeyError(
            worded("{path} can't be read: {error}", path=path, error=error.strerror)
        ) from error
    except InvalidTag as error:
        raise CommandKeyError(worded("{path}: the passphrase is wrong", path=path)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CommandKeyError(worded("{path} holds no private key", path=path)) from error


def _sealed(raw: bytes, passphrase: str) -> bytes:
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, raw, FORM.encode())
    held = {"form": FORM, "salt": base64.b64encode(salt).decode()}
    held["sealed"] = base64.b64encode(nonce + sealed).decode()
    return json.dumps(held).encode()


def _opened(held: bytes, ask: Callable[[], str]) -> bytes:
    found = json.loads(held)
    if found["form"] != FORM:
        raise ValueError
    salt = base64.b64decode(found["salt"], validate=True)
    sealed = base64.b64decode(found["sealed"], validate=True)
    if len(salt) != 16 or len(sealed) != 12 + 32 + 16:
        raise ValueError
    return AESGCM(_stretched(ask(), salt)).decrypt(sealed[:12], sealed[12:], FORM.encode())


def _stretched(passphrase: str, salt: bytes) -> bytes:
    """The passphrase as a key of 32 bytes; however a keyboard composes its accents (NFC)."""
    typed = unicodedata.normalize("NFC", passphrase).encode()
    return hashlib.scrypt(typed, salt=salt, n=WORK, r=BLOCK, p=LANES, maxmem=MEMORY, dklen=32)
