"""Copies of the log: making one that is whole, and telling one that may not be.

While the gateway runs, its newest records are in the file ``ledger.db-wal``.  Whoever copies
``ledger.db`` alone gets a log that lacks them and is good as far as it goes, because the chain does
not know how long it should be.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.ledger import redacted
from gateway.ledger.archives import Archives
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.rows import CHUNK
from gateway.locale import worded
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.note import parse
from gateway.vault.files import new_file

_SQLITE = b"SQLite format 3\0"
_WAL = b"\2\2"  # the versions that read and write it: bytes 18 and 19, section 1.3 of the format


def is_log(path: Path) -> bool:
    """Whether `path` is a SQLite file, and not an export.  Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def lacks_wal(path: Path) -> bool:
    """Whether `path` is a SQLite file in WAL mode without its ``-wal`` file, so that its newest
    records may be missing.

    A gateway that was stopped in good order leaves no such file either, and then nothing is
    missing: the file can't tell.  Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(20)
    if not head.startswith(_SQLITE) or head[18:] != _WAL:
        return False
    wal = Path(f"{path}-wal")
    return not (wal.exists() and wal.stat().st_size)


def copy_log(path: Path, to: Path) -> int:
    """Copy the log to a new file that needs no other, while the gateway writes it: the records in
    archives stand among the others there.

    Returns the number of records.  Raises LedgerUnavailable, OSError, and FileExistsError if there
    is a file `to`.
    """
    if not path.exists():
        raise LedgerUnavailable(worded("{path}: there is no log yet", path=path))
    with new_file(to) as part:
        try:
            uri = f"{path.absolute().as_uri()}?mode=ro"
            with (
                closing(sqlite3.connect(uri, uri=True, timeout=5)) as source,
                closing(sqlite3.connect(part)) as target,
            ):
                source.backup(target, pages=CHUNK)
                target.execute("PRAGMA journal_mode = DELETE")
                _add_archived(path, target)
                count = target.execute("SELECT count(*) FROM events").fetchone()[0]
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"{path}: {error}") from error
    return int(count)


def _add_archived(path: Path, target: sqlite3.Connection) -> None:
    """Bring the archives of the log at `path` into a copy of its file.

    Archives that were deleted stay named in the copy, which begins behind them.  Raises
    LedgerUnavailable, sqlite3.Error.
    """
    with closing(Archives(path)) as archives:
        archives.refresh(target)
        if not archives.all:
            return
        target.executescript(redacted.SCHEMA)
        for one in archives.all:
            if one.deleted:
                continue
            notes = archives.segment(one).closing.checkpoints
            for kept in archives.rows(one.first, one.last):
                row = (kept.seq, kept.body, kept.hash)
                target.execute("INSERT OR IGNORE INTO events VALUES (?, NULL, ?, ?)", row)
                redacted.keep(target, kept)
            target.executemany(
                "INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?)",
                [(one.origin, Checkpoint.parse(parse(note).text).size, note) for note in notes],
            )
        target.execute("DELETE FROM archives WHERE NOT deleted")
        target.commit()
