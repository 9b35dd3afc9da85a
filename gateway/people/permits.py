"""Doors and areas open to one person for a while, and people who pass with an escort alone.

Functions over a sqlite3 connection to people.db, each one act with its event in one transaction;
they raise sqlite3.Error if it can't be written.  Standard library only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.ledger.event import EventType
from gateway.people import losses
from gateway.people.schema import now_text, put_event


@dataclass(frozen=True, slots=True)
class Grant:
    """`kind` is ``door`` or ``area``, `target` its name; `since` and `until` are UTC."""

    id: int
    person: str
    kind: str
    target: str
    since: datetime
    until: datetime
    why: str = ""
    by: str = ""


def add_grant(
    connection: sqlite3.Connection,
    person: str,
    kind: str,
    target: str,
    since: datetime,
    until: datetime,
    *,
    why: str,
    by: str,
) -> int:
    """Give a grant; returns its number, or 0 if nobody has that id."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        done = connection.execute(
            "INSERT INTO temporary_grant (person_id, kind, target, since, until, why, by, set_at) "
            "SELECT id, ?, ?, ?, ?, ?, ?, ? FROM person WHERE id = ?",
            (kind, target, _text(since), _text(until), why, by, now_text(), person),
        )
        if not done.rowcount:
            return 0
        number = int(done.lastrowid or 0)
        data = {
            "grant": number,
            "kind": kind,
            "target": target,
            "since": _text(since),
            "until": _text(until),
            "reason": why,
            "by": by,
        }
        put_event(connection, EventType.GRANT_GIVEN, person, data)
    return number


def end_grant(connection: sqlite3.Connection, number: int, *, by: str) -> bool:
    """End one now; False if there is none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(
            "SELECT person_id, kind, target, until FROM temporary_grant WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            return False
        connection.execute("DELETE FROM temporary_grant WHERE id = ?", (number,))
        if _time(row[3]) > datetime.now(UTC):
            losses.put_act(connection, row[0], "grant", by=by, detail=f"{row[1]} {row[2]}")
        data = {"grant": number, "kind": row[1], "target": row[2], "by": by}
        put_event(connection, EventType.GRANT_ENDED, row[0], data)
    return True


def grants(connection: sqlite3.Connection, person: str = "") -> list[Grant]:
    """Those of a person, or all, by when they end; those that are over too."""
    found = connection.execute(
        "SELECT id, person_id, kind, target, since, until, why, by FROM temporary_grant "
        "WHERE ? = '' OR person_id = ? ORDER BY until, id",
        (person, person),
    )
    return [
        Grant(number, who, kind, target, _time(since), _time(until), why or "", by or "")
        for number, who, kind, target, since, until, why, by in found
    ]


def set_escort(
    connection: sqlite3.Connection, person: str, escorts: Sequence[str] | None, *, by: str
) -> bool:
    """Let a person pass with an escort alone: one of `escorts`, or (if empty) anybody who may
    escort; None takes that back.  False if nobody has that id, or there is nothing to do."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if escorts is None:
            done: object = connection.execute(
                "DELETE FROM escort WHERE person_id = ?", (person,)
            ).rowcount
        else:
            done = connection.execute("SELECT 1 FROM person WHERE id = ?", (person,)).fetchone()
            if done:
                put_escort(connection, person, escorts, by=by)
        if done and escorts is None:
            put_event(connection, EventType.ESCORT_CLEARED, person, {"escorts": [], "by": by})
    return bool(done)


def put_escort(
    connection: sqlite3.Connection, person: str, escorts: Sequence[str], *, by: str
) -> None:
    """As `set_escort`, inside the caller's transaction; `person` may be a visit's too."""
    connection.execute(
        "INSERT OR REPLACE INTO escort (person_id, escorts, set_at, by) VALUES (?, ?, ?, ?)",
        (person, json.dumps(list(escorts)), now_text(), by),
    )
    put_event(connection, EventType.ESCORT_SET, person, {"escorts": list(escorts), "by": by})


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
