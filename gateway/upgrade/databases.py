"""The databases of a site, with the schema versions that they have and that this program makes.

Reads files, writes none but temporary copies of its own.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings
from gateway.locale import worded
from gateway.patterns.state import VERSION as PATTERNS_VERSION
from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable
from gateway.people.schema import migrate
from gateway.vault.copies import copy_database


@dataclass(frozen=True, slots=True)
class Database:
    """One file: which schema version it has and which one this program works with."""

    path: Path
    found: int
    wanted: int

    @property
    def changes(self) -> bool:
        """Whether this program brings it up to another version."""
        return 0 < self.found < self.wanted

    @property
    def newer(self) -> bool:
        """Whether a newer program made it."""
        return self.found > self.wanted


def databases(settings: Settings) -> list[Database]:
    """Those of the site's databases that are there and have a schema version.

    The log has none: its tables are added to and never changed, and so is `console.db`.  Raises
    sqlite3.Error and OSError.
    """
    wanted = {
        settings.people_path: SCHEMA_VERSION,
        settings.patterns_path: PATTERNS_VERSION,
    }
    return [Database(path, version_of(path), n) for path, n in wanted.items() if path.exists()]


def version_of(path: Path) -> int:
    """The schema version of a database (``PRAGMA user_version``)."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def list_of(path: Path) -> Iterator[Path]:
    """A people.db of this program's schema to read from: `path` itself, or a migrated copy of it in
    a folder that only this account may read, which is removed at the end.

    Raises RosterUnavailable if there is no list, or a newer program made it.
    """
    try:
        if version_of(path) == SCHEMA_VERSION:
            yield path
            return
    except sqlite3.Error as error:
        raise RosterUnavailable(f"{path}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="garita-") as folder:
        copy = Path(folder) / path.name
        try:
            copy_database(path, copy)
        except (sqlite3.Error, OSError) as error:
            raise RosterUnavailable(f"{path}: {error}") from error
        migrate(copy, keep=False)
        if version_of(copy) != SCHEMA_VERSION:
            raise RosterUnavailable(worded("{path} is not a list", path=path))
        yield copy
