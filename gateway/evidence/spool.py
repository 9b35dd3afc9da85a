"""Rows of tables on disk while a packet is made, so that a year of badges takes no memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.evidence.model import Row

_BATCH = 1000
_encoded = json.JSONEncoder(ensure_ascii=False).encode  # made once: a month has a million rows
WITHHELD = "\u2014"
"""What stands in a cell that a redacted edition withholds."""


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
        self._masks: dict[str, frozenset[str]] = {}

    def add(self, table: str, cells: Mapping[str, Any], records: tuple[int, ...]) -> None:
        """Add a row."""
        at = self._counts.get(table, 0)
        self._counts[table] = at + 1
        told = _encoded(cells), _encoded(records)
        self._waiting.append((table, at, *told))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def mask(self, table: str, keys: Collection[str]) -> None:
        """From now on withhold these cells of a table, wherever they have a value."""
        self._masks[table] = frozenset(keys)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self._counts.get(table, 0)

    def rows(self, table: str) -> Iterator[Row]:
        """All rows of a table, in order."""
        self._flush()
        mask = self._masks.get(table, frozenset())
        sql = "SELECT cells, records FROM rows WHERE tbl = ? ORDER BY n"
        for cells, records in self._db.execute(sql, (table,)):
            yield _row(cells, records, mask)

    def row(self, table: str, at: int) -> Row:
        """The row number `at`, from 0.  Raises IndexError if there is none."""
        self._flush()
        sql = "SELECT cells, records FROM rows WHERE tbl = ? AND n = ?"
        found = self._db.execute(sql, (table, at)).fetchone()
        if found is None:
            raise IndexError(at)
        cells, records = found
        return _row(cells, records, self._masks.get(table, frozenset()))

    def quoted(self, tables: Collection[str]) -> Iterator[int]:
        """The numbers of the records that rows of these tables name, in no order."""
        self._flush()
        for table in tables:
            for (records,) in self._db.execute("SELECT records FROM rows WHERE tbl = ?", (table,)):
                yield from json.loads(records)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


def _row(cells: str, records: str, mask: frozenset[str]) -> Row:
    values = json.loads(cells)
    for key in mask & values.keys():
        if values[key] not in ("", None, [], {}):
            values[key] = WITHHELD
    return Row(values, tuple(json.loads(records)))
