"""The two times by which the gateway judges its clock, kept in the log's file beside the records.

`high` is the greatest time on record since the clock was last accepted (``clock.accepted``): a
clock that lies behind it is wrong.  `sure` is the greatest of them at which the clock was beyond
doubt (gateway/state/clock.py says when it is): nothing irreversible is done far beyond it.

The row is written in the transaction of the records that it takes in, so a kill or a power cut
leaves both or neither, and a start reads one row however long the log is.  It is not evidence: the
records alone say what happened.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from gateway.ledger.event import EventType

SCHEMA = """
CREATE TABLE IF NOT EXISTS clock_marks (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,  -- the newest record that is taken in
    high TEXT NOT NULL,
    sure TEXT NOT NULL      -- empty: the clock was never beyond doubt
);
"""
# A record's type stands last in its body: the keys of canonical JSON are sorted.
_ACCEPTED = f'%"type":"{EventType.CLOCK_ACCEPTED}"}}'
_TIME = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:*Z"


@dataclass(frozen=True, slots=True)
class Marks:
    """Times as records hold them (RFC 3339, UTC, milliseconds), which sort as text; "" is none."""

    high: str = ""
    sure: str = ""

    def after(self, kind: str, time: str, *, sure: bool) -> Marks:
        """What they are with one more record; `sure` says whether the clock is beyond doubt."""
        if kind == EventType.CLOCK_ACCEPTED:
            return Marks(time, time)
        return Marks(max(self.high, time), max(self.sure, time) if sure else self.sure)

    @property
    def newest(self) -> datetime | None:
        """`high` as a time."""
        return datetime.fromisoformat(self.high) if self.high else None

    @property
    def proven(self) -> datetime | None:
        """`sure` as a time."""
        return datetime.fromisoformat(self.sure) if self.sure else None


def read(db: sqlite3.Connection, last_seq: int) -> Marks:
    """The marks of a log that ends with record `last_seq`.

    A program of before this table wrote some or all of the records: those are read then.  A row
    that can't be of this log counts as none.  Raises sqlite3.Error.
    """
    known = _row(db)
    if known is None or known[0] > last_seq:
        high = max(_scan(db, 0, Marks()).high, _archived(db))
        return Marks(high, high)  # that program believed them all
    seq, marks = known
    return marks if seq == last_seq else _scan(db, seq, marks)


def write(db: sqlite3.Connection, seq: int, marks: Marks) -> None:
    """Keep the marks with record `seq` taken in, in the caller's transaction."""
    db.execute(
        "INSERT OR REPLACE INTO clock_marks (one, seq, high, sure) VALUES (1, ?, ?, ?)",
        (seq, marks.high, marks.sure),
    )


def _row(db: sqlite3.Connection) -> tuple[int, Marks] | None:
    row = db.execute("SELECT seq, high, sure FROM clock_marks").fetchone()
    if row is None:
        return None
    try:
        marks = Marks(str(row[1]), str(row[2]))
        if marks.newest is None or (marks.proven is None and marks.sure):
            return None
        return int(row[0]), marks
    except (ValueError, TypeError):
        return None


def _archived(db: sqlite3.Connection) -> str:
    """The greatest time in the archives (archives.py), whatever was accepted meanwhile: a clock
    that is doubted too much is accepted by an operator."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'archives'").fetchone():
        return ""
    return str(db.execute("SELECT coalesce(max(time), '') FROM archives").fetchone()[0])


def _scan(db: sqlite3.Connection, after: int, marks: Marks) -> Marks:
    """`marks` with the records after number `after`; reads them all."""
    accepted = db.execute(
        "SELECT seq, json_extract(body, '$.time') FROM events "
        "WHERE seq > ? AND body LIKE ? AND json_valid(body) ORDER BY seq DESC LIMIT 1",
        (after, _ACCEPTED),
    ).fetchone()
    if accepted is not None:
        after, marks = accepted[0], Marks(accepted[1], accepted[1])
    high = db.execute(
        "SELECT max(json_extract(body, '$.time')) FROM events WHERE seq > ? "
        "AND json_valid(body) AND json_extract(body, '$.time') GLOB ?",
        (after, _TIME),
    ).fetchone()[0]
    return Marks(max(marks.high, high or ""), marks.sure)
