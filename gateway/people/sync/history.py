"""The history of the list: what each version changed, for showing it and for going back.

For each version, people.db keeps how every person whom it changed was before.  `changes` shows
who changed what: the state after a change is the state before the next one, or today's.
`rollback` goes back through the versions, newest first, and puts back what each one found.
History is never rewritten.  The oldest versions are deleted when there are too many or they take
too much room; the present version always stays.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gateway.locale import GaritaError, worded
from gateway.people.sync.plan import FIELDS, Entry, Plan, held, person_of, requirements_of, version
from gateway.people.sync.plan import plan as compare
from gateway.people.sync.source import RowError, Source

_ROW = 64  # bytes that a row takes beside its text, about


class HistoryError(GaritaError):
    """That version can't be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How much history stays: so many versions, and so many bytes."""

    versions: int = 100
    bytes: int = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """One person in one version.  `op` is added, changed or removed; `before` and `after` are
    entries by field, None where the person was not on the list."""

    version: int
    at: str
    by: str
    source: str
    kind: str
    person: str
    op: str
    fields: tuple[str, ...]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def record(connection: sqlite3.Connection, plan: Plan, number: int) -> int:
    """Write how the people of `plan` were before it; returns the bytes that took.  Inside the
    caller's transaction, before anybody is changed."""
    size = 0

    def rows() -> Iterator[tuple[int, str, str, str, str | None]]:
        nonlocal size
        for person in plan.added:
            size += _ROW + len(person.id)
            yield number, person.id, "added", "", None
        for key, fields in plan.changed.items():
            text = json.dumps(plan.before[key], ensure_ascii=False)
            size += _ROW + len(text)
            yield number, key, "changed", ",".join(fields), text
        for key, _ in plan.removed:
            text = json.dumps(plan.before[key], ensure_ascii=False)
            size += _ROW + len(text)
            yield number, key, "removed", "", text

    connection.executemany(
        "INSERT INTO person_history (version, person_id, op, fields, before) "
        "VALUES (?, ?, ?, ?, ?)",
        rows(),
    )
    return size


def prune(connection: sqlite3.Connection, keep: Keep) -> None:
    """Forget the oldest versions beyond `keep`, never the newest."""
    kept = connection.execute(
        "SELECT number, bytes FROM version_detail WHERE kept ORDER BY number DESC"
    ).fetchall()
    total, last = 0, 0
    for count, (number, size) in enumerate(kept, 1):
        total += size
        if count > 1 and (count > keep.versions or total > keep.bytes):
            last = number
            break
    if last:
        connection.execute("DELETE FROM person_history WHERE version <= ?", (last,))
        connection.execute("UPDATE version_detail SET kept = 0 WHERE number <= ?", (last,))


def rollback(connection: sqlite3.Connection, to: int, levels: Collection[str]) -> Plan:
    """The plan that puts the list of version `to` in force again, as a new version.

    `levels` are the access levels of the configuration; a level that is gone is an error of the
    plan.  Revocations made here stay.  Raises HistoryError if that version is not kept.
    """
    newest = version(connection)
    if not 0 < to < newest:
        raise HistoryError(
            worded(
                "there is no version {to} before the present one, {newest}", to=to, newest=newest
            )
        )
    details = connection.execute(
        "SELECT number, kept, requirements FROM version_detail WHERE number > ?", (to,)
    ).fetchall()
    if len(details) != newest - to or not all(kept for _, kept, _ in details):
        raise HistoryError(worded("version {to} is no longer kept (garita people versions)", to=to))
    kinds = {number: frozenset(json.loads(text)) for number, _, text in details}
    source = Source(f"version {to}", kinds=set().union(*kinds.values()))
    then = _as_of(connection, to, kinds)
    source.kinds.update(kind for found in then.values() for kind in found.shown)
    present = held(connection, list(then))
    source.removals = [key for key, found in then.items() if found.entry is None]
    for key, found in then.items():
        if found.entry is None:
            continue
        # What no version since has touched is as it is now.
        now = requirements_of(present[key]) if key in present and not found.whole else {}
        days = {**now, **found.shown}
        source.requirements[key] = {
            kind: day for kind, day in days.items() if day and kind in source.kinds
        }
        source.people.append(person_of(key, found.entry))
    unknown = {name for person in source.people for name in person.access_levels} - set(levels)
    plan = compare(connection, source)
    plan.errors = [
        RowError(
            0,
            "access_levels",
            worded("the configuration has no level '{name}' any more", name=name),
        )
        for name in sorted(unknown)
    ]
    plan.kind, plan.to_version = "rollback", to
    row = connection.execute(
        "SELECT source_sha256 FROM list_version WHERE number = ?", (to,)
    ).fetchone()
    plan.sha256 = str(row[0] or "")
    return plan


