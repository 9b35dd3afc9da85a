"""The site's own documents (procedures, policies) in a packet: the files behind the records."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gateway.config import Settings
from gateway.desk.documentfile import stored
from gateway.evidence.packet import Document
from gateway.locale import worded

FOLDER = "documents"


def placed(settings: Settings, one: Document, *, withhold: bool) -> Document:
    """The document with its place in the packet, or with why its file is not there.

    The kept file is read and held against the hash of the record.
    """
    if withhold:
        return replace(one, missing=worded("withheld in this edition"))
    path = stored(settings, one.sha256)
    if path is None:
        why = worded("the file is not kept here any more, or is not the one on record")
        return replace(one, missing=why)
    return replace(one, path=f"{FOLDER}/{one.sha256[:16]}{path.suffix}")


def copy(settings: Settings, documents: Iterable[Document], folder: Path) -> None:
    """Put the files of these documents into the packet's folder.  Raises OSError."""
    for one in documents:
        path = stored(settings, one.sha256) if one.path else None
        if path is None:
            continue
        target = folder / one.path
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
