"""The archives of a log: which stretches of its records are in files of their own.

They lie in the folder ``archive`` beside ``ledger.db``, which may be a mount or a link to one.  The
table `archives` in ledger.db names them.  A stretch is in the table before its records leave
`events`, so whoever reads `events` first and the table afterwards misses nothing.

The first record of each origin stays in `events` as well.  Ids that may be handed in again are kept
in the table `archived_ids`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.kept import Kept
from gateway.ledger.segment import Segment
from gateway.locale import worded

FOLDER = "archive"
SUFFIX = ".jsonl.zst"

SCHEMA = """
CREATE TABLE IF NOT EXISTS archives (
    last    INTEGER PRIMARY KEY,   -- the number of its last record
    first   INTEGER NOT NULL,
    origin  INTEGER NOT NULL,      -- the number of the origin's first record
    file    TEXT NOT NULL,         -- its name in the folder `archive`
    hash    BLOB NOT NULL,         -- of the last record
    roots   BLOB NOT NULL,         -- of the complete subtrees over the origin up to `last`
    time    TEXT NOT NULL,         -- the latest on record in it
    types   TEXT NOT NULL,         -- JSON: how many records of each type
    bytes   INTEGER NOT NULL,      -- of the file
    deleted INTEGER NOT NULL       -- 1: its time was over, and the file was deleted
);
CREATE TABLE IF NOT EXISTS archived_ids (
    id  TEXT PRIMARY KEY,          -- an id that could be handed in again
    seq INTEGER NOT NULL
) WITHOUT ROWID;
DROP TRIGGER IF EXISTS events_no_delete;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM archives)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class Archive:
    """One row of the table."""

    first: int
    last: int
    origin: int
    file: str
    hash: bytes
    roots: bytes
    time: str
    types: str
    bytes: int
    deleted: int

    def may_hold(self, kinds: tuple[str, ...]) -> bool:
        """Whether it has a record of one of these types."""
        return any(f'"{kind}":' in self.types for kind in kinds)


