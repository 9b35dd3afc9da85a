"""The site key: one secret of 32 bytes from which every other key is derived.

It comes from a file (base64 text) or from a systemd credential, never from the
configuration, the environment or the command line.  It never leaves this object: callers
get subkeys for a purpose (HKDF-SHA256, RFC 5869) and fingerprints of badges, so that a record
can say "the same badge again" without saying which badge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.locale import GaritaError, worded
from gateway.vault.files import write_whole

_SIZE = 32
_NONCE = 12


class SealError(GaritaError):
    """A secret does not open: another key, or it was changed."""


class KeyFileError(GaritaError):
    """The key can't be had; the message names the file and what to do, never the key."""


class Sealer:
    """Encrypts small secrets for the disk: AES-256-GCM (NIST SP 800-38D), a random 96-bit nonce
    in front.  `bound` says whose secret it is: sealed for one, it does not open for another."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, *bound: str) -> bytes:
        """What goes to the disk."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, _bound(*bound))

    def open(self, sealed: bytes, *bound: str) -> bytes:
        """What was sealed; raises SealError if it was changed, moved, or sealed elsewhere."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(*bound))
        except (InvalidTag, ValueError) as error:
            raise SealError(worded("it does not open with this site key")) from error


def _bound(*parts: str) -> bytes:
    """The parts, each with its length in front, so that no two lists of parts look alike."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class Marks(Protocol):
    """Makes fingerprints: a `SiteKey`, or what asks for them where the key may not be read."""

    def fingerprint(self, credential_key: str) -> str: ...
    def document(self, text: str) -> str: ...


class SiteKey:
    """The secret of one site."""

    __slots__ = ("_badges", "_secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SIZE:
            raise KeyFileError(
                worded(
                    "a site key has {size} bytes, this one {count}", size=_SIZE, count=len(secret)
                )
            )
        self._secret = secret
        self._badges = self.subkey("badge fingerprint")

    def __repr__(self) -> str:
        return "SiteKey(…)"

    @classmethod
    def load(cls, source: str) -> SiteKey:
        """Read `source`: a path, or ``credential:NAME`` for a systemd credential."""
        path = _path(source)
        try:
            mode = path.stat().st_mode
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise KeyFileError(
                worded(
                    "site key {path}: {error}; make one with 'garita key new'",
                    path=path,
                    error=error.strerror,
                )
            ) from error
        except OSError as error:
            raise KeyFileError(
                worded("site key {path}: {error}", path=path, error=error.strerror)
            ) from error
        # systemd mounts credentials 0400 for the service alone; a plain file must be as tight.
        if mode & 0o077:
            raise KeyFileError(
                worded("site key {path}: others may read it; chmod 600 it", path=path)
            )
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except binascii.Error as error:
            raise KeyFileError(worded("site key {path}: not base64 text", path=path)) from error

    @staticmethod
    def create(path: Path, reader: Path | None = None) -> None:
        """Write a new key to `path`, readable by its owner only; refuses to replace one.

        A key that root makes belongs to the owner of the folder `reader`, if that is given: the
        gateway's account, which has to read it.
        """
        try:
            secret = base64.b64encode(secrets.token_bytes(_SIZE)) + b"\n"
            write_whole(path, secret, mode=0o600, replace=False)
            if reader is not None and os.geteuid() == 0:
                os.chown(path, reader.stat().st_uid, -1)
        except OSError as error:
            raise KeyFileError(
                worded("site key {path}: {error}", path=path, error=error.strerror)
            ) from error

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) without a salt."""
        info = b"garita " + purpose.encode()
        return HKDF(hashes.SHA256(), _SIZE, salt=None, info=info).derive(self._secret)

    def sealer(self, purpose: str) -> Sealer:
        """Encryption for one purpose."""
        return Sealer(self.subkey(purpose))

    def fingerprint(self, credential_key: str) -> str:
        """16 hex characters that stand for a badge in records of this site.

        Keyed BLAKE2b (RFC 7693): this is in a badge's path, and an HMAC took ten times as
        long there.
        """
        data = credential_key.encode()
        return hashlib.blake2b(data, digest_size=8, key=self._badges).hexdigest()

    def document(self, text: str) -> str:
        """16 hex characters that stand for the number of a photo ID in records of this site."""
        # Keyed, because anybody could try all document numbers against a plain hash.
        key = self.subkey("photo ID fingerprint")
        return hashlib.blake2b(text.encode(), digest_size=8, key=key).hexdigest()


def _path(source: str) -> Path:
    if not source.startswith("credential:"):
        return Path(source)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise KeyFileError(
            worded(
                "{source}: no systemd credentials here (LoadCredential= in the unit)", source=source
            )
        )
    return Path(folder) / source.removeprefix("credential:")
