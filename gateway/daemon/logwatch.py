"""Looks whether the log's file is still the one that is written, and whole as far as a look tells.

SQLite goes on writing a file that somebody removed or replaced, and what it writes is lost with the
process.  A page that is damaged is found when it is read or written.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from gateway.ledger import Ledger

LOOK_EVERY_S = 2.0
_MAGIC = b"SQLite format 3\0"


class LogWatch:
    """`run()` ends when the log at `path` is damaged; `found` then says how."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._path = path
        self._ledger = ledger
        self._inode = _inode(path)
        self._handle: int | None = None
        self.found = ""

    async def run(self) -> None:
        """Look until something is wrong."""
        while not self.found:
            await asyncio.sleep(LOOK_EVERY_S)
            self.found = self._ledger.damage or await asyncio.to_thread(self._look)

    def _look(self) -> str:
        name = self._path.name
        try:
            now = self._path.stat().st_ino
            if not self._path.is_file():
                return f"{name} is not a file"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} can't be read: {error.strerror}" if self._path.is_symlink() else ""
        if now != self._inode:
            return f"{name} is another file than the one that is written"
        try:
            begun = self._first_bytes()
        except OSError:
            return ""  # too many open files, say: the writer's own errors tell what matters
        return "" if begun == _MAGIC else f"{name} is damaged: its first bytes are gone"

    def _first_bytes(self) -> bytes:
        """Read through a descriptor that stays open as long as the process.

        Whoever closes a database that this process has open drops SQLite's locks on it (fcntl(2)),
        and two writers then damage it (sqlite.org/howtocorrupt.html, section 2.2).
        """
        if self._handle is None:
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._handle, len(_MAGIC), 0)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
