"""Facts out of records whose form nobody vouches for, and acts that wait in the outbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import date

from gateway.ledger.event import Event


def outbox(db: sqlite3.Connection, types: Iterable[str]) -> list[Event]:
    """Acts of these types that wait in the outbox, in order, as records with the number 0."""
    kinds = tuple(types)
    rows = db.execute(
        "SELECT id, created_at, type, subject, data FROM outbox "  # noqa: S608 - all marks
        f"WHERE type IN ({', '.join('?' * len(kinds))}) ORDER BY rowid",
        kinds,
    )
    return [
        Event(0, key, at, kind, subject, json.loads(data), "", "")
        for key, at, kind, subject, data in rows
    ]


def who(event: Event) -> str:
    """Who did it: the person's name if the record has one, else the account."""
    return text(event.data.get("by_name")) or text(event.data.get("by"))


def text(value: object) -> str:
    """A text, or "" for anything else."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list; () for anything else."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def numbers(value: object) -> tuple[int, ...]:
    """The whole numbers of a list; () for anything else."""
    return tuple(one for one in value if type(one) is int) if isinstance(value, list) else ()


def day(value: object) -> str:
    """A day as ISO text, or "" for anything else."""
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) and value else ""
    except ValueError:
        return ""
