"""Putting a plan in force, whole or not at all; and acts on single people.

Applying a plan is one transaction: the people, the new list version, its history and the event
for the log.  A process that is killed in between leaves the old list.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from gateway.ledger.event import EventType
from gateway.locale import GaritaError, worded
from gateway.people import faces, losses, marks, search
from gateway.people.schema import now_text, put_event
from gateway.people.sync import history
from gateway.people.sync.history import Keep
from gateway.people.sync.measure import measure
from gateway.people.sync.plan import COLUMNS, Plan, Tripped, entry, plan, version

__all__ = [
    "Keep",
    "Plan",
    "SyncError",
    "Tripped",
    "apply",
    "clear_pin",
    "plan",
    "set_pin",
    "set_revoked",
    "version",
]


_SET = ", ".join(f"{name} = ?" for name in COLUMNS)
_NAMES = f"id, {', '.join(COLUMNS)}"
_MARKS = ", ".join("?" * (len(COLUMNS) + 1))
_OF_PEOPLE = (  # what is theirs and goes with them
    ("face_consent", "person_id"),
    ("pin", "person_id"),
    ("credential", "person_id"),
    ("person", "id"),
)


_PART_BYTES = 6000


class SyncError(GaritaError):
    """The list was not applied, and the one before is in force; the message says why."""


def apply(
    connection: sqlite3.Connection,
    plan: Plan,
    *,
    by: str,
    confirmed: Collection[str] = (),
    keep: Keep = Keep(),  # noqa: B008 - frozen
    progress: Callable[[int], None] | None = None,
) -> int:
    """Put `plan` in force in one transaction; returns the new list version.

    `confirmed` names the tripwires that somebody looked at and let pass.  Raises SyncError if
    another has tripped, if the list has changed since the plan was made, or can't be written.
    """
    if plan.errors:
        raise SyncError("; ".join(map(str, plan.errors[:3])))
    waiting = [item for item in plan.tripped if item.name not in confirmed]
    if waiting:
        raise SyncError("; ".join(f"{item.name}: {item.why}" for item in waiting))
    with _writing(connection):
        if version(connection) != plan.base:
            raise SyncError(
                worded("another list was applied in the meantime; look at the plan again")
            )
        number = plan.base + 1
        # A change by hand is found also after a delta that leaves that person alone.
        was = marks.of_list(connection)
        size = history.record(connection, plan, number)
        _release_badges(connection, plan)
        removed = [key for key, _ in plan.removed]
        added = [person.id for person in plan.added]
        renamed = [key for key, names in plan.changed.items() if {"name", "company"} & set(names)]
        with search.kept(connection, gone=[*removed, *renamed], come=[*added, *renamed]):
            lost = _remove_people(connection, removed, by)
            _write_people(connection, plan, progress)
        _write_requirements(connection, plan, by)
        agreed = sorted(item.name for item in plan.tripped)
        _write_version(connection, plan, number, by=by, agreed=agreed, size=size)
        history.prune(connection, keep)
        measure(connection, plan, number, by=by)
        counts = {"added": len(plan.added), "changed": len(plan.changed)}
        counts |= {"removed": len(plan.removed), "total": plan.total}
        data = {"version": number, "source": plan.source, "sha256": plan.sha256, "by": by, **counts}
        if plan.generated_at is not None:
            data["generated_at"] = plan.generated_at.isoformat()
        data |= {"kind": plan.kind, "confirmed": agreed, "templates_removed": lost}
        data |= {"list_was": was, "list_mark": marks.of_list(connection)}
        data["history_mark"] = marks.of_history(connection, number)
        _record(connection, plan, number, data)
    if lost:
        faces.scrub(connection)
    return number


def _record(connection: sqlite3.Connection, plan: Plan, number: int, data: dict[str, Any]) -> None:
    """The event of a list, with who was added, changed (which fields) and removed (by name, because
    the list has them no more).  Many people are told in events of their own."""
    parts = list(_who(plan))
    if len(parts) == 1:
        data = {**data, "people": parts[0]}
    if plan.kind == "rollback":
        data = {**data, "to": plan.to_version}
        put_event(connection, EventType.PEOPLE_ROLLED_BACK, "people", data)
    else:
        put_event(connection, EventType.PEOPLE_SYNCED, "people", data)
    if len(parts) > 1:
        for part, people in enumerate(parts, 1):
            told = {"version": number, "part": part, "parts": len(parts), "people": people}
            put_event(connection, EventType.PEOPLE_SYNCED_PART, "people", told)


def _who(plan: Plan) -> Iterator[dict[str, Any]]:
    """The people whom a plan touches, in parts that every broker takes."""
    everybody: list[tuple[str, str, Any]] = [("added", person.id, "") for person in plan.added]
    everybody += [("changed", key, list(fields)) for key, fields in plan.changed.items()]
    everybody += [("removed", key, name) for key, name in plan.removed]
    part: dict[str, Any] = {}
    size = 0
    for kind, key, what in everybody:
        if kind == "added":
            part.setdefault(kind, []).append(key)
        else:
            part.setdefault(kind, {})[key] = what
        size += len(key.encode()) + len(json.dumps(what)) + 6
        if size > _PART_BYTES:
            yield part
            part, size = {}, 0
    if part:
        yield part


def _remove_people(connection: sqlite3.Connection, people: Collection[str], by: str) -> int:
    """Delete people with everything that belongs to them, inside the caller's transaction.

    Returns how many face templates were deleted.  Nothing else deletes a person from people.db.
    """
    gone = [(key,) for key in people]
    lost = 0
    for key in people:
        lost += faces.destroy(connection, key, why="left the list", by=by) or 0
    for table, column in _OF_PEOPLE:
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
    return lost


def _write_people(
    connection: sqlite3.Connection, plan: Plan, progress: Callable[[int], None] | None
) -> None:
    # Delete all badges that move first: a badge may pass from one person to another.
    moved = [(key,) for key, names in plan.changed.items() if "credentials" in names]
    connection.executemany("DELETE FROM credential WHERE person_id = ?", moved)
    connection.executemany(
        f"UPDATE person SET {_SET} WHERE id = ?",  # noqa: S608 - our own names
        ((*entry(person)[: len(COLUMNS)], person.id) for person in plan.updates),
    )
    connection.executemany(
        f"INSERT INTO person ({_NAMES}) VALUES ({_MARKS})",  # noqa: S608 - our own names
        _counted(((person.id, *entry(person)[: len(COLUMNS)]) for person in plan.added), progress),
    )
    owners = [p for p in plan.updates if "credentials" in plan.changed[p.id]] + plan.added
    connection.executemany(
        "INSERT INTO credential (key, person_id) VALUES (?, ?)",
        ((item.key, person.id) for person in owners for item in person.credentials),
    )


def _write_requirements(connection: sqlite3.Connection, plan: Plan, by: str) -> None:
    """Write the requirements of the kinds that the list names.

    Other kinds of the same people stay.  A requirement whose day is the same keeps its number and
    note.
    """
    changed = [key for key, names in plan.changed.items() if "requirements" in names]
    connection.executemany(
        "DELETE FROM requirement WHERE subject_kind = 'person' AND key = ? AND kind = ?",
        (
            (key, kind)
            for key in changed
            for kind in plan.kinds.difference(plan.requirements.get(key, ()))
        ),
    )
    at = now_text()
    connection.executemany(
        "INSERT INTO requirement (subject_kind, key, subject, kind, valid_until, set_at, by) "
        "VALUES ('person', ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "valid_until = excluded.valid_until, number = NULL, issued_at = NULL, note = NULL, "
        "set_at = excluded.set_at, by = excluded.by "
        "WHERE valid_until IS NOT excluded.valid_until",
        (
            (key, key, kind, day.isoformat(), at, by)
            for key in (*changed, *(person.id for person in plan.added))
            for kind, day in plan.requirements.get(key, {}).items()
        ),
    )


def _release_badges(connection: sqlite3.Connection, plan: Plan) -> None:
    """Remember the badges of people who left or lost access.  A tripwire asks if such a badge is
    soon given to somebody else.  The gateway forgets them (gateway/people/released.py)."""
    left = [key for key, _ in plan.removed]
    left += [p.id for p in plan.updates if p.status != "active" or p.id in plan.revoked]
    at = now_text()
    connection.executemany(
        "INSERT OR REPLACE INTO released_badge (key, person_id, at) VALUES (?, ?, ?)",
        (
            (badge, key, at)
            for key in left
            for badge in (plan.before[key][len(COLUMNS)] or "").split("\n")
            if badge
        ),
    )


def _write_version(
    connection: sqlite3.Connection,
    plan: Plan,
    number: int,
    *,
    by: str,
    agreed: list[str],
    size: int,
) -> None:
    counts = (len(plan.added), len(plan.changed), len(plan.removed), plan.total)
    connection.execute(
        "INSERT INTO list_version (number, applied_at, source, source_sha256, added, changed, "
        "removed, total, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, now_text(), plan.source, plan.sha256, *counts, by),
    )
    connection.execute(
        "INSERT INTO version_detail (number, kind, to_version, requirements, generated_at, "
        "modified_at, confirmed, bytes, kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
        (
            number,
            plan.kind,
            plan.to_version,
            json.dumps(sorted(plan.kinds)),
            plan.generated_at.isoformat() if plan.generated_at else None,
            plan.modified_at.isoformat() if plan.modified_at else None,
            json.dumps(agreed),
            size,
        ),
    )


def set_revoked(
    connection: sqlite3.Connection,
    person_id: str,
    *,
    revoked: bool,
    why: str,
    by: str,
    said: datetime | None = None,
) -> bool:
    """Revoke a person here and now, or take that back; False if there is nothing to do.

    A revocation made here is stronger than the list: no sync undoes it, not even one that
    drops the person and one that brings them back.  The first one stays with its time if somebody
    revokes again.  `said` (aware) is when it was decided, if that was earlier.  Raises SyncError
    if it can't be written.
    """
    with _writing(connection):
        data = {"reason": why, "by": by}
        if not revoked:
            done = connection.execute(
                "DELETE FROM revocation WHERE person_id = ?", (person_id,)
            ).rowcount
        else:
            done = connection.execute(
                "INSERT OR IGNORE INTO revocation (person_id, at, why, by) "
                "SELECT id, ?, ?, ? FROM person WHERE id = ?",
                (now_text(), why, by, person_id),
            ).rowcount
        if done and revoked:
            how = "revoked_here"
            loss = losses.put_act(connection, person_id, how, by=by, why=why, said=said)
            data |= {"revoked_at": loss.revoked_at.isoformat(), "known_by": loss.known_by}
            put_event(
                connection, EventType.PEOPLE_REVOKED, person_id, {**data, "seconds": loss.seconds}
            )
        elif done:
            put_event(connection, EventType.PEOPLE_REINSTATED, person_id, data)
    return bool(done)


def set_pin(
    connection: sqlite3.Connection, person_id: str, *, hashed: str, duress: bool, by: str
) -> bool:
    """Give a person a PIN, or the one they type under threat; `hashed` comes from `Pins.hash`.

    A new PIN takes the duress PIN away: hashes don't tell whether the two would still differ,
    and equal ones would leave no way to call for help, or none to pass without calling.  False
    if nobody has that id, or for a duress PIN if no PIN was set before.  Raises SyncError if
    it can't be written.
    """
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
            put_event(connection, EventType.PEOPLE_PIN_SET, person_id, data)
    return bool(done)


def clear_pin(connection: sqlite3.Connection, person_id: str, *, by: str) -> bool:
    """Take a person's PIN away, and their duress PIN; False if they have none.

    Raises SyncError if it can't be written.
    """
    with _writing(connection):
        done = connection.execute("DELETE FROM pin WHERE person_id = ?", (person_id,)).rowcount
        if done:
            put_event(connection, EventType.PEOPLE_PIN_CLEARED, person_id, {"by": by})
    return bool(done)


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction; any exception in it undoes all of it, Ctrl-C too."""
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    except sqlite3.Error as error:
        raise SyncError(worded("the list could not be written: {error}", error=error)) from error


def _counted(rows: Iterable[Any], progress: Callable[[int], None] | None) -> Iterable[Any]:
    for count, row in enumerate(rows, 1):
        if progress is not None and count % 1000 == 0:
            progress(count)
        yield row
