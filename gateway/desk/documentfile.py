"""Files of documents that the site registers, kept by their SHA-256.

A file that comes from outside is read once, as bytes, and never opened as what it claims to be: a
hostile PDF is a number of bytes here.  It is kept in ``<data_dir>/documents`` under
``<sha256>.pdf`` (``.bin`` for what is no PDF), so the same file is kept once.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.config import Settings
from gateway.desk.errors import DeskError, Unwritable
from gateway.vault.files import make_shared, write_whole

MAX_BYTES = 50 * 1024 * 1024
PDF, OTHER = "application/pdf", "application/octet-stream"
_SUFFIX = {PDF: ".pdf", OTHER: ".bin"}
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """The content of a file from outside: its pieces, their SHA-256 (hex), and its media type."""

    pieces: tuple[bytes, ...]
    sha256: str
    media: str

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(map(len, self.pieces))


def read(path: Path, *, any_kind: bool = False) -> File:
    """The file at `path`.

    Raises DeskError for a symbolic link (what it points to may be a file that only this account
    may read), for what is no regular file, and as `content` does.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            known = os.fstat(file.fileno())
            if not stat.S_ISREG(known.st_mode):
                raise DeskError("document_unreadable", "{name}: not a file", name=path.name)
            if known.st_size > MAX_BYTES:
                raise _too_large()
            return content(_pieces_of(file), any_kind=any_kind)
    except OSError as error:
        if path.is_symlink():
            raise DeskError(
                "document_unreadable", "{name}: a symbolic link is not followed", name=path.name
            ) from error
        raise DeskError(
            "document_unreadable",
            "{name}: {detail}",
            name=path.name,
            detail=error.strerror,
        ) from error


def content(pieces: tuple[bytes, ...], *, any_kind: bool = False) -> File:
    """A file whose bytes are in memory, as it comes from a browser.

    A PDF begins with ``%PDF-`` and has ``%%EOF`` near its end; one that was cut off on the way has
    none.  With `any_kind` anything else is taken too, as bytes without a type.  Raises DeskError:
    ``document_empty``, ``document_too_large``, ``not_pdf``, ``document_cut``.
    """
    size = sum(map(len, pieces))
    if not size:
        raise DeskError("document_empty", "the file is empty")
    if size > MAX_BYTES:
        raise _too_large()
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    begin = b"".join(pieces)[:5] if len(pieces[0]) < 5 else pieces[0][:5]
    is_pdf = begin == b"%PDF-"
    if is_pdf and b"%%EOF" not in b"".join(pieces[-2:])[-2048:] and not any_kind:
        raise DeskError("document_cut", "the PDF has no end; it was cut off on the way")
    if not is_pdf and not any_kind:
        raise DeskError("not_pdf", "the file is not a PDF")
    return File(pieces, hashed.hexdigest(), PDF if is_pdf else OTHER)


def keep(settings: Settings, file: File) -> None:
    """Keep the file, durable when this returns; one that is kept already stays, unless its content
    is no longer the one of its name.  Raises Unwritable (a full disk, no right to write)."""
    try:
        make_shared(settings.documents_path)
        path = settings.documents_path / f"{file.sha256}{_SUFFIX[file.media]}"
        if stored(settings, file.sha256) != path:
            write_whole(path, file.pieces)
    except OSError as error:
        raise Unwritable(
            "document_not_kept",
            "{path}: {detail}",
            path=settings.documents_path,
            detail=error.strerror,
        ) from error


def stored(settings: Settings, sha256: str) -> Path | None:
    """The kept file with this hash; None if there is none, or if its content is another.

    It reads the whole file.  `sha256` may come from a record of any form.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    for suffix in _SUFFIX.values():
        path = settings.documents_path / f"{sha256}{suffix}"
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    continue
                if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                    return path
        except OSError:
            continue
    return None


def _pieces_of(file: IO[bytes]) -> tuple[bytes, ...]:
    """All of an open file, of which no more than the limit and a byte is read: it may grow."""
    found: list[bytes] = []
    left = MAX_BYTES + 1
    while left and (piece := file.read(min(_PIECE, left))):
        found.append(piece)
        left -= len(piece)
    return tuple(found)


def _too_large() -> DeskError:
    return DeskError(
        "document_too_large", "the file is larger than {mb} MB", mb=MAX_BYTES // (1024 * 1024)
    )
