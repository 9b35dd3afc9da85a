"""Copies of a database that others may be writing, and those that are kept before its schema
changes.

`copy_database` makes one whole copy by SQLite's online backup.  `keep_copy` makes it beside the
file, in the folder ``before-upgrade``, under a name with schema and time, checks it, and forgets
the oldest ones.  A copy has its name only when it is whole and on the disk: a process that is
killed leaves a hidden part, which the next one removes.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.locale import GaritaError, worded
from gateway.vault.files import adopt, new_file

FOLDER = "before-upgrade"
KEEP = 3
"""So many copies of one database stay."""
KEEP_DAYS = 30
"""So long a copy stays: what was erased from the database since is still in it."""
SPARE = 32 * 1024 * 1024
"""Bytes that have to stay free beside a copy: the log goes on meanwhile."""
_NAME = re.compile(r"(?P<name>.+\.db)\.schema(?P<schema>\d+)\.(?P<at>\d{8}T\d{6}Z)(?:\.\d+)?")


class CopyError(GaritaError, OSError):
    """The copy can't be made, or is not what it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A kept copy: of which schema version, and when it was made."""

    path: Path
    schema: int
    at: datetime


def copy_database(source: Path, to: Path, *, timeout_s: float = 30) -> None:
    """A whole copy of the database `source` at `to`, while others write it.

    The copy is one file, without write-ahead log.  Raises sqlite3.Error and OSError.
    """
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=timeout_s)) as live,
        closing(sqlite3.connect(to)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def size_of(path: Path) -> int:
    """How many bytes a database takes, with what its write-ahead log holds."""
    side = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (side.stat().st_size if side.exists() else 0)


def needed(path: Path) -> int:
    """How many bytes have to be free to change the schema of `path`: the copy, as much again for
    the write-ahead log of the change, and `SPARE`."""
    return 2 * size_of(path) + SPARE


def check_room(path: Path) -> None:
    """Raises CopyError if the disk of `path` has not enough room for a change of its schema."""
    free, wanted = shutil.disk_usage(path.parent).free, needed(path)
    if free < wanted:
        raise CopyError(
            worded(
                "{name} can't be brought up to this version: it takes {wanted} MB for the copy "
                "before it, and {free} MB are free",
                name=path.name,
                wanted=-(-wanted // 1_000_000),
                free=free // 1_000_000,
            )
        )


def keep_copy(
    path: Path,
    schema: int,
    *,
    now: datetime | None = None,
    check: Callable[[sqlite3.Connection], None] | None = None,
) -> Path:
    """Keep a copy of `path`, whose schema is about to change from version `schema`; returns it.

    It is made whole, read back (``PRAGMA integrity_check``, the schema version, and `check`), and
    synced before it gets its name.  The newest `KEEP` stay.  Raises CopyError if there is no room
    or the copy is not whole, OSError and sqlite3.Error.
    """
    check_room(path)
    folder = path.parent / FOLDER
    if not folder.exists():
        folder.mkdir(mode=0o700)
        adopt(folder)
    _sweep_sides(folder)
    at = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    to, again = folder / f"{path.name}.schema{schema}.{at}", 0
    while to.exists():
        again += 1
        to = folder / f"{path.name}.schema{schema}.{at}.{again}"
    with new_file(to, mode=0o600) as part:
        copy_database(path, part)
        verify(part, schema, check)
    prune(path)
    return to


def _sweep_sides(folder: Path) -> None:
    """Remove what SQLite left beside the part of a copier that was killed."""
    for side in folder.glob(".*.part-*"):
        if not side.with_name(side.name.rpartition("-")[0]).exists():
            side.unlink(missing_ok=True)


def verify(
    path: Path, schema: int, check: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Raises CopyError if the copy is not a whole database of version `schema`."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            said = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if said == "ok" and found == schema:
                if check is not None:
                    check(db)
                return
            said = said if said != "ok" else f"schema {found}"
    except sqlite3.DatabaseError as error:
        said = str(error)
    raise CopyError(worded("the copy {name} is not good: {why}", name=path.name, why=said))


def copies(path: Path) -> list[Copy]:
    """The copies that are kept of the database `path`, newest first; raises OSError."""
    folder, found = path.parent / FOLDER, []
    for item in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(item.name)
        if match is not None and match["name"] == path.name:
            at = datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            found.append(Copy(item, int(match["schema"]), at))
    return sorted(found, key=lambda one: (one.at, one.path.name), reverse=True)


def prune(path: Path, keep: int = KEEP) -> None:
    """Remove the copies of `path` beyond the newest `keep`; raises OSError."""
    for one in copies(path)[keep:]:
        one.path.unlink(missing_ok=True)


def forget(path: Path, today: date) -> int:
    """Remove the copies of `path` that were made more than `KEEP_DAYS` before `today`; returns how
    many went.  Raises OSError."""
    old = [one for one in copies(path) if (today - one.at.date()).days > KEEP_DAYS]
    for one in old:
        one.path.unlink(missing_ok=True)
    return len(old)
