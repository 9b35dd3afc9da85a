"""Known regular visitors: the policy may excuse them from the ID; the log has them like others."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import stamp, writing
from gateway.desk.text import clean
from gateway.desk.visits.visit import Visit
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.locale.text import name_key
from gateway.people.schema import put_event


def set_regular(
    connection: sqlite3.Connection,
    name: str,
    company: str,
    *,
    regular: bool,
    by: str,
    now: datetime,
    criteria: Criteria | None = None,
) -> bool:
    """Make somebody a known regular visitor, or (`regular` False) no longer.  Returns False if
    nothing changed."""
    name = clean(name, N_("name"), most=120)
    company = clean(company, N_("company"), most=120, needed=False)
    with writing(connection):
        if regular:
            done = connection.execute(
                "INSERT INTO regular_visitor (key, name, company, added_at, by) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (_regular_key(name, company), name, company, stamp(now), by),
            ).rowcount
        else:
            done = connection.execute(
                "DELETE FROM regular_visitor WHERE key = ?", (_regular_key(name, company),)
            ).rowcount
        if done:
            kind = EventType.VISIT_REGULAR_ADDED if regular else EventType.VISIT_REGULAR_REMOVED
            marks = (criteria or standard()).marks(kind)
            data = {"name": name, "company": company, "by": by, **marks}
            put_event(connection, kind, name, data)
    return bool(done)


def regulars(connection: sqlite3.Connection) -> list[dict[str, str]]:
    """The known regular visitors, by name."""
    rows = connection.execute(
        "SELECT name, company, added_at, by FROM regular_visitor ORDER BY key"
    )
    return [dict(zip(("name", "company", "added_at", "by"), row, strict=True)) for row in rows]


def is_regular(connection: sqlite3.Connection, visit: Visit) -> bool:
    """Whether the visitor of that name and company is a known regular one."""
    found = connection.execute(
        "SELECT 1 FROM regular_visitor WHERE key = ?", (_regular_key(visit.name, visit.company),)
    )
    return found.fetchone() is not None


def _regular_key(name: str, company: str) -> str:
    return f"{name_key(name)}\n{name_key(company)}"
