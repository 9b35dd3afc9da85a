"""What may be wrong with the log."""

from __future__ import annotations

import sqlite3

from gateway.locale import GaritaError


class LedgerUnavailable(GaritaError):
    """The record is not known to be on disk; whatever depended on it must not happen."""


class LedgerDamaged(LedgerUnavailable):
    """The file is not as it was written: a person has to look at it."""


class LedgerBusy(GaritaError):
    """Another process writes this log; `pid` is its number, 0 if it is not known."""

    def __init__(self, message: object, pid: int = 0) -> None:
        super().__init__(message)
        self.pid = pid


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong; not that it can't be read or written just now."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    # Without a code it is our own, for a record not in its form, or Python's, for a text not UTF-8.
    return type(error) is sqlite3.DatabaseError or "UTF-8" in str(error)
