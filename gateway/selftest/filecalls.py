"""All files but SQLite's on a `Disk`: the calls of `os` by which the gateway writes small files.

gateway/vault/files.py is the only place that replaces a file, and pathlib ends in the same calls.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from gateway.selftest.disk import Disk

_WRITES = os.O_WRONLY | os.O_RDWR


class FileCalls:
    """Puts its own functions in the place of those of `os`, for the rest of this process."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._files: dict[int, tuple[int, str]] = {}
        self._open, self._fsync = os.open, os.fsync
        self._replace, self._link, self._unlink = os.replace, os.link, os.unlink

    def install(self) -> None:
        """From now on."""
        os.open = self.open
        os.fsync = self.fsync  # type: ignore[assignment]
        os.replace = os.rename = self.replace  # type: ignore[assignment]
        os.link = self.link  # type: ignore[assignment]
        os.unlink = os.remove = self.unlink

    def open(self, path: Any, flags: int, *rest: Any, **more: Any) -> int:
        name = None
        if flags & _WRITES and isinstance(path, (str, os.PathLike)) and not more.get("dir_fd"):
            name = self._disk.name_of(path)
        if name is None:
            handle = self._open(path, flags, *rest, **more)
            self._files.pop(handle, None)
            return handle
        with self._disk.lock:
            self._fail()
            existed = os.path.lexists(path)
            handle = self._open(path, flags, *rest, **more)
            number = self._disk.number(name) if existed else None
            if number is None:
                number = self._disk.created(name)
            self._disk.dirtied(number, name)
            self._files[handle] = (number, name)
            return handle

    def fsync(self, handle: Any) -> None:
        number = handle if isinstance(handle, int) else handle.fileno()
        path = Path(f"/proc/self/fd/{number}")
        with self._disk.lock:
            if stat.S_ISDIR(os.fstat(number).st_mode):
                if self._disk.is_root(str(path)):
                    self._fail()
                    self._disk.synced_folder()
                return
            found = self._files.get(number)
            if found is None or self._disk.number(found[1]) != found[0]:
                return
            self._fail()
            self._disk.synced_whole(found[0], path.read_bytes())

    def replace(self, old: Any, new: Any, **more: Any) -> None:
        self._named(lambda: self._replace(old, new, **more), self._disk.renamed, old, new)

    def link(self, old: Any, new: Any, **more: Any) -> None:
        self._named(lambda: self._link(old, new, **more), self._disk.linked, old, new)

    def unlink(self, path: Any, **more: Any) -> None:
        self._named(lambda: self._unlink(path, **more), self._disk.unlinked, path)

    def _named(self, call: Any, tell: Any, *paths: Any) -> None:
        names = [self._disk.name_of(path) for path in paths]
        with self._disk.lock:
            if None not in names:
                self._fail()
            call()
            if None not in names:
                tell(*names)

    def _fail(self) -> None:
        code = self._disk.failing()
        if code:
            raise OSError(code, os.strerror(code) if code != errno.EIO else "Input/output error")
