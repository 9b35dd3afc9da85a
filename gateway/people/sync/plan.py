"""What a list would change: a comparison of the list in force with one that was read.

A plan is made before anything is written, so that a person and the tripwires can look at it.  A
whole list is compared with everybody, a delta only with the people whom it names.  Reads
people.db, writes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from gateway.decide.model import Credential, Person, PersonStatus
from gateway.locale import Message, worded
from gateway.people.sync.source import RowError, Source

COLUMNS = ("name", "company", "role", "valid_from", "valid_until", "status", "access_levels")
FIELDS = (*COLUMNS, "credentials", "requirements")
_LEVELS, _BADGES, _REQUIREMENTS = len(COLUMNS) - 1, len(COLUMNS), len(COLUMNS) + 1

_HELD = f"""
SELECT p.id, {", ".join(f"p.{name}" for name in COLUMNS)},
       (SELECT group_concat(key, char(10)) FROM
          (SELECT key FROM credential c WHERE c.person_id = p.id ORDER BY key)),
       (SELECT group_concat(kind || '=' || coalesce(valid_until, ''), char(10)) FROM
          (SELECT kind, valid_until FROM requirement r
            WHERE r.subject_kind = 'person' AND r.key = p.id ORDER BY kind))
  FROM person p"""  # noqa: S608 - our own names

Entry = tuple[str | None, ...]
"""A person as people.db holds them, in the order of `FIELDS`; badges and requirements
(``kind=day``) as sorted lines of text, None if there are none."""


@dataclass(frozen=True, slots=True)
class Tripped:
    """A tripwire that holds a list back: its name, how many people it concerns, why, and the first
    of these people."""

    name: str
    count: int
    why: Message
    people: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """What a list would change.

    `changed` maps a person's id to the names of the fields.  `overridden` are people whom the list
    calls active and who were revoked here.  `before` holds the entries of the people who are
    changed or removed.  `widened` maps a person to the fields that give them more access than they
    have, `absent` are the columns that the list does not have.  `revoked` are the people revoked
    here (for a delta, of those whom it names).  A plan with `errors` can't be applied; one with
    `tripped` only after somebody confirms each of them by name.
    """

    base: int
    total: int
    held: int = 0
    added: list[Person] = field(default_factory=list)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0
    overridden: list[str] = field(default_factory=list)
    source: str = ""
    sha256: str = ""
    kind: str = "sync"
    to_version: int | None = None
    kinds: frozenset[str] = frozenset()
    requirements: Mapping[str, Mapping[str, date]] = field(default_factory=dict)
    revoked_at: Mapping[str, datetime] = field(default_factory=dict)
    generated_at: datetime | None = None
    modified_at: datetime | None = None
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)
    updates: list[Person] = field(default_factory=list)
    before: dict[str, Entry] = field(default_factory=dict)
    widened: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    revoked: set[str] = field(default_factory=set)
    errors: list[RowError] = field(default_factory=list)
    tripped: list[Tripped] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def plan(connection: sqlite3.Connection, source: Source) -> Plan:
    """Compare `source` with the list in force.  Writes nothing."""
    result = Plan(
        version(connection),
        len(source.people),
        source=source.name,
        sha256=source.sha256,
        kind="delta" if source.delta else "sync",
        kinds=frozenset(source.kinds),
        absent=frozenset(source.absent),
        requirements=source.requirements,
        revoked_at=source.revoked_at,
        generated_at=source.generated_at,
        modified_at=source.modified_at,
        received_at=source.received_at,
    )
    removals = source.removals
    named = None
    if removals is not None:
        named = [person.id for person in source.people] + removals
    present = held(connection, named)
    result.revoked = _revoked(connection, named)
    _compare(result, source.people, present)
    if removals is None:
        result.held = len(present)
        listed = {person.id for person in source.people}
        gone: Iterable[str] = (key for key in present if key not in listed)
    else:
        result.held = int(connection.execute("SELECT count(*) FROM person").fetchone()[0])
        gone = [key for key in removals if key in present]
        _check_delta(connection, result, source, present)
    for key in gone:
        result.removed.append((key, str(present[key][0])))
        result.before[key] = present[key]
    if removals is not None:
        result.total = result.held + len(result.added) - len(result.removed)
        result.unchanged = result.held - len(result.changed) - len(result.removed)
    return result


def _compare(result: Plan, people: Iterable[Person], present: Mapping[str, Entry]) -> None:
    for person in people:
        old = present.get(person.id)
        if old is None:
            result.added.append(person)
            continue
        new = entry(person, result.requirements.get(person.id))
        fields = _differences(old, new, result.kinds)
        if fields:
            result.changed[person.id] = fields
            result.updates.append(person)
            result.before[person.id] = old
            if person.id not in result.revoked and (more := wider(old, new)):
                result.widened[person.id] = more
        else:
            result.unchanged += 1
        if person.id in result.revoked and person.status == "active":
            result.overridden.append(person.id)


def _differences(old: Entry, new: Entry, kinds: frozenset[str]) -> tuple[str, ...]:
    if old == new:
        return ()
    fields = [name for name, a, b in zip(COLUMNS, old, new, strict=False) if a != b]
    if old[_BADGES] != new[_BADGES]:
        fields.append("credentials")
    if old[_REQUIREMENTS] != new[_REQUIREMENTS]:
        # Kinds that the list does not name are kept elsewhere, and stay.
        ours = {kind: day for kind, day in requirements_of(old).items() if kind in kinds}
        if ours != requirements_of(new):
            fields.append("requirements")
    return tuple(fields)


def wider(old: Entry, new: Entry) -> tuple[str, ...]:
    """The fields by which `new` gives more access than `old`: an expiry that is later or gone, a
    first day that is earlier or gone, active again, one more level or badge, a requirement that
    is new or lapses later.  A badge in place of another is not more."""
    a, b = dict(zip(FIELDS, old, strict=True)), dict(zip(FIELDS, new, strict=True))
    had, shown = requirements_of(old), requirements_of(new)
    more = {
        "valid_from": a["valid_from"]
        and (not b["valid_from"] or b["valid_from"] < a["valid_from"]),
        "valid_until": a["valid_until"]
        and (not b["valid_until"] or b["valid_until"] > a["valid_until"]),
        "status": a["status"] != b["status"] == PersonStatus.ACTIVE,
        "access_levels": set(levels_of(new)).difference(levels_of(old)),
        "credentials": len(badges_of(new)) > len(badges_of(old)),
        "requirements": any(
            kind not in had or ((was := had[kind]) and (not day or day > was))
            for kind, day in shown.items()
        ),
    }
    return tuple(name for name in FIELDS if more.get(name))


def _check_delta(
    connection: sqlite3.Connection, result: Plan, source: Source, present: Mapping[str, Entry]
) -> None:
    """Errors where a delta and the list in force have drifted apart."""

    def wrong(name: str, message: Message) -> None:
        result.errors.append(RowError(0, name, message))

    for key, op in source.ops.items():
        if (op == "add") == (key in present):
            if op == "add":
                wrong("op", worded("add {id}: is on the list already", id=key))
            else:
                wrong("op", worded("change {id}: is not on the list", id=key))
    for key in source.removals or ():
        if key not in present:
            wrong("op", worded("remove {id}: is not on the list", id=key))
    owners = {badge.key: person for person in source.people for badge in person.credentials}
    # The people whom a delta names give up all badges that it does not list for them.
    for badge, holder in connection.execute(
        "SELECT key, person_id FROM credential WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(owners)),),
    ):
        if holder not in present:
            masked = Credential(*badge.split(":", 2)).masked
            wrong(
                "credentials",
                worded(
                    "badge {badge} of {id} is held by {holder}",
                    badge=masked,
                    id=owners[badge].id,
                    holder=holder,
                ),
            )


def entry(person: Person, requirements: Mapping[str, date] | None = None) -> Entry:
    """A person as people.db holds them."""
    badges = [badge.key for badge in person.credentials]
    shown = sorted(f"{kind}={day.isoformat()}" for kind, day in (requirements or {}).items())
    return (
        person.name,
        person.company,
        person.role,
        person.valid_from.isoformat() if person.valid_from else None,
        person.valid_until.isoformat() if person.valid_until else None,
        person.status.value,
        json.dumps(person.access_levels),
        "\n".join(sorted(badges)) or None,
        "\n".join(shown) or None,
    )


def person_of(key: str, entry: Entry) -> Person:
    """The person of an entry; raises ValueError if it is damaged."""
    name, company, role, first, last, status, _levels, _held, _shown = entry
    return Person(
        key,
        str(name),
        str(company),
        str(role),
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
        PersonStatus(str(status)),
        tuple(Credential(*badge.split(":", 2)) for badge in badges_of(entry)),
        levels_of(entry),
    )


def badges_of(entry: Entry) -> tuple[str, ...]:
    """The keys of a person's badges, in order."""
    return tuple(badge for badge in (entry[_BADGES] or "").split("\n") if badge)


