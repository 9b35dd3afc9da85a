"""Known regular visitors: the policy may excuse them from the ID; the log has them like others."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import stamp, writing
from gateway.desk.text import clean
from gateway.desk.visits.visit import Visit
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.locale.text import name_key
from gateway.people.schema import put_event

LETTERS = 3
"""So many letters are typed before names are looked for."""
_NEWEST = 3000  # of the visits that are looked through for people who came before


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who came before or is known to come often, as a new visit is filled in with it.

    `host` is whom they visited last, "" if they never came.  `last_at` is when (RFC 3339, UTC).
    """

    name: str
    company: str
    host: str = ""
    last_at: str = ""
    regular: bool = False


def known(connection: sqlite3.Connection, typed: str, limit: int = 8) -> list[Known]:
    """Who has a name or company of which words begin as `typed` does: known regular visitors
    first, then others who were here before, the last one first.  Empty for fewer than LETTERS
    letters.  Looks at the newest 3,000 visits."""
    wanted = name_key(typed[:200]).split()
    if sum(map(len, wanted)) < LETTERS:
        return []
    found: dict[str, Known] = {}
    for key, name, company in connection.execute(
        "SELECT key, name, company FROM regular_visitor ORDER BY key"
    ):
        found[key] = Known(name, company, regular=True)
    # Beside max() SQLite takes the other columns of the same row: the last visit.
    rows = connection.execute(
        "SELECT name, company, host, arrived_at, max(id) FROM "
        "(SELECT * FROM visit ORDER BY id DESC LIMIT ?) WHERE arrived_at IS NOT NULL "
        "GROUP BY name, company ORDER BY max(id)",
        (_NEWEST,),
    )
    for name, company, host, at, _id in rows:
        key = _regular_key(name, company)
        item = found.get(key)
        found[key] = Known(
            item.name if item and item.regular else name,
            item.company if item and item.regular else company,
            host,
            at,
            regular=bool(item and item.regular),
        )
    fitting = [
        (not item.regular, item) for key, item in found.items() if _begins(key.split(), wanted)
    ]
    fitting.sort(key=lambda pair: pair[1].last_at, reverse=True)
    fitting.sort(key=lambda pair: pair[0])
    return [item for _, item in fitting[:limit]]


def _begins(words: list[str], wanted: list[str]) -> bool:
    return all(any(word.startswith(part) for word in words) for part in wanted)


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
