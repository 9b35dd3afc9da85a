"""Photographs on a record: the file's name and SHA-256, and a copy if the site keeps them.

The hash shows later that a picture is the one of that day.  The picture is personal data, so by
default the program does not copy it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from gateway.desk.errors import DeskError
from gateway.desk.freight.transaction import Picture
from gateway.desk.text import clean
from gateway.locale import N_
from gateway.people.pictures import PictureError, PictureFault, inspect
from gateway.vault.files import write_whole

MAX_BYTES = 32 * 1024 * 1024
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".pdf"})


def reference(path: Path, keep: Path | None = None) -> Picture:
    """Name and hash of a picture.

    If `keep` is a folder, it gets a copy named by the hash.  Raises DeskError for a file that is
    not a picture, is too large, or can't be read.
    """
    name = clean(path.name, N_("picture"), most=120)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        raise DeskError("bad_picture", "{name}: one of {known}", name=name, known=known)
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise DeskError("bad_picture", "{name}: no file, or larger than 32 MB", name=name)
        data = path.read_bytes()
        return record(name, data, suffix, keep)
    except OSError as error:
        raise DeskError(
            "bad_picture", "{name}: {detail}", name=name, detail=error.strerror
        ) from error


def record(
    name: str, data: bytes, suffix: str, keep: Path | None = None, *, point: str = ""
) -> Picture:
    """The picture `data` by its hash; `point` is the point of a checklist that it shows.

    If `keep` is a folder, it gets a copy named by the hash and `suffix`.  Raises OSError, and
    DeskError for a picture that is too large to decode later.
    """
    _check_size(name, data)
    digest = hashlib.sha256(data).hexdigest()
    if keep is not None:
        _store(keep, f"{digest}{suffix}", data)
    return Picture(name, digest, point)


def kept(keep: Path | None, sha256: str) -> Path | None:
    """The file of a picture that the site kept as JPEG; None if there is none."""
    if keep is None or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    path = keep / f"{sha256}.jpg"
    return path if path.is_file() else None


def _check_size(name: str, data: bytes) -> None:
    """Refuse a picture that is too large to decode later.  A damaged one passes, because its hash
    is a record too."""
    try:
        inspect(data)
    except PictureError as error:
        if error.fault is PictureFault.TOO_MANY_PIXELS:
            why = error.message
            raise DeskError("bad_picture", "{name}: {why}", name=name, why=why) from error


def _store(folder: Path, name: str, data: bytes) -> None:
    """Write it whole or not at all; only the service can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    if not target.exists():
        write_whole(target, data)
