"""The key with which a gateway signs the heads of its log; sealed on the disk with the site key.

It is made at the first start and is of this box alone.  Whoever has it can speak for this log, so
it never leaves the daemon and its file.  The public half is what auditors are given.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.locale import GaritaError, worded
from gateway.vault.files import write_whole
from gateway.vault.sitekey import SealError, SiteKey

_PURPOSE = "log key"


class LogKeyError(GaritaError):
    """The key can't be read or written; the message names the file and says why."""


def load_or_make(path: Path, key: SiteKey) -> Ed25519PrivateKey:
    """The key in the file `path`, sealed with the site's `key`; a new one if there is no file.

    Raises LogKeyError, as `load` does.
    """
    if path.exists():
        return load(path, key)
    made = Ed25519PrivateKey.generate()
    _write(path, key, made, replace=False)
    return made


def load(path: Path, key: SiteKey) -> Ed25519PrivateKey:
    """The key in the file `path`, sealed with the site's `key`.

    Raises LogKeyError if there is no file, and for one that is damaged or sealed with another site
    key: a log that goes on with a key that nobody knows is of no use to an auditor.
    """
    return _open(path, key)[0]


def pending(path: Path, key: SiteKey) -> Ed25519PrivateKey | None:
    """The key to which a change was begun and not settled; None if there is none.  Raises as
    `load`."""
    return _open(path, key)[1]


def prepare(path: Path, key: SiteKey) -> Ed25519PrivateKey:
    """A new key, kept beside the one that is in force; raises as `load`.

    The record of the change comes next, then `settle`.  A power cut in between loses neither key.
    """
    made = Ed25519PrivateKey.generate()
    _write(path, key, load(path, key), made, replace=True)
    return made


def settle(path: Path, key: SiteKey, private: Ed25519PrivateKey) -> None:
    """Keep `private` alone; raises LogKeyError."""
    _write(path, key, private, replace=True)


def _open(path: Path, key: SiteKey) -> tuple[Ed25519PrivateKey, Ed25519PrivateKey | None]:
    sealer = key.sealer(_PURPOSE)

    def opened(sealed: str) -> Ed25519PrivateKey:
        secret = sealer.open(base64.b64decode(sealed, validate=True), _PURPOSE)
        return Ed25519PrivateKey.from_private_bytes(secret)

    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return opened(held["sealed"]), opened(held["next"]) if "next" in held else None
    except FileNotFoundError as error:
        raise LogKeyError(
            worded("the log has no key yet: the gateway makes it when it starts")
        ) from error
    except (OSError, ValueError, KeyError, TypeError, binascii.Error, SealError) as error:
        raise LogKeyError(
            worded(
                "{path}: {error}; put the file back from a backup, or move it away: the log then "
                "goes on under a new name",
                path=path,
                error=error,
            )
        ) from error


def _write(
    path: Path,
    key: SiteKey,
    private: Ed25519PrivateKey,
    following: Ed25519PrivateKey | None = None,
    *,
    replace: bool,
) -> None:
    sealer = key.sealer(_PURPOSE)

    def sealed(one: Ed25519PrivateKey) -> str:
        return base64.b64encode(sealer.seal(one.private_bytes_raw(), _PURPOSE)).decode()

    held = {"sealed": sealed(private)}
    if following is not None:
        held["next"] = sealed(following)
    try:
        write_whole(path, json.dumps(held).encode(), mode=0o600, replace=replace)
    except OSError as error:
        raise LogKeyError(f"{path}: {error}") from error
