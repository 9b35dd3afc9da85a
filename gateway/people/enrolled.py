"""Which face templates there are: whose, of which model, since when.  Never what is in them.

Read-only, standard library; raises RosterUnavailable if the list can't be read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.people.lookup import RosterUnavailable


def enrolled(path: Path) -> list[tuple[str, str, str, str]]:
    """(person id, name, model, created_at as RFC 3339 text) of every template of people on the
    list; none if there is no list yet."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA busy_timeout = 2000")
            rows = db.execute(
                "SELECT t.person_id, p.name, t.model, t.created_at "
                "FROM template t JOIN person p ON p.id = t.person_id ORDER BY t.person_id"
            ).fetchall()
    except sqlite3.Error as error:
        raise RosterUnavailable(f"{path}: {error}") from error
    return [(str(a), str(b), str(c), str(d)) for a, b, c, d in rows]
