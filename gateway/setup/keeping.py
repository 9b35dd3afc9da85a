"""Replacing a file that people may have edited: the old one stays beside it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from gateway.vault.files import write_whole


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether the file was written, and where the old one is (None: there was none, or it was the
    same)."""

    changed: bool
    old: Path | None = None


def replace_kept(path: Path, data: bytes, mode: int) -> Kept:
    """Write `data` to `path` where it says something else, and keep what it said under a name with
    the time (UTC).  The new file has the old one's owner and mode.  Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    try:
        before, was = path.read_bytes(), path.stat()
    except FileNotFoundError:
        write_whole(path, data, mode=mode)
        path.chmod(mode)
        return Kept(changed=True)
    if before == data:
        return Kept(changed=False)
    mode = was.st_mode & 0o777
    old = _free(path)
    write_whole(old, before, mode=mode, replace=False)
    write_whole(path, data, mode=mode)
    for one in (old, path):
        one.chmod(mode)
        if os.geteuid() == 0:
            os.chown(one, was.st_uid, was.st_gid)
    return Kept(changed=True, old=old)


def _free(path: Path) -> Path:
    """A name beside `path` that is not taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = (f"{path.name}.{stamp}{more}.old" for more in ("", *(f"-{n}" for n in range(1, 1000))))
    return next(one for name in names if not (one := path.with_name(name)).exists())
