"""Badges that were reported lost: from the next reading on they are nobody's, whatever lists say.

The person keeps access by their other badges.  Functions over a sqlite3 connection to people.db,
each one act with its event in one transaction; they raise sqlite3.Error if it can't be written.
Standard library only.
"""

from __future__ import annotations

import sqlite3

from gateway.decide.model import Credential
from gateway.ledger.event import EventType
from gateway.people import losses
from gateway.people.schema import now_text, put_event


def lose(
    db: sqlite3.Connection, person: str, place: int, masked: str, *, why: str, by: str
) -> bool:
    """Take a badge out of use.

    It is the one at `place` (from 1) of the person's badges by number, and `masked` is how it was
    shown: a screen names a badge without its number.  False if there is no such badge (the list may
    have changed meanwhile), or it is lost already.
    """
    with db:
        db.execute("BEGIN IMMEDIATE")
        badge = _badge(db, person, place, masked)
        if badge is None:
            return False
        done = db.execute(
            "INSERT OR IGNORE INTO lost_badge (key, person_id, at, why, by) VALUES (?, ?, ?, ?, ?)",
            (badge.key, person, now_text(), why, by),
        ).rowcount
        if done:
            losses.put_act(db, person, "fewer_badges", by=by, why=why, detail=badge.masked)
            _record(db, EventType.PEOPLE_BADGE_LOST, person, badge, why, by)
    return bool(done)


def find(
    db: sqlite3.Connection, person: str, place: int, masked: str, *, why: str, by: str
) -> bool:
    """Take it into use again; arguments and answer as for `lose`."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        badge = _badge(db, person, place, masked)
        if badge is None:
            return False
        done = db.execute(
            "DELETE FROM lost_badge WHERE key = ? AND person_id = ?", (badge.key, person)
        ).rowcount
        if done:
            _record(db, EventType.PEOPLE_BADGE_FOUND, person, badge, why, by)
    return bool(done)


def _badge(db: sqlite3.Connection, person: str, place: int, masked: str) -> Credential | None:
    row = db.execute(
        "SELECT key FROM credential WHERE person_id = ? ORDER BY key LIMIT 1 OFFSET ?",
        (person, max(0, place - 1)),
    ).fetchone()
    badge = Credential(*row[0].split(":", 2)) if row else None
    return badge if badge is not None and badge.masked == masked else None


def _record(
    db: sqlite3.Connection, kind: EventType, person: str, badge: Credential, why: str, by: str
) -> None:
    put_event(db, kind, person, {"badge": badge.masked, "reason": why, "by": by})
