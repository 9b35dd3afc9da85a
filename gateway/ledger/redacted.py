"""Redacted records in a copy of the log, where they stand in the table `events` like the others.

The body of such a row is what is left of the record.  The table `redacted` has the digests of what
it was, so that chain and tree can be followed over it.  ledger.db itself never has this table:
records are redacted in archives only.
"""

from __future__ import annotations

import sqlite3

from gateway.ledger.segment import Kept, Redaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS redacted (
    seq  INTEGER PRIMARY KEY,
    act  TEXT NOT NULL,        -- the id of the record that says so
    body BLOB NOT NULL,        -- SHA-256 of the body that was
    leaf BLOB NOT NULL         -- SHA-256(0x00 || the body that was)
);
"""


def redactions(db: sqlite3.Connection) -> dict[int, Redaction]:
    """The redacted records of a copy, by number; none for a log.  Raises sqlite3.Error."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'redacted'").fetchone():
        return {}
    rows = db.execute("SELECT seq, act, body, leaf FROM redacted")
    return {int(seq): Redaction(str(act), bytes(a), bytes(b)) for seq, act, a, b in rows}


def keep(db: sqlite3.Connection, kept: Kept) -> None:
    """Write a record that was redacted into a copy, in the caller's transaction."""
    if kept.redacted is not None:
        one = kept.redacted
        row = (kept.seq, one.act, one.digest, one.leaf)
        db.execute("INSERT INTO redacted VALUES (?, ?, ?, ?)", row)
