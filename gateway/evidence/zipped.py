"""A packet as one zip file, of which each byte is set: the same packet gives the same zip.

The stand-alone verifiers hold the headers of the zip against what this writes, so that a byte that
was changed in one of them is found too.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

_OLDEST = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_LEVEL = 4


def write(folder: Path, files: Sequence[str], target: Path) -> None:
    """Write `files` of `folder`, in this order, into the new zip `target`.  Raises OSError."""
    with zipfile.ZipFile(target, "x", compresslevel=_LEVEL) as held:
        for name in files:
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = _MODE
            path = folder / name
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, held.open(entry, "w") as goal:
                shutil.copyfileobj(source, goal, 1 << 20)
