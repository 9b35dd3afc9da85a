"""The log's file: its tables, where its chain stands, and the begin of an origin.

Only the writer uses this, in its thread.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.ledger import archives, chain, marks, tree
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import NewEvent
from gateway.ledger.marks import Marks
from gateway.ledger.origin import Known, Loss, find_loss, follows
from gateway.locale import worded
from gateway.vault.files import adopt

log = logging.getLogger("garita.ledger.file")

BUSY_MS = 1000  # how long another program's lock on the file is waited for

ORIGINS = """
CREATE TABLE IF NOT EXISTS origins (
    first INTEGER PRIMARY KEY,  -- the number of the origin's first record
    chain TEXT NOT NULL,        -- its name, as in the ids of its records
    known_chain TEXT NOT NULL,  -- the record that somebody knew and the log did not hold:
    known_seq INTEGER NOT NULL  -- whoever knows it, or one before it, tells nothing new
);
"""
_TABLES = {
    "events": chain.SCHEMA,
    "clock_marks": marks.SCHEMA,
    "origins": ORIGINS,
    "tiles": tree.SCHEMA,
    "checkpoints": tree.CHECKPOINTS,
    "archives": archives.SCHEMA,
}


@dataclass(frozen=True, slots=True)
class End:
    """Where the log stands: the number and hash of its newest record, the marks of the clock, and
    the origin that this record is of: the number of its first record and the name of its chain."""

    seq: int
    digest: bytes
    marks: Marks
    first: int
    chain: str


def connect(
    path: Path, gateway: str, about: Mapping[str, Any] | None = None
) -> tuple[sqlite3.Connection, End]:
    """Open the file and read where the log stands; creates both if there is none.

    `about` is what the first record of a log that is created says beside its chain.  If it has
    ``not_before``, a time (RFC 3339, UTC), a clock that lies before it is wrong.

    Raises sqlite3.Error or OSError, also for a file that is not a log.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))
        adopt(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")  # what went into an archive may be redacted there
        present = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        for table, schema in _TABLES.items():
            if table not in present:
                db.executescript(f"BEGIN; {schema} COMMIT;")
        if db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is None:
            _begin_log(db, gateway, about or {})
        return db, _end(db)
    except (ValueError, KeyError, TypeError) as error:
        db.close()
        raise sqlite3.DatabaseError(worded("a record is damaged: {error}", error=error)) from error
    except BaseException:
        db.close()
        raise


def _end(db: sqlite3.Connection) -> End:
    first = db.execute("SELECT body FROM events WHERE seq = 1").fetchone()
    seq, body, digest = db.execute(
        "SELECT seq, body, hash FROM events ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    genesis = chain.to_event(1, first[0], b"", b"") if first else None
    if genesis is None or genesis.type != chain.CREATED:
        raise sqlite3.DatabaseError(worded("its first record is missing: not our log, or damaged"))
    chain.to_event(seq, body, digest, b"")
    begun = db.execute(
        "SELECT first, chain FROM origins WHERE first <= ? ORDER BY first DESC LIMIT 1", (seq,)
    ).fetchone()
    if begun is None:  # a log of before there were others
        begun = (1, str(genesis.data.get("chain", "")))
    return End(seq, bytes(digest), marks.read(db, seq), *begun)


def followed(db: sqlite3.Connection, first: int) -> dict[str, Any] | None:
    """What the origin that begins with record `first` says of the one before; None if it is the
    log's first."""
    row = db.execute("SELECT body, hash FROM events WHERE seq = ?", (first,)).fetchone()
    if row is None:
        return None
    told = chain.to_event(first, row[0], row[1], b"").data.get("follows")
    return told if isinstance(told, dict) else None


def chains(db: sqlite3.Connection) -> set[str]:
    """The names of all origins of the log."""
    found = {name for (name,) in db.execute("SELECT chain FROM origins")}
    body, digest = db.execute("SELECT body, hash FROM events WHERE seq = 1").fetchone()
    return found | {str(chain.to_event(1, body, digest, b"").data.get("chain", ""))}


def held_against(
    path: Path, db: sqlite3.Connection, end: End, known: Iterable[Known]
) -> Loss | None:
    """What the log lacks of that which is known elsewhere; None if nothing."""

    def hash_of(seq: int) -> str | None:
        row = db.execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
        if row is not None:
            return bytes(row[0]).hex()
        return next((kept.hash.hex() for kept in held.rows(seq, seq)), None)

    def comparable(one: Known) -> Known:
        """Without its hash, if the record is in an archive that is not to be had."""
        try:
            gone = one.seq <= held.last and hash_of(one.seq) is None
        except LedgerUnavailable as error:
            log.warning("what %s knows can't be compared: %s", one.source, error)
            gone = True
        return replace(one, hash="") if gone else one

    told = dict(db.execute("SELECT known_chain, max(known_seq) FROM origins GROUP BY known_chain"))
    news = [one for one in known if one.seq > told.get(one.chain, 0)]
    with closing(archives.Archives(path)) as held:
        held.refresh(db)
        comparables = [comparable(one) for one in news]
        return find_loss(comparables, chains=chains(db), last_seq=end.seq, hash_of=hash_of)


def begin_origin(db: sqlite3.Connection, gateway: str, end: End, loss: Loss) -> End:
    """Write the first record of a new origin, in a transaction of its own."""
    told = follows(loss, chain=end.chain, last_hash=end.digest.hex())
    return _begin(db, gateway, loss.next_seq, end.digest, end.marks, {"follows": told}, loss.known)


def _begin_log(db: sqlite3.Connection, gateway: str, about: Mapping[str, Any]) -> None:
    held = Marks(str(about.get("not_before", "")))
    _begin(db, gateway, 1, chain.GENESIS, held, about, Known("", "", 0))


def _begin(
    db: sqlite3.Connection,
    gateway: str,
    seq: int,
    prev: bytes,
    held: Marks,
    more: Mapping[str, Any],
    known: Known,
) -> End:
    """The first record names the chain; its random name goes into every event's id."""
    name, now = secrets.token_hex(8), datetime.now(UTC)
    event = NewEvent(chain.CREATED, gateway, {"chain": name, **more})
    body = chain.body_of(event, f"{name}-{seq}", now)
    digest = chain.link(prev, seq, chain.digest_of(body))
    held = held.after(chain.CREATED, chain.utc_text(now), sure=False)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq, body, digest))
    db.execute(
        "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?)", (seq, name, known.chain, known.seq)
    )
    marks.write(db, seq, held)
    db.execute("COMMIT")
    return End(seq, digest, held, seq, name)
