"""Looks whether the log's file is still the one that is written, and whole as far as a look tells.

SQLite goes on writing a file that somebody removed or replaced, and what it writes is lost with the
process.  A page that is damaged is found when it is read or written.
"""

from __future__ import annotations

import asyncio
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
        self.found = ""

    async def run(self) -> None:
        """Look until something is wrong."""
        while not self.found:
            await asyncio.sleep(LOOK_EVERY_S)
            self.found = self._ledger.damage or await asyncio.to_thread(self._look)

    def _look(self) -> str:
        name = self._path.name
        try:
            with self._path.open("rb") as file:
                begun = file.read(len(_MAGIC))
        except FileNotFoundError:
            return f"{name} is missing"
        except IsADirectoryError:
            return f"{name} is not a file"
        except OSError as error:
            return f"{name} can't be read: {error.strerror}" if self._path.is_symlink() else ""
        if _inode(self._path) != self._inode:
            return f"{name} is another file than the one that is written"
        return "" if begun == _MAGIC else f"{name} is damaged: its first bytes are gone"


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
