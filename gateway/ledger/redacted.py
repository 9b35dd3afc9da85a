"""Redacted records: whether what is left of them is what the log says, and how a copy keeps them.

In a copy of the log they stand in the table `events` like the others.  The body of such a row is
what is left of the record.  The table `redacted` has the digests of what it was, so that chain and
tree can be followed over it.  ledger.db itself never has this table: records are redacted in
archives only.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable

from gateway.ledger.event import EventType
from gateway.ledger.kept import Kept, Redaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS redacted (
    seq  INTEGER PRIMARY KEY,
    act  TEXT NOT NULL,        -- the id of the record that says so
    body BLOB NOT NULL,        -- SHA-256 of the body that was
    leaf BLOB NOT NULL,        -- SHA-256(0x00 || the body that was)
    old  INTEGER NOT NULL      -- 1: its hash is of an earlier version, and can't be followed
);
"""


def redactions(db: sqlite3.Connection) -> dict[int, Redaction]:
    """The redacted records of a copy, by number; none for a log.  Raises sqlite3.Error."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'redacted'").fetchone():
        return {}
    rows = db.execute("SELECT seq, act, body, leaf, old FROM redacted")
    return {
        int(seq): Redaction(str(act), bytes(body), bytes(leaf), bool(old))
        for seq, act, body, leaf, old in rows
    }


def keep(db: sqlite3.Connection, kept: Kept) -> None:
    """Write a record that was redacted into a copy, in the caller's transaction."""
    if kept.redacted is not None:
        one = kept.redacted
        row = (kept.seq, one.act, one.digest, one.leaf, int(one.old))
        db.execute("INSERT INTO redacted VALUES (?, ?, ?, ?, ?)", row)


class Redactions:
    """Holds what is left of records against the acts that redacted them (`ledger.redacted`)."""

    def __init__(self) -> None:
        self._left: dict[int, str] = {}
        self._said: dict[int, set[str]] = {}
        self._mark = f'"type":"{EventType.LEDGER_REDACTED}"}}'

    def take(self, kept: Kept) -> None:
        """The next record; those that were redacted count, and those that tell of it."""
        if kept.redacted is not None:
            self._left[kept.seq] = hashlib.sha256(kept.body.encode()).hexdigest()
        if not kept.body.endswith(self._mark):
            return
        try:
            for number, digest in json.loads(kept.body)["data"]["records"]:
                self._said.setdefault(int(number), set()).add(str(digest))
        except (ValueError, KeyError, TypeError):
            return  # not in its form: then nothing is said

    def finish(self, add: Callable[[int, str], None]) -> None:
        """All records were taken; `add(seq, what)` takes what is wrong."""
        for seq, digest in self._left.items():
            if digest not in self._said.get(seq, ()):
                add(seq, "what is left of the redacted record is not what the log says")
        for seq in sorted(self._said.keys() - self._left.keys()):
            add(seq, "the record was to be redacted, and is whole: redact it again")
