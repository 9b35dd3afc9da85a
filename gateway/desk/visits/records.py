"""Visits in people.db: rows in, `Visit` out.

The acts call `insert`, `save` and `event` inside their own transaction; this module never commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, fields, replace
from datetime import datetime

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import stamp
from gateway.desk.errors import Conflict, NotFound
from gateway.desk.visits.visit import STATES, Plan, Visit
from gateway.ledger.operator import Operator
from gateway.locale.text import name_key
from gateway.people.schema import put_event

_COLUMNS = tuple(item.name for item in fields(Visit))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM visit"  # noqa: S608 - our own names
_FLAGS = ("escort", "regular")


def get(connection: sqlite3.Connection, visit_id: int) -> Visit:
    """One visit; raises NotFound."""
    return load(connection, visit_id)


def find(
    connection: sqlite3.Connection,
    *,
    states: Iterable[str] = (),
    search: str = "",
    limit: int = 500,
) -> list[Visit]:
    """Visits in `states` (none given: all), in the order in which they are expected.

    `search` is a part of a name, company or host; `limit` keeps the newest.
    """
    wanted = tuple(states) or STATES
    marks = ", ".join("?" * len(wanted))
    rows = connection.execute(
        f"SELECT * FROM ({_SELECT} WHERE state IN ({marks}) AND (? = '' OR "  # noqa: S608
        "instr(name_key(name || ' ' || company || ' ' || host), ?) > 0) "
        "ORDER BY expected_from DESC, id DESC LIMIT ?) ORDER BY expected_from, id",
        (*wanted, search, name_key(search), limit),
    )
    return [_visit(row) for row in rows]


def overdue(connection: sqlite3.Connection, now: datetime) -> list[Visit]:
    """Visits that should be over and are not, the longest overdue first."""
    rows = connection.execute(
        f"{_SELECT} WHERE state = 'on_site' AND expected_until < ? ORDER BY expected_until",
        (stamp(now),),
    )
    return [_visit(row) for row in rows]


def expected(connection: sqlite3.Connection, begin: str, end: str, limit: int = 200) -> list[Visit]:
    """Announced visits to which nobody came yet and whose time touches that from `begin` to `end`
    (as rows hold times; "" is open), in the order in which they are expected."""
    rows = connection.execute(
        f"{_SELECT} WHERE state = 'expected' AND (? = '' OR expected_until >= ?) "
        "AND (? = '' OR expected_from < ?) ORDER BY expected_from, id LIMIT ?",
        (begin, begin, end, end, limit),
    )
    return [_visit(row) for row in rows]


def departed_since(connection: sqlite3.Connection, begin: str, limit: int = 100) -> list[Visit]:
    """Visits that ended at `begin` or later, the last one first."""
    rows = connection.execute(
        f"{_SELECT} WHERE state = 'departed' AND departed_at >= ? "
        "ORDER BY departed_at DESC, id DESC LIMIT ?",
        (begin, limit),
    )
    return [_visit(row) for row in rows]


def badges_out(connection: sqlite3.Connection, *, departed_only: bool = False) -> list[Visit]:
    """Visits whose temporary badge did not come back, oldest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE badge_issued_at IS NOT NULL AND badge_returned_at IS NULL "
        "AND (? = 0 OR state = 'departed') ORDER BY badge_issued_at",
        (departed_only,),
    )
    return [_visit(row) for row in rows]


def load(connection: sqlite3.Connection, visit_id: int, version: int | None = None) -> Visit:
    """One visit; raises NotFound, and Conflict if it is not at `version` any more."""
    row = None
    if 0 < visit_id < 2**62:
        row = connection.execute(f"{_SELECT} WHERE id = ?", (visit_id,)).fetchone()
    if row is None:
        raise NotFound("no_visit", "there is no visit {visit_id}", visit_id=visit_id)
    visit = _visit(row)
    if version is not None and version != visit.version:
        raise Conflict(
            "changed",
            "visit {visit_id} was changed in the meantime; look at it again",
            visit_id=visit_id,
        )
    return visit


def insert(connection: sqlite3.Connection, plan: Plan, *, by: Operator, now: datetime) -> Visit:
    """Write an announced visit, inside the caller's transaction; returns it with its number."""
    number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM visit").fetchone()[0]
    visit = Visit(
        number,
        1,
        "expected",
        plan.name,
        plan.company,
        plan.kind,
        plan.host,
        plan.purpose,
        plan.escort,
        False,
        stamp(plan.since),
        stamp(plan.until),
        stamp(now),
        str(by),
        note=plan.note,
    )
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(
        f"INSERT INTO visit ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608
        astuple(visit),
    )
    return visit


def save(
    connection: sqlite3.Connection,
    visit: Visit,
    kind: str,
    by: Operator,
    criteria: Criteria | None,
    **data: object,
) -> Visit:
    """Write a changed visit and its event, inside the caller's transaction.  `criteria` as in
    `event`."""
    new = replace(visit, version=visit.version + 1)
    sets = ", ".join(f"{name} = ?" for name in _COLUMNS)
    connection.execute(
        f"UPDATE visit SET {sets} WHERE id = ?",  # noqa: S608 - our own names
        (*astuple(new), new.id),
    )
    event(connection, kind, new, by, criteria, **data)
    return new


def event(
    connection: sqlite3.Connection,
    kind: str,
    visit: Visit,
    by: Operator,
    criteria: Criteria | None,
    **data: object,
) -> None:
    """Record that `kind` happened to the visit.  `criteria` is the site's set, None the standard
    one."""
    marks = (criteria or standard()).marks(kind)
    base = {
        "visit": visit.id,
        "name": visit.name,
        "company": visit.company,
        "host": visit.host,
        "kind": visit.kind,
        "purpose": visit.purpose,
    }
    put_event(connection, kind, visit.person_id, {**base, **data, "by": by, **marks})


def _visit(row: tuple[object, ...]) -> Visit:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Visit(**values)  # type: ignore[arg-type]