def levels_of(entry: Entry) -> tuple[str, ...]:
    """A person's access levels."""
    try:
        return tuple(json.loads(entry[_LEVELS] or "[]"))
    except (ValueError, TypeError):  # a damaged row of the list in force: a good list mends it
        return ()


def requirements_of(entry: Entry) -> dict[str, date | None]:
    """Kind to last good day; None for one that does not lapse."""
    lines = (entry[_REQUIREMENTS] or "").split("\n")
    pairs = (line.rsplit("=", 1) for line in lines if line)
    return {kind: date.fromisoformat(day) if day else None for kind, day in pairs}


def version(connection: sqlite3.Connection) -> int:
    """The number of the list in force; 0 before the first."""
    row = connection.execute("SELECT coalesce(max(number), 0) FROM list_version").fetchone()
    return int(row[0])


def held(connection: sqlite3.Connection, named: list[str] | None) -> dict[str, Entry]:
    """Everybody on the list, or those named who are."""
    rows: Any
    if named is None:
        rows = connection.execute(_HELD)
    else:
        where = " WHERE p.id IN (SELECT value FROM json_each(?))"
        rows = connection.execute(_HELD + where, (json.dumps(named),))
    return {row[0]: row[1:] for row in rows}


def _revoked(connection: sqlite3.Connection, named: list[str] | None) -> set[str]:
    rows: Any
    if named is None:
        rows = connection.execute("SELECT person_id FROM revocation")
    else:
        sql = "SELECT person_id FROM revocation WHERE person_id IN (SELECT value FROM json_each(?))"
        rows = connection.execute(sql, (json.dumps(named),))
    return {row[0] for row in rows}
