"""SQLite's files on a `Disk`: the layer between SQLite and the system, with our eyes in it.

It works on the SQLite that Python itself uses, the one that the gateway keeps its log with: another
copy of SQLite (as the package apsw brings) would be another program.  SQLite calls its system
through a table of functions (sqlite.org/vfs.html, sqlite3.h: sqlite3_vfs, sqlite3_io_methods).  We
copy the table of the system's own VFS and replace what writes: xOpen, xDelete, and of each open
file xWrite, xTruncate, xSync and xClose.  Each does its work and tells the disk.

The file ``-shm`` is memory that processes share, nothing of it has to survive, and SQLite makes it
anew after a crash.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
import sys
import traceback
from collections.abc import Callable
from ctypes import CFUNCTYPE, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any

from gateway.selftest.disk import Disk

_OK, _IOERR, _FULL = 0, 10, 13
_IOERR_WRITE, _IOERR_FSYNC = _IOERR | 3 << 8, _IOERR | 4 << 8
_CREATE = 0x00000004
LAB_FAULT = 98
"""The exit code of a process in which the lab itself is at fault."""

_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Resize = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_Close = CFUNCTYPE(c_int, c_void_p)
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)


class _Methods(Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        ("rest", c_void_p * 13),
    )


class _Vfs(Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        ("rest", c_void_p * 14),
    )


_installed: list[object] = []  # what C holds pointers into lives as long as the process


class NoSqlite(Exception):
    """This Python's SQLite can't be reached from outside."""


def find_vfs() -> tuple[int, Callable[[int, int], int]]:
    """The address of the system's VFS in the SQLite of this Python, and the function that registers
    another one.  Raises NoSqlite, as where Python was built with SQLite inside it."""
    try:
        library = ctypes.CDLL(_sqlite3.__file__)
        find, register = library.sqlite3_vfs_find, library.sqlite3_vfs_register
    except (OSError, AttributeError) as error:
        raise NoSqlite(str(error)) from error
    find.argtypes, find.restype = [c_char_p], c_void_p
    register.argtypes, register.restype = [c_void_p, c_int], c_int
    address = find(b"unix")
    if not address:
        raise NoSqlite("no VFS of the name unix")
    return int(address), register


class Watch:
    """Tells `disk` of all that SQLite does from `install` on; there is one in a process."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._files: dict[int, tuple[int, bool]] = {}
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self._calls: list[Any] = []  # what C holds a pointer to must live
        self._real = _Vfs()
        self._real_at = 0
        self._mine = _Vfs()

    def install(self) -> None:
        """Have SQLite use this layer for what is opened from now on; raises NoSqlite."""
        self._real_at, register = find_vfs()
        self._real = _Vfs.from_address(self._real_at)
        ctypes.pointer(self._mine)[0] = self._real
        self._mine.zName = b"garita-lab"
        self._mine.pNext = None
        self._mine.xOpen = self._call(_Open, self._open)
        self._mine.xDelete = self._call(_Delete, self._delete)
        if register(ctypes.addressof(self._mine), 1) != _OK:
            raise NoSqlite("the VFS can't be registered")
        _installed.append(self)

    def _call(self, kind: Any, function: Callable[..., int]) -> int | None:
        def guarded(*arguments: Any) -> int:
            try:
                return function(*arguments)
            except BaseException:  # what ctypes can't hand on must not pass for success
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(LAB_FAULT)

        made = kind(guarded)
        self._calls.append(made)
        return ctypes.cast(made, c_void_p).value

    def _open(self, _vfs: int, name: int, file: int, flags: int, out: int) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        with self._disk.lock:
            known = self._disk.name_of(path) if path else None
            existed = known is not None and os.path.lexists(path)
            result: int = _Open(self._real.xOpen)(self._real_at, name, file, flags, out)
            if result != _OK or known is None:
                return result
            number = self._disk.number(known) if existed else None
            if number is None:
                number = self._disk.created(known)
            self._disk.opened_by_sqlite(number)
            self._files[file] = (number, known.endswith(("-wal", "-journal")))
            at = c_void_p.from_address(file)
            if at.value is not None:
                at.value = ctypes.addressof(self._methods_for(at.value))
            return result

    def _methods_for(self, real_at: int) -> _Methods:
        """The table of an open file, with our functions in it."""
        if real_at not in self._methods:
            real, mine = _Methods.from_address(real_at), _Methods()
            ctypes.pointer(mine)[0] = real
            mine.xWrite = self._call(_Write, lambda *a: self._write(real, *a))
            mine.xTruncate = self._call(_Resize, lambda *a: self._truncate(real, *a))
            mine.xSync = self._call(_Sync, self._sync)
            mine.xClose = self._call(_Close, lambda *a: self._close(real, *a))
            self._methods[real_at] = (real, mine)
        return self._methods[real_at][1]

    def _write(self, real: _Methods, file: int, data: int, size: int, offset: int) -> int:
        with self._disk.lock:
            number, _ = self._files[file]
            code = self._disk.failing()
            if code:
                return _FULL if code == errno.ENOSPC else _IOERR_WRITE
            result: int = _Write(real.xWrite)(file, data, size, offset)
            if result == _OK:
                self._disk.wrote(number, offset, ctypes.string_at(data, size))
            return result

    def _truncate(self, real: _Methods, file: int, size: int) -> int:
        with self._disk.lock:
            result: int = _Resize(real.xTruncate)(file, size)
            if result == _OK:
                self._disk.resized(self._files[file][0], size)
            return result

    def _sync(self, file: int, _flags: int) -> int:
        with self._disk.lock:
            number, folder = self._files[file]
            code = self._disk.failing()
            if code:
                return _IOERR_FSYNC
            self._disk.synced(number, folder=folder)
            return _OK

    def _close(self, real: _Methods, file: int) -> int:
        with self._disk.lock:
            self._files.pop(file, None)
            result: int = _Close(real.xClose)(file)
            return result

    def _delete(self, _vfs: int, name: bytes, sync: int) -> int:
        with self._disk.lock:
            result: int = _Delete(self._real.xDelete)(self._real_at, name, 0)
            known = self._disk.name_of(name.decode())
            if result == _OK and known is not None:
                self._disk.unlinked(known)
                if sync:
                    self._disk.synced_folder()
            return result
