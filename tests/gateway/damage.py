"""Every kind of damage to a file, for the tests of whoever owns one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def folder(path: Path) -> None:
    """A folder takes the file's place."""
    path.unlink()
    path.mkdir()


def loop(path: Path) -> None:
    """Root, who runs the tests, reads a file of any mode: a loop of links nobody reads."""
    path.unlink()
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "halved": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 - 32]),
    "noise": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "a folder": folder,
    "missing": lambda path: path.unlink(),
    "unreadable": loop,
}
DAMAGED = [kind for kind in KINDS if kind != "missing"]


def hurt(path: Path, kind: str) -> None:
    """Damage a database and lose the files beside it."""
    for more in ("-wal", "-shm", "-journal"):
        Path(f"{path}{more}").unlink(missing_ok=True)
    KINDS[kind](path)


def aside(path: Path) -> list[Path]:
    """What was put aside of a file."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*Z"))


def away(path: Path) -> None:
    """Remove whatever is at `path`."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
