"""The databases of every schema version, as tests/data/make_schemas.py wrote them down."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.people.lookup import compare_names

FOLDER = Path(__file__).parents[2] / "data" / "schemas"
PIN = "4711"
ANA, BEN, EVA, VISITOR = (f"em4100:18:{number}" for number in (1001, 1002, 1003, 777))


def versions(kind: str) -> list[int]:
    """The schema versions of which there is a database."""
    return sorted(int(re.sub(r"\D", "", path.stem)) for path in FOLDER.glob(f"{kind}-*.sql"))


def make(kind: str, version: int, path: Path) -> Path:
    """That database as a file, as its program left it: with a write-ahead log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(compare_names(sqlite3.connect(path))) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(
            "BEGIN;" + (FOLDER / f"{kind}-{version:02}.sql").read_text("utf-8") + "COMMIT;"
        )
    return path
