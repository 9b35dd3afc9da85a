"""The form of a record and the chain that binds it to all before it.

A record's body is canonical JSON (keys sorted, no spaces, UTF-8) and its hash is

    SHA-256( hash of the record before | seq as 8 bytes, big endian | SHA-256( body ) )

with 32 zero bytes before the first.  So whoever gets only the digests of some bodies can still
follow the chain over them: an export may leave records out and be checked all the same
(gateway/ledger/export.py).  Records of earlier versions have the body itself in place of its
digest, and stay as they are.  No text fits both forms, because a body is longer than 32 bytes.

docs/ledger.md shows an independent check in twenty lines.  Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.ledger.event import Event, EventType, NewEvent

GENESIS = bytes(32)
CREATED = EventType.LEDGER_CREATED
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq  INTEGER PRIMARY KEY,
    id   TEXT,             -- only for events that could be handed in twice
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS events_id ON events (id) WHERE id IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""


def canonical(value: Mapping[str, Any]) -> str:
    """JSON in the one form that is hashed; raises ValueError for what JSON can't hold."""
    try:
        return _CANONICAL.encode(value)
    except TypeError as error:
        raise ValueError(str(error)) from error


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body_of(event: NewEvent, event_id: str, moment: datetime) -> str:
    """The canonical body of a new record."""
    text = canonical(
        {
            "id": event_id,
            "time": utc_text(event.time or moment),
            "type": event.type,
            "subject": event.subject,
            "data": event.data,
        }
    )
    text.encode()  # a lone surrogate is legal in a str, not in a file: refuse it here
    return text


def digest_of(body: str) -> bytes:
    """The digest of a body, 32 bytes: what the link of its record takes in."""
    return hashlib.sha256(body.encode()).digest()


def link(prev: bytes, seq: int, digest: bytes) -> bytes:
    """The hash of a record whose body has this digest, 32 bytes."""
    return hashlib.sha256(prev + seq.to_bytes(8, "big") + digest).digest()


def old_link(prev: bytes, seq: int, body: str) -> bytes:
    """The hash of a record as versions before 0.1.0's release wrote it, 32 bytes."""
    return hashlib.sha256(prev + seq.to_bytes(8, "big") + body.encode()).digest()


def fits(prev: bytes, seq: int, body: str, found: bytes) -> bool:
    """Whether `found` is the hash of this record after `prev`, in either form."""
    return found == link(prev, seq, digest_of(body)) or found == old_link(prev, seq, body)


def to_event(seq: int, body: str, digest: bytes, prev: bytes) -> Event:
    """A record as it is read back.  Raises ValueError, KeyError or TypeError for one that is not in
    its form."""
    item = json.loads(body)
    texts = (item["id"], item["time"], item["type"], item["subject"])
    if not isinstance(item["data"], dict) or not all(isinstance(text, str) for text in texts):
        raise TypeError("not in the form of a record")
    return Event(
        seq=seq,
        id=item["id"],
        time=item["time"],
        type=item["type"],
        subject=item["subject"],
        data=item["data"],
        hash=digest.hex(),
        prev=prev.hex(),
    )
