"""Signed lists: one file that many gates take, by whatever way it comes.

    GARITA-BUNDLE-1
    {"format":...,"gateways":[...],"generated_at":...,"key":...,"kind":"people","serial":...,...}
    base64 of an Ed25519 signature (RFC 8032) of the two lines above
    the list, byte for byte

The header names the list's length and SHA-256, so the signature covers it; nothing of the list
is read before the signature is found good.  `serial` only grows: an older bundle is refused
however good its signature, so a bundle may be retained by a broker or copied around.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from gateway.locale import worded
from gateway.people.sources.errors import SourceError
from gateway.people.sync.cells import moment
from gateway.vault.files import write_whole

MAGIC = b"GARITA-BUNDLE-1\n"
MAX_HEADER = 64 * 1024
ALL = "*"


@dataclass(frozen=True, slots=True)
class Header:
    """What the signer says: for which gateways (``*``: all), the how manyeth list, of when."""

    format: str
    gateways: tuple[str, ...]
    generated_at: datetime
    key: str
    serial: int
    sha256: str
    size: int

    def check(self, *, gateway: str, after: int) -> None:
        """That it is for this gateway, and not older than number `after`; raises SourceError."""
        if gateway not in self.gateways and ALL not in self.gateways:
            raise SourceError(worded("the bundle is not for {gateway}", gateway=gateway))
        if self.serial < after:
            raise SourceError(
                worded(
                    "the bundle's serial {serial} is older than {after}",
                    serial=self.serial,
                    after=after,
                )
            )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature is good, and whose list is the one that was signed."""

    header: Header
    body: bytes

    def check(self, *, gateway: str, after: int) -> None:
        """`Header.check`."""
        self.header.check(gateway=gateway, after=after)


def seal(
    body: bytes,
    key: Ed25519PrivateKey,
    *,
    form: str,
    gateways: Sequence[str],
    generated_at: datetime,
    serial: int,
) -> bytes:
    """A list as a signed bundle; `form` is csv or json."""
    header = {
        "format": form,
        "gateways": sorted(gateways),
        "generated_at": generated_at.isoformat(timespec="seconds"),
        "key": key_id(key.public_key()),
        "kind": "people",
        "serial": serial,
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
    }
    line = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    signed = MAGIC + line.encode() + b"\n"
    return signed + base64.b64encode(key.sign(signed)) + b"\n" + body


def unseal(raw: bytes, keys: Sequence[Ed25519PublicKey]) -> Bundle:
    """Open a bundle signed by one of `keys`; raises SourceError."""
    header = examine([raw], keys)
    return Bundle(header, raw[len(raw) - header.size :])


def examine(pieces: Sequence[bytes], keys: Sequence[Ed25519PublicKey]) -> Header:
    """The header of a bundle signed by one of `keys`, whose list is the one that was signed.

    The bundle comes in `pieces`, in order, and is never joined: 64 MiB copied at once would hold
    up the event loop also from another thread.  Raises SourceError.
    """
    raw = _head(pieces)
    if not raw.startswith(MAGIC):
        raise SourceError(worded("that is no bundle"))
    end = raw.find(b"\n", len(MAGIC), len(MAGIC) + MAX_HEADER)
    last = raw.find(b"\n", end + 1, end + 200)
    if end < 0 or last < 0:
        raise SourceError(worded("the bundle's header is broken"))
    signed = raw[: end + 1]
    try:
        signature = base64.b64decode(raw[end + 1 : last], validate=True)
    except binascii.Error as error:
        raise SourceError(worded("the bundle's signature is broken")) from error
    if not any(_good(key, signature, signed) for key in keys):
        raise SourceError(worded("the bundle is not signed by a key that is trusted here"))
    header = _header(raw[len(MAGIC) : end])
    size = sum(map(len, pieces)) - last - 1
    if size != header.size:
        raise SourceError(
            worded("the bundle holds {size} of {size2} bytes", size=size, size2=header.size)
        )
    digest, skip = hashlib.sha256(), last + 1
    for piece in pieces:
        digest.update(memoryview(piece)[skip:])
        skip = max(0, skip - len(piece))
    if digest.hexdigest() != header.sha256:
        raise SourceError(worded("the bundle's list was changed"))
    return header


def open_file(path: Path, keys: Sequence[Ed25519PublicKey], *, max_bytes: int) -> Bundle:
    """The bundle in a file; raises SourceError."""
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise SourceError(
            worded("{name} can't be read: {error}", name=path.name, error=error.strerror)
        ) from error
    if len(raw) > max_bytes:
        raise SourceError(worded("larger than {max_bytes} MiB", max_bytes=max_bytes >> 20))
    return unseal(raw, keys)


def keygen(private: Path, public: Path) -> str:
    """Make a pair of keys; the private one readable by its owner only.  Returns the key's id;
    raises SourceError rather than replace one."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The public one first: killed in between, this leaves no private key without its public one.
    for path, mode, content in ((public, 0o644, shown), (private, 0o600, secret)):
        try:
            write_whole(path, content, mode=mode, replace=False)
        except OSError as error:
            if path is private:  # else a public key would lie beside the private key of another
                public.unlink(missing_ok=True)
            raise SourceError(f"{path}: {error.strerror}") from error
    return key_id(key.public_key())


def load_private(path: Path) -> Ed25519PrivateKey:
    """The key that signs; raises SourceError."""
    try:
        if path.stat().st_mode & 0o077:
            raise SourceError(worded("others may read {name}; chmod 600 it", name=path.name))
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SourceError(
            worded("{name} can't be read: {error}", name=path.name, error=error.strerror)
        ) from error
    except (ValueError, TypeError) as error:
        raise SourceError(worded("{name} holds no private key", name=path.name)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SourceError(worded("{name} is not an Ed25519 key", name=path.name))
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """A key that is trusted; raises SourceError."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise SourceError(
            worded("{name} can't be read: {error}", name=path.name, error=error.strerror)
        ) from error
    except ValueError as error:
        raise SourceError(worded("{name} holds no public key", name=path.name)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SourceError(worded("{name} is not an Ed25519 key", name=path.name))
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """16 hex characters that name a key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _head(pieces: Sequence[bytes]) -> bytes:
    """The first bytes, as many as a header and a signature may have."""
    head, most = bytearray(), len(MAGIC) + MAX_HEADER + 200
    for piece in pieces:
        head += memoryview(piece)[: most - len(head)]
        if len(head) == most:
            break
    return bytes(head)


def _good(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _header(line: bytes) -> Header:
    """Signed, but read with care all the same."""
    try:
        found: Any = json.loads(line)
        gateways = found["gateways"]
        header = Header(
            str(found["format"]),
            tuple(map(str, gateways)),
            moment(found["generated_at"]),
            str(found["key"]),
            found["serial"],
            str(found["sha256"]),
            found["size"],
        )
        whole = all(type(n) is int and 0 <= n < 2**53 for n in (header.serial, header.size))
        if found["kind"] != "people" or not isinstance(gateways, list) or not whole:
            raise ValueError
        if header.format not in ("csv", "json") or not re.fullmatch("[0-9a-f]{64}", header.sha256):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(
            worded("the bundle's header is not one that this program knows")
        ) from error
    return header
