"""Whether an SQLite file can be used, for whoever owns one and must go on without it.

Only SQLite opens it: whoever closes another descriptor of a database that this process has open
drops SQLite's locks on it, and two writers then damage it (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

SIDES = ("-wal", "-shm", "-journal")
"""Endings of the files that go with a database."""
_PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
)
"""The box lacks something just now; the file may be good."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is wrong; not that it can't be used just now."""
    return (
        isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
    )


def damage_of(
    path: Path,
    *,
    deep: bool = True,
    probe: Callable[[sqlite3.Connection], object] = lambda db: None,
) -> str:
    """What is wrong with the database at `path` (English); "" if nothing is, or if it is only in
    use just now.  `deep` looks at every page; `probe` reads what the owner needs of it."""
    name = path.name
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return f"{name} is not a file"
        if not about.st_size:
            return f"{name} is empty"
        try:
            said = _look(path, "ro", probe, deep=deep)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_READONLY:
                raise
            said = _look(path, "rw", probe, deep=deep)  # a killed writer left a journal to undo
        return f"{name} is damaged: {said}" if said else ""
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # Too many open files, say: then we may read it, and SQLite can't open it.
        short = code == sqlite3.SQLITE_CANTOPEN and os.access(path, os.R_OK)
        return "" if short or code in _PASSING else f"{name} is damaged: {error}"


def _look(
    path: Path, mode: str, probe: Callable[[sqlite3.Connection], object], *, deep: bool
) -> str:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
        if deep and (said := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            return " ".join(str(said).split())
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        probe(db)
    return ""


def identity(path: Path) -> tuple[int, int]:
    """Which file `path` is now: device and inode; (0, 0) if it is none, or has nothing in it."""
    try:
        about = os.stat(path)  # noqa: PTH116 - asked before each statement
    except OSError:
        return 0, 0
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        return 0, 0
    return about.st_dev, about.st_ino
