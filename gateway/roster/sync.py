"""From a list that was read to the list in force: plan, look at it, apply it whole.

A plan is computed before anything is written and shown to a person.  Applying it is one
transaction with the new list version and the event for the log: whoever dies in between
leaves the old list.  Plain sqlite3 writes here, not sqlite-utils: its bulk methods commit on
their own, and a list must not be half there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.model import Person
from gateway.roster import faces
from gateway.roster.schema import now_text, put_event
from gateway.roster.source import Source

if TYPE_CHECKING:  # takes a third of a second to load: only when it is used
    from sqlite_utils import Database

_COLUMNS = ("name", "company", "role", "valid_from", "valid_until", "status", "access_levels")
_SELECT = f"SELECT id, {', '.join(_COLUMNS)} FROM person"  # noqa: S608 - our own names


class SyncError(Exception):
    """The list was not applied, and the one before is in force; the message says why."""


@dataclass(slots=True)
class Plan:
    """What a list would change.  `changed` maps a person's id to the names of the fields;
    `overridden` are people whom the list calls active and who were revoked here."""

    base: int
    total: int
    added: list[Person] = field(default_factory=list)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0
    overridden: list[str] = field(default_factory=list)
    source: str = ""
    sha256: str = ""
    _updates: list[Person] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def plan(db: Database, source: Source) -> Plan:
    """Compare `source` with the list in force.  Writes nothing."""
    held = {row[0]: row[1:] for row in db.execute(_SELECT)}
    badges: dict[str, set[str]] = {}
    for key, person_id in db.execute("SELECT key, person_id FROM credential"):
        badges.setdefault(person_id, set()).add(key)
    revoked = {row[0] for row in db.execute("SELECT person_id FROM revocation")}
    result = Plan(_version(db.conn), len(source.people), source=source.name, sha256=source.sha256)
    listed = set()
    for person in source.people:
        listed.add(person.id)
        old = held.get(person.id)
        if old is None:
            result.added.append(person)
            continue
        new = _values(person)
        fields = [name for name, a, b in zip(_COLUMNS, old, new, strict=True) if a != b]
        if badges.get(person.id, set()) != {item.key for item in person.credentials}:
            fields.append("credentials")
        if fields:
            result.changed[person.id] = tuple(fields)
            result._updates.append(person)
        else:
            result.unchanged += 1
        if person.id in revoked and person.status == "active":
            result.overridden.append(person.id)
    result.removed = [(key, values[0]) for key, values in held.items() if key not in listed]
    return result


def apply(
    db: Database, plan: Plan, *, by: str, progress: Callable[[int], None] | None = None
) -> int:
    """Put `plan` in force in one transaction; returns the new list version.

    Raises SyncError if the list has changed since the plan was made, or can't be written.
    """
    connection = db.conn
    with _writing(connection):
        if _version(connection) != plan.base:
            raise SyncError("another list was applied in the meantime; look at the plan again")
        gone = [(key,) for key, _ in plan.removed]
        lost = 0
        for (key,) in gone:
            lost += faces.destroy(connection, key, why="left the list", by=by) or 0
        for table, column in (
            ("face_consent", "person_id"),
            ("pin", "person_id"),
            ("credential", "person_id"),
            ("person", "id"),
        ):
            connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
        # All badges that move or go are freed first: one may pass from one person to another.
        moved = [(key,) for key, names in plan.changed.items() if "credentials" in names]
        connection.executemany("DELETE FROM credential WHERE person_id = ?", moved)
        connection.executemany(
            "UPDATE person SET name=?, company=?, role=?, valid_from=?, valid_until=?, status=?, "
            "access_levels=? WHERE id=?",
            ((*_values(person), person.id) for person in plan._updates),
        )
        connection.executemany(
            "INSERT INTO person (id, name, company, role, valid_from, valid_until, status, "
            "access_levels) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            _counted(((person.id, *_values(person)) for person in plan.added), progress),
        )
        owners = [p for p in plan._updates if "credentials" in plan.changed[p.id]] + plan.added
        connection.executemany(
            "INSERT INTO credential (key, person_id) VALUES (?, ?)",
            ((item.key, person.id) for person in owners for item in person.credentials),
        )
        number = plan.base + 1
        counts = {
            "added": len(plan.added),
            "changed": len(plan.changed),
            "removed": len(plan.removed),
            "total": plan.total,
        }
        connection.execute(
            "INSERT INTO list_version (number, applied_at, source, source_sha256, added, changed, "
            "removed, total, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, now_text(), plan.source, plan.sha256, *counts.values(), by),
        )
        data = {"version": number, "source": plan.source, "sha256": plan.sha256, "by": by, **counts}
        put_event(connection, "people.synced", "people", {**data, "templates_removed": lost})
    if lost:
        faces.scrub(connection)
    return number


def set_revoked(db: Database, person_id: str, *, revoked: bool, why: str, by: str) -> bool:
    """Revoke a person here and now, or take that back; False if there is nothing to do.

    A revocation made here is stronger than the list: no sync undoes it, not even one that
    drops the person and one that brings them back.  Raises SyncError if it can't be written.
    """
    connection = db.conn
    with _writing(connection):
        if not revoked:
            done = connection.execute(
                "DELETE FROM revocation WHERE person_id = ?", (person_id,)
            ).rowcount
        else:
            done = connection.execute(
                "INSERT OR REPLACE INTO revocation (person_id, at, why, by) "
                "SELECT id, ?, ?, ? FROM person WHERE id = ?",
                (now_text(), why, by, person_id),
            ).rowcount
        if done:
            kind = "people.revoked" if revoked else "people.reinstated"
            put_event(connection, kind, person_id, {"reason": why, "by": by})
    return bool(done)


def set_pin(db: Database, person_id: str, *, hashed: str, duress: bool, by: str) -> bool:
    """Give a person a PIN, or the one they type under threat; `hashed` comes from `Pins.hash`.

    A new PIN takes the duress PIN away: hashes don't tell whether the two would still differ,
    and equal ones would leave no way to call for help, or none to pass without calling.  False
    if nobody has that id, or for a duress PIN if no PIN was set before.  Raises SyncError if
    it can't be written.
    """
    connection = db.conn
    with _writing(connection):
        cleared = False
        if duress:
            done = connection.execute(
                "UPDATE pin SET duress_hash = ?, set_at = ?, by = ? WHERE person_id = ?",
                (hashed, now_text(), by, person_id),
            ).rowcount
        else:
            cleared = bool(
                connection.execute(
                    "SELECT 1 FROM pin WHERE person_id = ? AND duress_hash IS NOT NULL",
                    (person_id,),
                ).fetchone()
            )
            done = connection.execute(
                "INSERT OR REPLACE INTO pin (person_id, hash, duress_hash, set_at, by) "
                "SELECT id, ?, NULL, ?, ? FROM person WHERE id = ?",
                (hashed, now_text(), by, person_id),
            ).rowcount
        if done:
            data = {"by": by, "duress": duress, "duress_cleared": cleared}
            put_event(connection, "people.pin_set", person_id, data)
    return bool(done)


def clear_pin(db: Database, person_id: str, *, by: str) -> bool:
    """Take a person's PIN away, and their duress PIN; False if they have none.

    Raises SyncError if it can't be written.
    """
    connection = db.conn
    with _writing(connection):
        done = connection.execute("DELETE FROM pin WHERE person_id = ?", (person_id,)).rowcount
        if done:
            put_event(connection, "people.pin_cleared", person_id, {"by": by})
    return bool(done)


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, undone whole by whatever is raised in it, Ctrl-C too."""
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    except sqlite3.Error as error:
        raise SyncError(f"the list could not be written: {error}") from error


def _values(person: Person) -> tuple[str | None, ...]:
    """A person's columns as they are stored, in the order of `_COLUMNS`."""
    return (
        person.name,
        person.company,
        person.role,
        person.valid_from.isoformat() if person.valid_from else None,
        person.valid_until.isoformat() if person.valid_until else None,
        person.status.value,
        json.dumps(person.access_levels),
    )


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT coalesce(max(number), 0) FROM list_version").fetchone()
    return int(row[0])


def _counted(rows: Iterable[Any], progress: Callable[[int], None] | None) -> Iterable[Any]:
    for count, row in enumerate(rows, 1):
        if progress is not None and count % 1000 == 0:
            progress(count)
        yield row
