"""What the patterns have learnt, in memory and in SQLite.

A detector keeps books: dictionaries from a text to JSON values.  A book knows which entries were
opened since the last save, so a save writes what changed, in one transaction with the day up to
which it is true.  A process that is killed loses what it had not saved, and looks at those days
again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.locale import GaritaError, worded
from gateway.vault.databases import SIDES, damage_of
from gateway.vault.statefile import Damage, put_aside

VERSION = 1
"""Raised with the form of what is kept; a file of another version is learnt anew from the log."""

OTHER_VERSION = "another version"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS learnt (
    detector TEXT NOT NULL, book TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (detector, book, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class PatternsUnavailable(GaritaError):
    """What was learnt can't be read or written."""


class Book(dict[str, Any]):
    """Entries by key; `open` is for those that will change."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()
        self.gone: set[str] = set()

    def open(self, key: str, make: Callable[[], Any]) -> Any:
        """The entry to change, made if it is missing."""
        self.changed.add(key)
        found = self.get(key)
        if found is None:
            found = self[key] = make()
        return found

    def put(self, key: str, value: Any) -> None:
        """Set an entry."""
        self.changed.add(key)
        self[key] = value

    def drop(self, key: str) -> None:
        """Forget an entry."""
        if self.pop(key, None) is not None:
            self.gone.add(key)
        self.changed.discard(key)


class Books:
    """The books of one detector."""

    def __init__(self) -> None:
        self._all: dict[str, Book] = {}

    def book(self, name: str) -> Book:
        """The book of that name."""
        return self._all.setdefault(name, Book())

    def __iter__(self) -> Iterator[tuple[str, Book]]:
        return iter(self._all.items())


class Store:
    """The file patterns.db; `path` None keeps all in memory.

    Raises PatternsUnavailable.  A damaged file or one of another version is put aside: what was
    learnt comes from the log again.  `damage` tells of the one, None of the other.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.damage: Damage | None = None
        self._books: dict[str, Books] = {}
        self.progress: dict[str, Any] = {}
        if path is not None:
            self._load(path)

    def books(self, detector: str) -> Books:
        """The books of that detector."""
        return self._books.setdefault(detector, Books())

    def save(self) -> None:
        """Write what changed, with `progress`, in one transaction."""
        if self._path is None:
            return
        try:
            with closing(self._open(self._path)) as db, db:
                db.execute("BEGIN IMMEDIATE")
                for detector, books in self._books.items():
                    for name, book in books:
                        db.executemany(
                            "DELETE FROM learnt WHERE detector = ? AND book = ? AND key = ?",
                            [(detector, name, key) for key in book.gone],
                        )
                        db.executemany(
                            "INSERT OR REPLACE INTO learnt VALUES (?, ?, ?, ?)",
                            [
                                (detector, name, key, json.dumps(book[key]))
                                for key in book.changed
                                if key in book
                            ],
                        )
                db.executemany(
                    "INSERT OR REPLACE INTO progress VALUES (?, ?)",
                    [(name, json.dumps(value)) for name, value in self.progress.items()],
                )
            for books in self._books.values():
                for _, book in books:
                    book.changed.clear()
                    book.gone.clear()
        except (sqlite3.Error, OSError) as error:
            raise PatternsUnavailable(
                worded("{path} can't be written: {error}", path=self._path, error=str(error))
            ) from error

    def _load(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            why = damage_of(path) if os.path.lexists(path) else ""
            if not why and path.exists():
                why = self._read(path)
            if why:
                aside = put_aside(path, *SIDES)
                self._books, self.progress = {}, {}
                if why != OTHER_VERSION:
                    self.damage = Damage(path.name, why, "learnt_from_log", aside)
        except (sqlite3.Error, OSError) as error:
            raise PatternsUnavailable(
                worded("{path} can't be read: {error}", path=path, error=str(error))
            ) from error

    def _read(self, path: Path) -> str:
        """Take in what the file holds; returns why it can't be used, "" if it can."""
        try:
            with closing(sqlite3.connect(path, timeout=10)) as db:
                if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                    return OTHER_VERSION
                for detector, book, key, value in db.execute("SELECT * FROM learnt"):
                    self.books(detector).book(book)[key] = json.loads(value)
                for name, value in db.execute("SELECT * FROM progress"):
                    self.progress[name] = json.loads(value)
        except (ValueError, TypeError) as error:
            return f"{path.name} is damaged: {error}"
        return ""

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=10)
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
        return db
