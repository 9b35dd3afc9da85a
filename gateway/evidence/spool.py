"""Rows of tables on disk while a packet is made, so that a year of badges takes no memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.evidence.model import Row

_BATCH = 1000


class Spool:
    """Rows by table, in the order in which they were added.

    It is a file of its own beside the packet that is being made, and goes with it.  Raises
    sqlite3.Error if the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE rows (tbl TEXT, n INTEGER, cells TEXT, records TEXT,"
            " PRIMARY KEY (tbl, n)) WITHOUT ROWID"
        )
        self._counts: dict[str, int] = {}
        self._waiting: list[tuple[str, int, str, str]] = []

    def add(self, table: str, cells: Mapping[str, Any], records: tuple[int, ...]) -> None:
        """Add a row."""
        at = self._counts.get(table, 0)
        self._counts[table] = at + 1
        told = json.dumps(cells, ensure_ascii=False), json.dumps(records)
        self._waiting.append((table, at, *told))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self._counts.get(table, 0)

    def rows(self, table: str) -> Iterator[Row]:
        """All rows of a table, in order."""
        self._flush()
        sql = "SELECT cells, records FROM rows WHERE tbl = ? ORDER BY n"
        for cells, records in self._db.execute(sql, (table,)):
            yield _row(cells, records)

    def row(self, table: str, at: int) -> Row:
        """The row number `at`, from 0.  Raises IndexError if there is none."""
        self._flush()
        sql = "SELECT cells, records FROM rows WHERE tbl = ? AND n = ?"
        found = self._db.execute(sql, (table, at)).fetchone()
        if found is None:
            raise IndexError(at)
        return _row(*found)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


def _row(cells: str, records: str) -> Row:
    return Row(json.loads(cells), tuple(json.loads(records)))
