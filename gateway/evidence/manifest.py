"""The list of a packet's files with their hashes: ``manifest.json``, in canonical JSON.

Everything in it follows from the log, the days, the criteria and the word, so a second person who
makes the packet again gets the same bytes.  What differs from time to time is outside of it: the
seal (seal.py), and the signature at the end of a PDF, whose unsigned beginning is listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.evidence.packet import Packet
from gateway.ledger import chain

FORM = "garita-packet/1"
FILE = "manifest.json"
SEAL, SEAL_PROOF = "manifest.seal.json", "manifest.seal.tlog-proof"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A file: its path in the packet with ``/``, its size in bytes and SHA-256 (hex)."""

    path: str
    bytes: int
    sha256: str


def listed(folder: Path, files: Iterable[str]) -> list[Listed]:
    """The files of a packet, in order of their paths.  Raises OSError."""
    return [
        Listed(name, (folder / name).stat().st_size, digest(folder / name))
        for name in sorted(files)
    ]


def facts(content: bytes) -> dict[str, int | str]:
    """Size and SHA-256 (hex) of a file's content, as the manifest has them."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file.  Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()


def text(made: Packet, files: Iterable[Listed]) -> str:
    """The manifest, with the line feed at its end."""
    head = made.head
    held: dict[str, Any] = {
        "form": FORM,
        "gateway": made.settings.site.gateway,
        "version": __version__,
        "edition": "redacted" if made.redacted else "whole",
        "first": made.span.first.isoformat(),
        "last": made.span.last.isoformat(),
        "criteria": [section.criterion.id for section in made.sections],
        "word": made.word,
        "log": None
        if head is None
        else {
            "origin": head.checkpoint.origin,
            "size": head.checkpoint.size,
            "root": head.checkpoint.root.hex(),
        },
        "files": [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in files],
    }
    return chain.canonical(held) + "\n"
