"""Files made by root's commands belong to the service that will have to open them.

An installer runs `sudo garita people sync`; the gateway runs as its own user.  A file that
root made would lock the gateway out of its own list or log, and with it everyone out of the
gate.  So a new file gets the owner of the folder it lies in.  (SQLite does the same for its
own side files.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def adopt(path: Path) -> None:
    """Give `path`, made by root, to the owner of its folder; does nothing for other users."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """A small file, whole on the disk or not at all; raises OSError."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    adopt(fresh)
    fresh.replace(path)
