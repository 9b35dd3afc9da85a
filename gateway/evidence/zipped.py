"""A packet as one zip file, of which each byte is set: the same packet gives the same zip.

Nothing in it is compressed: some bits of a compressed stream can be changed and nothing of what
comes out of it.  The stand-alone verifiers hold the headers against what this writes, so any byte
that was changed is found.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

_OLDEST = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write(folder: Path, files: Sequence[str], target: Path) -> None:
    """Write `files` of `folder`, in this order, into the new zip `target`.  Raises OSError."""
    with zipfile.ZipFile(target, "x") as held:
        for name in files:
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.compress_type, entry.create_system = zipfile.ZIP_STORED, 3
            entry.external_attr = _MODE
            path = folder / name
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, held.open(entry, "w") as goal:
                shutil.copyfileobj(source, goal, 1 << 20)