@dataclass(slots=True)
class _Then:
    """A person as they were in an earlier version.

    `entry` is None if they were not on the list.  `shown` holds, by kind, the requirements that
    later versions changed (None: they had none).  `whole` says that they left the list since, so
    that no other requirement of theirs is left.
    """

    entry: Entry | None = None
    shown: dict[str, date | None] = field(default_factory=dict)
    whole: bool = False


def _as_of(
    connection: sqlite3.Connection, to: int, kinds: Mapping[int, frozenset[str]]
) -> dict[str, _Then]:
    """Everybody whom a later version touched, as they were in `to`."""
    result: dict[str, _Then] = {}
    for number, key, op, before in connection.execute(
        "SELECT version, person_id, op, before FROM person_history WHERE version > ? "
        "ORDER BY version DESC",
        (to,),
    ):
        then = result.setdefault(key, _Then())
        then.entry = tuple(json.loads(before)) if before else None
        if op == "removed":
            then.shown, then.whole = requirements_of(then.entry) if then.entry else {}, True
        elif then.entry is not None:
            found = requirements_of(then.entry)
            then.shown.update({kind: found.get(kind) for kind in kinds[number]})
    return result


def versions(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every list that was applied, newest first; `kept` says whether one can go back to before
    it."""
    cursor = connection.execute(
        "SELECT v.number, v.applied_at, v.by, coalesce(d.kind, 'sync') AS kind, d.to_version, "
        "v.source, v.added, v.changed, v.removed, v.total, v.source_sha256 AS sha256, "
        "d.generated_at, d.confirmed, coalesce(d.kept, 0) AS kept "
        "FROM list_version v LEFT JOIN version_detail d ON d.number = v.number "
        "ORDER BY v.number DESC"
    )
    names = [item[0] for item in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    for row in found:
        row["confirmed"] = json.loads(row["confirmed"] or "[]")
        row["kept"] = bool(row["kept"])
    return found


def changes(
    connection: sqlite3.Connection, *, person: str = "", limit: int = 200, reveal: bool = False
) -> list[Change]:
    """Who was changed by which list, newest first; of one person or of all.  Badge numbers are
    masked unless `reveal`."""
    where = "WHERE h.person_id = ?" if person else ""
    rows = connection.execute(
        "SELECT h.version, v.applied_at, v.by, v.source, coalesce(d.kind, 'sync'), h.person_id, "  # noqa: S608
        "h.op, h.fields, h.before, (SELECT n.before FROM person_history n WHERE "
        "n.person_id = h.person_id AND n.version > h.version ORDER BY n.version LIMIT 1), "
        "(SELECT min(n.version) FROM person_history n WHERE "
        "n.person_id = h.person_id AND n.version > h.version) "
        "FROM person_history h JOIN list_version v ON v.number = h.version "
        f"LEFT JOIN version_detail d ON d.number = h.version {where} "
        "ORDER BY h.version DESC, h.person_id LIMIT ?",
        (*([person] if person else []), limit if limit > 0 else -1),
    ).fetchall()
    last = [row[5] for row in rows if row[10] is None]
    present = held(connection, last)
    result = []
    for number, at, by, source, kind, key, op, fields, before, later, following in rows:
        after: Entry | None
        if following is None:
            after = present.get(key)
        else:
            after = tuple(json.loads(later)) if later else None
        if op == "removed":
            after = None
        result.append(
            Change(
                number,
                at,
                by or "",
                source or "",
                kind,
                key,
                op,
                tuple(fields.split(",")) if fields else (),
                shown(tuple(json.loads(before)), reveal) if before else None,
                shown(after, reveal) if after else None,
            )
        )
    return result


def shown(entry: Entry, reveal: bool = False) -> dict[str, Any]:
    """An entry by field, as JSON values; badges masked unless they are to be revealed."""
    found = dict(zip(FIELDS, entry, strict=True))
    person = person_of("", entry)
    lines = (found["requirements"] or "").split("\n")
    return {
        **found,
        "access_levels": list(person.access_levels),
        "credentials": [item.key if reveal else item.masked for item in person.credentials],
        "requirements": dict(line.rsplit("=", 1) for line in lines if line),
    }