class Archives:
    """The archives of the log at `path`, read one file at a time.  `refresh` reads the table."""

    def __init__(self, path: Path) -> None:
        self._folder = path.absolute().parent / FOLDER
        self._open: Segment | None = None
        self._seen = (0, 0)
        self.all: list[Archive] = []
        self.last = 0
        """The newest record that is in an archive; 0 if there is no archive."""

    def refresh(self, db: sqlite3.Connection) -> None:
        """Read the table again if it changed.  Raises sqlite3.Error."""
        try:
            last, deleted = db.execute(
                "SELECT coalesce(max(last), 0), coalesce(sum(deleted), 0) FROM archives"
            ).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return  # a log of before there were archives
            raise
        if (last, deleted) != self._seen:
            self.all = list_of(db)
            self.last, self._seen = last, (last, deleted)

    @property
    def begins(self) -> int:
        """The first record that is still to be had: 1, unless archives were deleted."""
        return max((one.last + 1 for one in self.all if one.deleted), default=1)

    def rows(self, begin: int, end: int) -> Iterator[Kept]:
        """The archived records from `begin` to `end`, in order, without those whose archives were
        deleted.  Raises LedgerUnavailable if a file can't be read."""
        for one in self.all:
            if one.first <= end and one.last >= begin and not one.deleted:
                yield from self.segment(one).rows(begin, end)

    def leaves(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """The numbers and leaf hashes of the archived records from `begin` to `end`, as `rows`."""
        for one in self.all:
            if one.first <= end and one.last >= begin and not one.deleted:
                yield from self.segment(one).leaves(begin, end)

    def holding(self, *texts: str, kinds: tuple[str, ...] = ()) -> Iterator[Kept]:
        """Records in whose text one of `texts` stands, the newest first; in archives with one of
        `kinds`, if any are given."""
        for one in reversed(self.all):
            if not one.deleted and (not kinds or one.may_hold(kinds)):
                yield from self.segment(one).holding(*texts)

    def segment(self, one: Archive) -> Segment:
        """The archive, open; it stays open until another one is asked for.

        Raises LedgerUnavailable.
        """
        path = self.path(one)
        if self._open is not None and self._open.path == path and self._open.is_current():
            return self._open
        self.close()
        try:
            found = Segment(path)
        except OSError as error:
            why = error.strerror or str(error)
            said = worded(
                "records {first} to {last} are in {path}: {error}",
                first=one.first,
                last=one.last,
                path=path,
                error=why,
            )
            raise LedgerUnavailable(said) from error
        self._open = found
        return found

    def path(self, one: Archive) -> Path:
        """Where the archive's file is."""
        return self._folder / Path(one.file).name

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._open is not None:
            self._open.close()
            self._open = None


def list_of(db: sqlite3.Connection) -> list[Archive]:
    """The table, in order.  Raises sqlite3.Error."""
    rows = db.execute(
        "SELECT first, last, origin, file, hash, roots, time, types, bytes, deleted "
        "FROM archives ORDER BY last"
    )
    return [Archive(*row) for row in rows]


def registered(path: Path) -> list[Archive]:
    """The archives that the log at `path` names, in order.  Raises LedgerUnavailable."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'archives'").fetchone():
                return []
            return list_of(db)
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"{path}: {error}") from error


def archived_seq(db: sqlite3.Connection, event_id: str) -> int | None:
    """The number of the archived record that was handed in with this id."""
    row = db.execute("SELECT seq FROM archived_ids WHERE id = ?", (event_id,)).fetchone()
    return int(row[0]) if row else None


def file_name(chain: str, first: int, last: int) -> str:
    """The name of an archive: names sort as their records do."""
    return f"{first:012d}-{last:012d}-{chain}{SUFFIX}"


def enter(db: sqlite3.Connection, one: Archive) -> None:
    """Write the row of a new archive.  Raises sqlite3.Error."""
    row = (
        *(one.last, one.first, one.origin, one.file, one.hash, one.roots),
        *(one.time, one.types, one.bytes, one.deleted),
    )
    db.execute("INSERT INTO archives VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


_LEFT = (
    "SELECT seq, id FROM events WHERE seq <= (SELECT max(last) FROM archives) AND seq <> 1 "
    "AND seq NOT IN (SELECT first FROM origins) ORDER BY seq LIMIT ?"
)


def is_pruned(db: sqlite3.Connection) -> bool:
    """Whether all records that are in archives have left `events`."""
    return db.execute(_LEFT, (1,)).fetchone() is None


def prune(db: sqlite3.Connection, most: int) -> bool:
    """Take up to `most` records that are in archives out of `events`, with the hashes and
    checkpoints that the archives hold too, in the caller's transaction; whether any were left."""
    rows = db.execute(_LEFT, (most,)).fetchall()
    if not rows:
        return False
    first, last = rows[0][0], rows[-1][0]
    ids = [(given, seq) for seq, given in rows if given is not None]
    db.executemany("INSERT OR IGNORE INTO archived_ids VALUES (?, ?)", ids)
    db.executemany("DELETE FROM events WHERE seq = ?", [(seq,) for seq, _ in rows])
    # Some of the first and the last tile's records may still be here: the tile waits for them.
    db.execute(
        "UPDATE tiles SET hashes = x'' WHERE level = 0 AND hashes <> x'' "
        "AND origin = (SELECT origin FROM archives WHERE last >= ? ORDER BY last LIMIT 1) "
        "AND idx >= (? - origin) / 256 - 1 AND origin + (idx + 1) * 256 - 1 <= ?",
        (last, first, last),
    )
    db.execute(
        "DELETE FROM checkpoints AS c WHERE c.origin + c.size - 1 <= ? "
        "AND c.size < (SELECT max(size) FROM checkpoints WHERE origin = c.origin)",
        (last,),
    )
    return True
