"""The key with which a gateway signs the heads of its log; sealed on the disk with the site key.

It is made at the first start and is of this box alone.  Whoever has it can speak for this log, so
it never leaves the daemon and its file.  The public half is what auditors are given.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.locale import GaritaError, worded
from gateway.vault.sitekey import SiteKey
from gateway.vault.statefile import Kept, StateFile, Tell, json_object, log_damage

_PURPOSE = "log key"


class LogKeyError(GaritaError):
    """The key can't be read or written; the message names the file and says why."""


Keys = tuple[Ed25519PrivateKey, Ed25519PrivateKey | None]
"""The key in force, and one to which a change was begun."""


def restore(path: Path, key: SiteKey, tell: Tell) -> None:
    """For the daemon, at its start: put a damaged file aside and give it the version before.

    That one has the key in force whenever a change of the key came to its end, and `pending` says
    what to ask the log about.  If neither can be read, the file stays: a new key would be one that
    nobody knows, so a person decides.
    """
    file = _file(path, key, tell)
    try:
        kept = file.read()
    except OSError:
        return  # `load` says so
    if kept.damage and kept.value is not None:
        file.give_back(kept, kept.raw, "previous")
    elif kept.damage:
        file.tell(kept, "not_signed")


def load_or_make(path: Path, key: SiteKey) -> Ed25519PrivateKey:
    """The key in the file `path`, sealed with the site's `key`; a new one if there is no file and
    was none before.

    Raises LogKeyError, as `load` does.
    """
    try:
        missing = _file(path, key).read().missing
    except OSError:
        missing = False  # `load` says why
    if not missing:
        return load(path, key)
    made = Ed25519PrivateKey.generate()
    _write(path, key, made)
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
    _write(path, key, load(path, key), made)
    return made


def settle(path: Path, key: SiteKey, private: Ed25519PrivateKey) -> None:
    """Keep `private` alone; raises LogKeyError."""
    _write(path, key, private)


def _open(path: Path, key: SiteKey) -> Keys:
    try:
        kept = _file(path, key).read()
        damage = kept.damage
    except OSError as error:
        kept, damage = Kept(), f"{path}: {error.strerror}"
    if kept.value is not None:
        return kept.value
    if not damage:
        raise LogKeyError(worded("the log has no key yet: the gateway makes it when it starts"))
    raise LogKeyError(
        worded(
            "{path}: {error}; put the file back from a backup, or move it away: the log then "
            "goes on under a new name",
            path=path,
            error=damage,
        )
    )


def _file(path: Path, key: SiteKey, tell: Tell = log_damage) -> StateFile[Keys]:
    sealer = key.sealer(_PURPOSE)

    def opened(sealed: str) -> Ed25519PrivateKey:
        secret = sealer.open(base64.b64decode(sealed, validate=True), _PURPOSE)
        return Ed25519PrivateKey.from_private_bytes(secret)

    def parse(raw: bytes) -> Keys:
        held = json_object(raw)
        return opened(held["sealed"]), opened(held["next"]) if "next" in held else None

    return StateFile(path, parse, mode=0o600, tell=tell)


def _write(
    path: Path,
    key: SiteKey,
    private: Ed25519PrivateKey,
    following: Ed25519PrivateKey | None = None,
) -> None:
    sealer = key.sealer(_PURPOSE)

    def sealed(one: Ed25519PrivateKey) -> str:
        return base64.b64encode(sealer.seal(one.private_bytes_raw(), _PURPOSE)).decode()

    held = {"sealed": sealed(private)}
    if following is not None:
        held["next"] = sealed(following)
    try:
        _file(path, key).write(json.dumps(held).encode())
    except OSError as error:
        raise LogKeyError(f"{path}: {error}") from error
