"""The way back from a new schema of people.db: the older tables, with the list in force now.

Putting the old copy back as it is would undo what was done since: a revocation too.  So the copy
gives the tables of its schema version, and every row that they can hold comes from the list as it
is now.  What they can't hold is counted before anything is done.  The list as it was until now is
kept as a copy of its own.  The exchange is one transaction of SQLite: killed at any point, the file
is as before or done.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.people.lookup import compare_names
from gateway.people.schema import now_text
from gateway.upgrade.databases import version_of
from gateway.vault.copies import Copy, CopyError, check_room, copies, keep_copy, verify

_KEYS_CHANGED = 7
"""The version that brought the keys of names: before it, these tables have others."""
_OTHER_KEYS = frozenset({"requirement", "partner", "partner_history", "regular_visitor", "freight"})
_INDEX = "person_search"  # made anew from the people
PEOPLE = ("person", "credential", "revocation", "list_version")
"""Who may pass, in every version alike."""


@dataclass(slots=True)
class Plan:
    """What an undo would do: `copy` is the copy whose tables come back, `now` the version that the
    file has, `lost` says by table how many rows of now the older tables can't hold, `kept` how many
    come along."""

    copy: Copy
    now: int
    kept: int = 0
    lost: dict[str, int] = field(default_factory=dict)


def plan(people: Path, schema: int | None = None) -> Plan:
    """What there is to go back to: the newest copy of an older schema, or of that version.  Raises
    CopyError if there is none, or the copy is not good; sqlite3.Error and OSError."""
    now = version_of(people)
    found = next(
        (one for one in copies(people) if one.schema < now and schema in (None, one.schema)), None
    )
    if found is None:
        raise CopyError(
            worded(
                "{name}: no copy of an older schema is kept, there is nothing to go back to",
                name=people.name,
            )
        )
    verify(found.path, found.schema)
    result = Plan(found, now)
    with closing(_attached(found.path, people)) as db:
        carried = set(_carried(db, found.schema))
        for table in _tables(db, "now"):
            count = db.execute(f'SELECT count(*) FROM now."{table}"').fetchone()[0]  # noqa: S608
            if table in carried:
                result.kept += count
            elif count and table not in ("mark_key", "log_mark"):
                result.lost[table] = count
    return result


def undo(people: Path, by: str, schema: int | None = None) -> Plan:
    """Go back to what `plan` says; the gateway must not run.  Raises CopyError, sqlite3.Error and
    OSError; people.db is as it was then."""
    found = plan(people, schema)
    check_room(people)
    with tempfile.TemporaryDirectory(prefix=".undo-", dir=people.parent) as name:
        made = Path(name) / people.name
        shutil.copyfile(found.copy.path, made)
        with closing(_attached(made, people, write=True)) as db:
            db.execute("BEGIN IMMEDIATE")
            for table in _carried(db, found.copy.schema):
                _carry(db, table)
            _lost_badges(db)
            if _INDEX in _tables(db, "main", all=True):
                db.execute(f"INSERT INTO {_INDEX}({_INDEX}) VALUES('rebuild')")
            data = {"from": found.now, "to": found.copy.schema, "lost": found.lost, "by": by}
            db.execute(
                "INSERT INTO outbox (id, created_at, type, subject, data) VALUES (?, ?, ?, ?, ?)",
                (
                    str(uuid.uuid4()),
                    now_text(),
                    EventType.UPGRADE_UNDONE,
                    people.name,
                    json.dumps(data),
                ),
            )
            db.execute("COMMIT")
        verify(made, found.copy.schema)
        keep_copy(people, found.now)
        with (
            closing(sqlite3.connect(made)) as source,
            closing(sqlite3.connect(people, timeout=10)) as target,
        ):
            target.execute("PRAGMA synchronous = FULL")
            source.backup(target)  # in one transaction of the target
    return found


def _attached(path: Path, people: Path, *, write: bool = False) -> sqlite3.Connection:
    """The database `path`, with the list of now attached as ``now``."""
    mode = "rw" if write else "ro"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, isolation_level=None
    )
    compare_names(db)
    db.execute("ATTACH ? AS now", (f"{people.absolute().as_uri()}?mode=ro",))
    return db


def _tables(db: sqlite3.Connection, schema: str, *, all: bool = False) -> list[str]:
    rows = db.execute(
        f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"  # noqa: S608
    )
    return [name for (name,) in rows if all or not name.startswith(_INDEX)]


def _carried(db: sqlite3.Connection, schema: int) -> list[str]:
    """The tables that are alike in both, people first."""
    both = set(_tables(db, "main")) & set(_tables(db, "now"))
    alike = {name for name in both if _columns(db, "main", name) == _columns(db, "now", name)}
    if schema < _KEYS_CHANGED:
        alike -= _OTHER_KEYS
    return [*PEOPLE, *sorted(alike.difference(PEOPLE))]


def _columns(db: sqlite3.Connection, schema: str, table: str) -> list[Any]:
    rows = db.execute(f'PRAGMA {schema}.table_info("{table}")')
    return [(row[1], row[2].upper()) for row in rows]


def _carry(db: sqlite3.Connection, table: str) -> None:
    """The rows of now in place of those of then."""
    if table == "person":  # a trigger takes along what belonged to whoever left since
        db.execute("DELETE FROM main.person WHERE id NOT IN (SELECT id FROM now.person)")
        db.execute("INSERT OR REPLACE INTO main.person SELECT * FROM now.person")
        return
    db.execute(f'DELETE FROM main."{table}"')  # noqa: S608 - names out of our own schema
    db.execute(f'INSERT INTO main."{table}" SELECT * FROM now."{table}"')  # noqa: S608


def _lost_badges(db: sqlite3.Connection) -> None:
    """A badge that was reported lost stays nobody's where the older program knows no such thing."""
    if "lost_badge" in _tables(db, "now") and "lost_badge" not in _tables(db, "main"):
        db.execute(
            "DELETE FROM main.credential WHERE EXISTS (SELECT 1 FROM now.lost_badge l "
            "WHERE l.key = credential.key AND l.person_id = credential.person_id)"
        )
